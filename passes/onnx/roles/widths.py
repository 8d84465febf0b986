"""How wide the rows are that a decoder computes on the way to its cache."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.onnx.ops import InitializerOp, OnnxOp
from dialects.onnx.schemas import PACKED_PRODUCTS
from dialects.reading import operations

PRODUCTS = {"MatMul": "B", "FusedMatMul": "B", "Gemm": "B", "FusedGemm": "B"}
"""Products, and which of their inputs may be a weight."""

FOLLOWED = frozenset({"Cast", "DequantizeLinear", "Identity", "Transpose"})
"""Operators through which a weight keeps its two extents, in some order."""

LOGITS = "logits"


def widest_row(func: FuncOp) -> int:
    """
    The most elements of one row that a product with a weight reads and writes, 0 without products.

    Products that only the logits need, the first output unless one has that name, do not count.
    """
    return max((sum(_extents(op)) for op in _towards_cache(func)), default=0)


def _towards_cache(func: FuncOp) -> Iterator[Operation]:
    """The operations on which outputs other than the logits depend, the last first."""
    end = func.body.block.last_op
    assert isinstance(end, ReturnOp), "a function returns"
    names = [port.name for port in interface_of(func).outputs]
    head = names.index(LOGITS) if LOGITS in names else 0
    needed = {value for index, value in enumerate(end.operands) if index != head}
    for op in reversed(operations(func.body.block)):
        if not needed.isdisjoint(op.results):
            needed.update(operand for inner in op.walk() for operand in inner.operands)
            yield op


def _extents(op: Operation) -> tuple[int, ...]:
    """Of a product with a weight, how long a row is before and behind it."""
    if not isinstance(op, OnnxOp):
        return ()
    if op.OP_TYPE in PACKED_PRODUCTS:
        return tuple(size for name in "KN" if isinstance(size := op.attr(name), int))
    name = PRODUCTS.get(op.OP_TYPE)
    return () if name is None else _extents_of_weight(op.get(name))


def _extents_of_weight(value: SSAValue | None) -> tuple[int, ...]:
    while value is not None and isinstance(value.owner, OnnxOp):
        if value.owner.OP_TYPE not in FOLLOWED:
            return ()
        value = value.owner.operands[0]
    if value is None or not isinstance(value.owner, InitializerOp):
        return ()
    return tensor_of(value).static_shape()[-2:]
