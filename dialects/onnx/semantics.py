"""
What each operator computes, on numpy arrays; `dialects.onnx.execution` runs whole functions.

Operators of the standard run in `onnx.reference`, one node at a time; those it lacks are in
`dialects.onnx.extra`. Operands of 16-bit float types are widened to f32 and results rounded once to
the type the IR gives them, so that a multi-step operator does not round in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.errors import unsupported
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Weight, read
from dialects.onnx.attributes import from_attribute, to_attribute
from dialects.onnx.elements import ONNX_NUMBERS
from dialects.onnx.ops import OWN, InitializerOp, OnnxOp
from dialects.onnx.schemas import schema_at
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]

IR_VERSION = 10
"""Accepted by every version of onnx that has the operators."""

ROWWISE = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
ROWWISE_UNTIL = 13
"""The version since which these work along one axis."""

NARROW = (ElementType("f16").dtype, ElementType("bf16").dtype)


def evaluate(op: Operation, inputs: Sequence[Array | None], folder: Path) -> tuple[Array, ...]:
    """
    The results of one operation of this level.

    `inputs` has one entry per input of the node, None where it is left out; `folder` is where the
    paths of weights start.
    """
    if isinstance(op, InitializerOp):
        return (read(op.weight, folder),)
    assert isinstance(op, OnnxOp), op.name
    wide = [None if x is None else _widened(x) for x in inputs]
    with np.errstate(all="ignore"):
        results = _compute(op, wide, folder)
        return tuple(
            np.asarray(value).astype(numpy_dtype(result), copy=False)
            for value, result in zip(results, op.results, strict=True)
        )


def _widened(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype in NARROW else array


def numpy_dtype(value: SSAValue) -> np.dtype[Any]:
    assert isinstance(value.type, TensorType)
    return value.type.data.dtype.dtype


def _compute(op: OnnxOp, inputs: Sequence[Array | None], folder: Path) -> Sequence[Array]:
    from dialects.onnx.extra import SEMANTICS

    ours = SEMANTICS.get((op.DOMAIN, op.OP_TYPE))
    if ours is not None:
        return ours(op, inputs)
    if op.OP_TYPE == "Constant":
        value = op.attr("value")
        assert isinstance(value, Weight)
        return (read(value, folder),)
    if op.OP_TYPE in ROWWISE and op.since_version < ROWWISE_UNTIL:
        return _rowwise(op, inputs, folder)
    try:
        return _by_reference(op, op.properties, inputs, folder)
    except Exception as error:  # the operators of onnx.reference raise all kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise unsupported(op, f"onnx.reference cannot run this: {reason}") from error


def _by_reference(
    op: OnnxOp,
    properties: Mapping[str, Attribute],
    inputs: Sequence[Array | None],
    folder: Path,
) -> Sequence[Array]:
    dtypes = tuple(None if x is None else x.dtype for x in inputs)
    ordered = tuple(sorted(properties.items(), key=lambda item: item[0]))
    return _evaluator(type(op), ordered, dtypes, len(op.results), folder)(inputs)


def _rowwise(op: OnnxOp, inputs: Sequence[Array | None], folder: Path) -> Sequence[Array]:
    """An old softmax: all axes from `axis` on are one, which `onnx.reference` does not know."""
    (x,) = inputs
    assert x is not None
    axis = op.attr("axis")
    start = 1 if axis is None else cast("int", axis) % max(x.ndim, 1)
    rows = x.reshape(prod(x.shape[:start]), prod(x.shape[start:]))
    (y,) = _by_reference(op, dict(op.properties) | {"axis": to_attribute("INT", 1)}, [rows], folder)
    return (y.reshape(x.shape),)


@lru_cache(maxsize=8192)
def _evaluator(
    cls: type[OnnxOp],
    properties: tuple[tuple[str, Attribute], ...],
    dtypes: tuple[np.dtype[Any] | None, ...],
    results: int,
    folder: Path,
) -> Callable[[Sequence[Array | None]], list[Array]]:
    """A function that runs one node, shared by all nodes that look the same."""
    model = _one_node(cls, dict(properties), dtypes, results, folder)
    from onnx.reference import ReferenceEvaluator  # loads every operator of the standard

    evaluator: Any = ReferenceEvaluator(model)

    def run(inputs: Sequence[Array | None]) -> list[Array]:
        named = {f"x{i}": x for i, x in enumerate(inputs) if x is not None}
        return cast("list[Array]", evaluator.run(None, named))

    return run


def _one_node(
    cls: type[OnnxOp],
    properties: Mapping[str, Attribute],
    dtypes: Sequence[np.dtype[Any] | None],
    results: int,
    folder: Path,
) -> ModelProto:
    """A model that is this node alone, inputs `x0`, `x1`, ..., outputs `y0`, `y1`, ..."""
    inputs = ["" if dtype is None else f"x{i}" for i, dtype in enumerate(dtypes)]
    outputs = [f"y{i}" for i in range(results)]
    version = from_attribute(properties["since_version"])
    assert isinstance(version, int)
    schema = schema_at(cls.DOMAIN, cls.OP_TYPE, version)
    assert schema is not None
    node = helper.make_node(cls.OP_TYPE, inputs, outputs)
    for name, attribute in properties.items():
        if name not in OWN:
            kind = schema.attributes[name].kind
            node.attribute.append(_proto(name, kind, attribute, folder))
    takes = [
        helper.make_tensor_value_info(f"x{i}", _number(dtype), None)
        for i, dtype in enumerate(dtypes)
        if dtype is not None
    ]
    gives = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs]
    return helper.make_model(
        helper.make_graph([node], "node", takes, gives),
        opset_imports=[helper.make_opsetid("", version)],
        ir_version=IR_VERSION,
    )


def _proto(name: str, kind: str, attribute: Attribute, folder: Path) -> AttributeProto:
    value = from_attribute(attribute)
    if isinstance(value, Weight):
        return helper.make_attribute(name, numpy_helper.from_array(read(value, folder)))
    number = AttributeProto.AttributeType.Value(kind)
    return helper.make_attribute(name, value, attr_type=number)


def _number(dtype: np.dtype[Any]) -> int:
    element = ElementType.of(dtype)
    assert element is not None, f"no element type: {dtype}"
    return ONNX_NUMBERS[element]
