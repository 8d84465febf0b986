"""What a model says of itself where no dimension says it: its head size, its longest context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, SSAValue

from dialects.affine import Affine
from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.lpu.weights import Weight, nbytes, read
from dialects.onnx.ops import InitializerOp, OnnxOp
from dialects.onnx.schemas import PACKED_PRODUCTS
from dialects.reading import operations

PRODUCTS = frozenset({"MatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"})
"""Products whose second operand may be a weight, as wide as their result."""


def head_size(func: FuncOp) -> Affine | None:
    """The head size that a fused attention implies, from the width of its projected query."""
    for op in operations(func.body.block):
        if isinstance(op, OnnxOp) and op.OP_TYPE == "GroupQueryAttention":
            heads, kv_heads = op.attr("num_heads"), op.attr("kv_num_heads")
            query = op.get("query")
            width = _width(query) if query is not None else None
            if width is None or not isinstance(heads, int) or not isinstance(kv_heads, int):
                return None
            return Affine(width // (heads if op.get("key") is not None else heads + 2 * kv_heads))
    return None


def _width(value: SSAValue) -> int | None:
    """The last extent of a constant, and of what a product or a sum with one gives."""
    op = value.owner
    if isinstance(op, InitializerOp):
        return (1, *tensor_of(value).static_shape())[-1]
    if not isinstance(op, OnnxOp):
        return None
    if op.OP_TYPE in PACKED_PRODUCTS:
        columns = op.attr("N")
        return columns if isinstance(columns, int) else None
    if op.OP_TYPE in PRODUCTS:
        weight = op.operands[1]
        return _width(weight) if isinstance(weight.owner, InitializerOp) else None
    if op.OP_TYPE in ("Cast", "Identity"):
        return _width(op.operands[0])
    if op.OP_TYPE in ("Add", "Mul"):
        return max([width for term in op.operands if (width := _width(term))], default=None)
    return None


def context_limit(func: FuncOp, folder: Path, roles: Mapping[str, str]) -> int | None:
    """
    The most tokens for which every look-up of a position hits its table; None if there is none.

    A table of positions is one that is looked up by what comes from the mask or the positions, not
    from token ids. Constants that are added on the way shift the index. `roles` are those that the
    user gives to inputs.
    """
    named = zip(func.args, interface_of(func).arguments, strict=True)
    is_ids = {name: role == "ids" for name, role in roles.items()}
    ids = {argument for argument, p in named if is_ids.get(p.name, "input_ids" in p.name)}
    limits = [
        limit
        for op in operations(func.body.block)
        if isinstance(op, OnnxOp) and op.OP_TYPE == "Gather"
        if (limit := _table_limit(op, ids, folder)) is not None
    ]
    return min(limits, default=None)


def _table_limit(op: OnnxOp, ids: set[BlockArgument], folder: Path) -> int | None:
    table, index = op.get("data"), op.get("indices")
    if table is None or index is None or not isinstance(table.owner, InitializerOp):
        return None
    tensor = tensor_of(table)
    if tensor.rank != 2 or not tensor.dtype.is_float:
        return None
    offset, counted = 0, False
    while isinstance(index.owner, OnnxOp):
        node = index.owner
        if node.OP_TYPE in ("Add", "Sub"):
            shift = _constant(node.operands[1], folder)
            if shift is None:
                return None
            offset += shift if node.OP_TYPE == "Add" else -shift
        elif node.OP_TYPE == "CumSum":
            counted = True
        elif node.OP_TYPE not in FOLLOWED:
            return None
        index = node.operands[0]
    if not isinstance(index, BlockArgument) or index in ids:
        return None
    return tensor.static_shape()[0] - offset - int(counted)


FOLLOWED = frozenset({"Cast", "Identity", "Mul", "Reshape", "Slice", "Squeeze", "Unsqueeze"})
"""Operators that keep or hide positions on the way to their table; `Mul` is by the mask."""


def _constant(value: SSAValue, folder: Path) -> int | None:
    """The number that a constant operand holds, if it holds one integer."""
    op = value.owner
    weight: object = None
    if isinstance(op, InitializerOp):
        weight = op.weight
    elif isinstance(op, OnnxOp) and op.OP_TYPE == "Constant":
        weight = op.attr("value")
    if not isinstance(weight, Weight) or nbytes(weight.shape, weight.dtype) != 8:
        return None
    array = read(weight, folder)
    return int(array.reshape(())) if array.dtype == np.int64 else None
