"""Small models made by hand, and what tests do with them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import (
    FunctionProto,
    ModelProto,
    NodeProto,
    StringStringEntryProto,
    TensorProto,
    helper,
    numpy_helper,
)
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func, FuncOp
from xdsl.parser import Parser
from xdsl.printer import Printer

from dialects.errors import CompileError
from dialects.lpu import Lpu
from dialects.onnx import Onnx
from dialects.onnx.ops import InitializerOp, OnnxOp
from lpuc.onnx_import import import_model

Array = np.ndarray[Any, np.dtype[Any]]
Dims = Sequence[int | str | None]

BIG = np.arange(512, dtype=np.float32).reshape(16, 32)
"""More than may stand in the IR."""


def model(
    nodes: Sequence[NodeProto],
    inputs: dict[str, Dims],
    outputs: Sequence[str],
    initializers: dict[str, Array | TensorProto] | None = None,
    opset: int = 20,
    functions: Sequence[FunctionProto] = (),
    dtype: int = TensorProto.FLOAT,
) -> ModelProto:
    """A model whose inputs all have one element type and whose outputs have unknown shapes."""
    tensors = [
        t if isinstance(t, TensorProto) else numpy_helper.from_array(t, name)
        for name, t in (initializers or {}).items()
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, dtype, d) for n, d in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        tensors,
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, functions=functions)


def linear(weight: Array | TensorProto = BIG) -> ModelProto:
    """x @ w for an `x` of 16 columns."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    return model([node], {"x": ["batch", 16]}, ["y"], {"w": weight})


def unary(op: str = "Relu", **attributes: object) -> ModelProto:
    """One node from `x` to `y`."""
    return model([helper.make_node(op, ["x"], ["y"], name="it", **attributes)], {"x": [2]}, ["y"])


def external(name: str, dims: Sequence[int], **entries: str) -> TensorProto:
    """A tensor of f32 whose data is said to be elsewhere."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.append(StringStringEntryProto(key=key, value=value))
    return tensor


def save(folder: Path, proto: ModelProto, name: str = "m.onnx") -> Path:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def imported(folder: Path, proto: ModelProto) -> ModuleOp:
    """The model as IR that verifies and survives a round trip through text."""
    module = import_model(save(folder, proto))
    module.verify()
    assert_round_trip(module)
    return module


def refusal(folder: Path, proto: ModelProto) -> CompileError:
    """The error with which the model is refused: one line."""
    with pytest.raises(CompileError) as info:
        import_model(save(folder, proto))
    assert "\n" not in str(info.value)
    return info.value


def step(module: ModuleOp) -> FuncOp:
    function = module.body.block.first_op
    assert isinstance(function, FuncOp)
    return function


def nodes_of(module: ModuleOp) -> list[OnnxOp]:
    return [op for op in step(module).body.block.ops if isinstance(op, OnnxOp)]


def initializers_of(module: ModuleOp) -> list[InitializerOp]:
    return [op for op in step(module).body.block.ops if isinstance(op, InitializerOp)]


def text(module: ModuleOp, generic: bool = False) -> str:
    stream = io.StringIO()
    Printer(stream, print_debuginfo=True, print_generic_format=generic).print_op(module)
    return stream.getvalue()


def parsed(source: str) -> ModuleOp:
    context = Context()
    for dialect in (Builtin, Func, Onnx, Lpu):
        context.load_dialect(dialect)
    return Parser(context, source).parse_module()


def assert_round_trip(module: ModuleOp) -> None:
    """Both forms of the text read back as the same IR, locations and NaNs included."""
    for generic in (False, True):
        written = text(module, generic)
        again = parsed(written)
        again.verify()
        assert text(again, generic) == written
        assert again.is_structurally_equivalent(module)
