"""One node as a model, in a file: what the compiler makes of it, and what ONNX Runtime does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, helper, numpy_helper

import lpuc
from dialects.errors import CompileError

Array = np.ndarray[Any, np.dtype[Any]]
Inputs = Mapping[str, Array | None]

MICROSOFT = "com.microsoft"


def f32(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def i64(*values: int) -> Array:
    return np.array(values, np.int64)


def i32(*values: int) -> Array:
    return np.array(values, np.int32)


def node_model(
    op: str,
    inputs: Inputs,
    constants: Sequence[str] = (),
    outputs: int = 1,
    opset: int = 22,
    domain: str = "",
    **attributes: object,
) -> ModelProto:
    """One node; inputs that are None are left out, those among `constants` are initialisers."""
    given = {name: value for name, value in inputs.items() if value is not None}
    names = [name if name in given else "" for name in inputs]
    node = helper.make_node(
        op, names, [f"y{i}" for i in range(outputs)], domain=domain, **attributes
    )
    numbers = {n: helper.np_dtype_to_tensor_dtype(v.dtype) for n, v in given.items()}
    takes = [
        helper.make_tensor_value_info(name, numbers[name], value.shape)
        for name, value in given.items()
        if name not in constants
    ]
    gives = [
        helper.make_value_info(f"y{i}", helper.make_tensor_type_proto(1, None))
        for i in range(outputs)
    ]
    weights = [numpy_helper.from_array(given[name], name) for name in constants]
    graph = helper.make_graph([node], "g", takes, gives, weights)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    for output in model.graph.output:
        output.ClearField("type")
    return model


class Case:
    """A node, the arrays it is run on, and a file for it."""

    def __init__(self, folder: Path, op: str, inputs: Inputs, **options: Any):
        self.model = node_model(op, inputs, **options)
        self.path = folder / "m.onnx"
        self.path.write_bytes(self.model.SerializeToString())
        held = options.get("constants", ())
        self.inputs = {k: v for k, v in inputs.items() if v is not None and k not in held}

    def ours(self) -> list[Array]:
        outputs = lpuc.compile(self.path, precision="f32").run(self.inputs)
        return [outputs[o.name] for o in self.model.graph.output]

    def reference(self) -> list[Array]:
        session = onnxruntime.InferenceSession(self.model.SerializeToString())
        return [np.asarray(value) for value in session.run(None, self.inputs)]


def assert_same(got: Sequence[Array], want: Sequence[Array]) -> None:
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def assert_refused(
    folder: Path, op: str, inputs: Inputs, options: Mapping[str, Any], message: str
) -> None:
    """The compiler says what is wrong, and names the node."""
    case = Case(folder, op, inputs, **options)
    with pytest.raises(CompileError, match=message) as caught:
        case.ours()
    assert caught.value.node == f"{op}_0"
