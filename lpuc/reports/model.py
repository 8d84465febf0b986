"""What is in a model, and whether it will compile."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dialects.errors import CompileError
from dialects.lpu.interface import interface_of
from dialects.lpu.ops import tensor_of
from dialects.names import unescape
from dialects.onnx import InitializerOp, OnnxOp
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.errors import printable
from lpuc.reports.program import rows, size
from passes.analysis.functions import step_function


def _inputs(module: ModuleOp) -> list[tuple[str, str]]:
    function = step_function(module)
    pairs = zip(interface_of(function).arguments, function.args, strict=True)
    lines = [f"{printable(unescape(port.name))}: {tensor_of(value)}" for port, value in pairs]
    return [("inputs" if i == 0 else "", line) for i, line in enumerate(lines)]


def _outputs(module: ModuleOp) -> list[tuple[str, str]]:
    ports = interface_of(step_function(module)).outputs
    texts = [printable(unescape(port.name)) for port in ports]
    return [("outputs" if i == 0 else "", text) for i, text in enumerate(texts)]


def _operators(module: ModuleOp) -> str:
    counts = Counter(_operator(op) for op in module.walk() if isinstance(op, OnnxOp))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"  {name:32}{count:8}" for name, count in ordered)


def _operator(op: OnnxOp) -> str:
    return f"{op.DOMAIN}.{op.OP_TYPE}" if op.DOMAIN else op.OP_TYPE


def _weights(module: ModuleOp) -> str:
    weights = [op.weight for op in module.walk() if isinstance(op, InitializerOp)]
    total = sum(_nbytes(op) for op in module.walk() if isinstance(op, InitializerOp))
    return f"{len(weights)} tensors, {size(total)}"


def _nbytes(op: Operation) -> int:
    tensor = tensor_of(op.results[0])
    count = 1
    for extent in tensor.static_shape():
        count *= extent
    return count * tensor.dtype.itemsize


def _verdict(module: ModuleOp, options: CompileOptions) -> str:
    """Whether level `lpu` is reached, which every model that compiles does."""
    try:
        lower(module, options, "lpu", Instrumentation())
    except CompileError as error:
        return f"no: {printable(str(error))}"
    return "yes"


def model_report(model: Path) -> str:
    """The model on one screen; `CompileError` if the file is no model."""
    options = CompileOptions()
    module = load_module(model, options)
    operators = _operators(module)
    facts = [
        ("model", printable(str(model))),
        ("weights", _weights(module)),
        *_inputs(module),
        *_outputs(module),
    ]
    facts.append(("compiles", _verdict(module, options)))
    return f"{rows(facts)}\n\noperators\n{operators}"
