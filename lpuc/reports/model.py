"""What is in a model, and whether it will compile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from xdsl.ir import Operation

from dialects.errors import CompileError
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.names import unescape
from dialects.onnx import InitializerOp, OnnxOp
from lpuc.compiler.driver import compile_model, load_module
from lpuc.compiler.options import CompileOptions
from lpuc.errors import printable
from lpuc.reports.data import plain
from lpuc.reports.inspection import ProgramReport, program_report
from lpuc.reports.lines import rows, size
from lpuc.reports.program import grouped, prediction_rows, program_rows
from passes.analysis.functions import step_function
from runtime.errors import RuntimeFault


@dataclass(frozen=True)
class ModelReport:
    """What a model holds, and whether it compiles with the options that were given."""

    inputs: dict[str, str]
    """The type of each by name, in the order of the model."""
    outputs: tuple[str, ...]
    operators: dict[str, int]
    weights: int
    """How many tensors."""
    weight_bytes: int
    compiles: bool
    refusal: str | None
    """Why it does not compile."""
    program: ProgramReport | None
    """What it is compiled to."""
    alone: ProgramReport | str | None = None
    """What it is compiled to for one device, where it is for several, or why it is not."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        program = None if self.program is None else self.program.as_dict()
        alone = self.alone.as_dict() if isinstance(self.alone, ProgramReport) else self.alone
        return plain(self) | {"program": program, "alone": alone}

    def text(self, path: Path) -> str:
        """The report on one screen."""
        facts = [
            ("model", printable(str(path))),
            ("weights", f"{self.weights} tensors, {size(self.weight_bytes)}"),
            *grouped("inputs", [(name, f": {kind}") for name, kind in self.inputs.items()]),
            *grouped("outputs", [(name, "") for name in self.outputs]),
            ("compiles", "yes" if self.compiles else f"no: {printable(self.refusal or '')}"),
            *([] if self.program is None else program_rows(self.program.program)),
            *_beside(self.alone),
        ]
        counts = sorted(self.operators.items(), key=lambda item: (-item[1], item[0]))
        table = "\n".join(f"  {name:32}{count:8}" for name, count in counts)
        return f"{rows(facts)}\n\noperators\n{table}"


def model_report(model: Path, options: CompileOptions) -> ModelReport:
    """What a model holds; `CompileError` if the file is no model."""
    module = load_module(model, options)
    function = step_function(module)
    interface = interface_of(function)
    weights = [op for op in module.walk() if isinstance(op, InitializerOp)]
    pairs = zip(interface.arguments, function.args, strict=True)
    program, refusal = _compiled(model, options)
    alone = None
    if program is not None and options.devices > 1:
        made, reason = _compiled(model, replace(options, devices=1, plan=None))
        alone = made or reason
    return ModelReport(
        inputs={unescape(port.name): str(tensor_of(value)) for port, value in pairs},
        outputs=tuple(unescape(port.name) for port in interface.outputs),
        operators=dict(Counter(_operator(op) for op in module.walk() if isinstance(op, OnnxOp))),
        weights=len(weights),
        weight_bytes=sum(map(_nbytes, weights)),
        compiles=program is not None,
        refusal=refusal,
        program=program,
        alone=alone,
    )


def _beside(alone: ProgramReport | str | None) -> list[tuple[str, str]]:
    """One device beside several: how long it takes, or that it cannot."""
    if alone is None or isinstance(alone, str):
        return [("one device", f"no: {printable(alone)}")] if alone else []
    return [("one device", said) for _, said in prediction_rows(alone.program)]


def _compiled(model: Path, options: CompileOptions) -> tuple[ProgramReport | None, str | None]:
    """What `compile` makes of the model, or why it makes nothing."""
    try:
        program = compile_model(model, options).program
        program.validate()
    except (CompileError, RuntimeFault) as error:
        return None, str(error)
    return program_report(program, options.weights), None


def _operator(op: OnnxOp) -> str:
    return f"{op.DOMAIN}.{op.OP_TYPE}" if op.DOMAIN else op.OP_TYPE


def _nbytes(op: Operation) -> int:
    tensor = tensor_of(op.results[0])
    return prod(tensor.static_shape()) * tensor.dtype.itemsize
