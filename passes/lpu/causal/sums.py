"""What products, sums and look-ups do to tokens."""

from __future__ import annotations

from dataclasses import replace

from dialects.affine import Affine
from dialects.lpu.movement import GatherOp, ScatterOp
from dialects.lpu.products import MatmulOp, ReduceOp, ScanOp, TopkOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.causal.names import NotShown
from passes.lpu.causal.places import Digit
from passes.lpu.causal.tokens import HIDDEN, ORDINARY, ZERO, Tokens, together
from passes.lpu.causal.values import Values


def gather(values: Values, op: GatherOp) -> Tokens:
    axis, rank = op.axis.value.data, tensor_of(op.indices).rank
    source, index = values.tokens.get(op.source), values.tokens.get(op.indices)
    dims = op.result_tensor().shape
    if source is None:
        assert index is not None, "one of them depends on tokens"
        values.check(op, op.source, tensor_of(op.source).shape, None)
        return index.moved([a + axis for a in range(rank)])
    if source.key is not None:
        return _kept(values, op, source, index)
    if index is not None:
        return _looked_up(values, op, source, index)
    if source.is_along(axis):
        raise NotShown(op)
    values.check(op, op.indices, tensor_of(op.indices).shape, None)
    return source.moved([a if a < axis else a + rank - 1 for a in range(len(dims) + 1)])


def _kept(values: Values, op: GatherOp, source: Tokens, index: Tokens | None) -> Tokens:
    """Keys, each from its own place."""
    axis, indices = op.axis.value.data, tensor_of(op.indices)
    extent = tensor_of(op.source).shape[axis]
    same = index is None and indices.shape == (extent,) and not source.is_rows(axis)
    if not same or not values.reader(True).keeps_keys(op.indices, 0, extent):
        raise NotShown(op)
    return source


def _looked_up(values: Values, op: GatherOp, source: Tokens, index: Tokens) -> Tokens:
    """Each token looks up its own: `token * n + choice`, with a choice below n."""
    axis, row = op.axis.value.data, source.row
    whole = row is not None and row.axis == axis
    if not whole or row is None or index.row is None or index.key is not None:
        raise NotShown(op)
    if tensor_of(op.source).shape[axis] != row.extent * row.inner:
        raise NotShown(op)
    if values.choices(op.indices, index, row.inner) is None:
        raise NotShown(op)
    return index.moved([a + axis for a in range(tensor_of(op.indices).rank)])


def scatter(values: Values, op: ScatterOp) -> Tokens:
    """Each token puts something in its own rows: `token * n + choice`."""
    index, rows = values.tokens.get(op.indices), tensor_of(op.source).shape[0]
    source, updates = values.tokens.get(op.source), values.tokens.get(op.updates)
    if index is None or index.row is None or index.key is not None or not rows.is_const:
        raise NotShown(op)
    count = index.row.extent.const
    own = Digit(0, index.row.extent, Affine(rows.const // count))
    if rows.const % count or values.choices(op.indices, index, own.inner) is None:
        raise NotShown(op)
    if (source is not None and source != Tokens(own)) or updates not in (None, index):
        raise NotShown(op)
    for value, tokens in ((op.source, Tokens(own)), (op.updates, index)):
        if value not in values.tokens:
            values.check(op, value, tensor_of(value).shape, tokens)
    return Tokens(own)


def matmul(values: Values, op: MatmulOp) -> Tokens:
    rank, dims = op.result_tensor().rank, op.result_tensor().shape
    parts = list[Tokens]()
    for operand, kept in ((op.lhs, rank - 2), (op.rhs, rank - 1)):
        tokens, own = values.tokens.get(operand), tensor_of(operand).rank
        summed = own - 1 if operand is op.lhs else own - 2
        if tokens is None:
            continue
        if tokens.is_rows(summed):
            raise NotShown(op)
        if tokens.is_keys(summed):
            _sums_keys(values, op)
            tokens = None if tokens.row is None else Tokens(tokens.row)
        if tokens is not None:
            axes = [a + rank - own for a in range(own - 2)]
            axes += [kept, summed] if operand is op.lhs else [summed, kept]
            parts.append(tokens.moved(axes))
    found = together(op, parts)
    for operand in op.operands:
        if operand not in values.tokens:
            values.check_factor(op, operand, dims, found)
    return replace(found, later=ORDINARY)


def _sums_keys(values: Values, op: MatmulOp) -> None:
    """Rows of weights for keys, zero behind the row, times what the same keys have."""
    lhs, rhs = values.tokens.get(op.lhs), values.tokens.get(op.rhs)
    if lhs is None or rhs is None or lhs.later != ZERO or not lhs.is_masked:
        raise NotShown(op)
    last, inner = tensor_of(op.lhs).rank - 1, tensor_of(op.rhs).rank - 2
    alone = lhs.is_keys(last) and rhs.is_keys(inner) and rhs.row is None
    if lhs.key is None or rhs.key is None or not alone or lhs.base != rhs.base:
        raise NotShown(op)
    same = lhs.key.moved(0) == rhs.key.moved(0)
    if not same or not values.covers(lhs, lhs.key.extent):
        raise NotShown(op)


def reduce_(values: Values, op: ReduceOp) -> Tokens:
    """Over keys only where those behind the row add nothing, or are hidden from a maximum."""
    tokens = values.tokens[op.source]
    for axis in op.axes.data:
        if tokens.is_rows(axis):
            raise NotShown(op)
        if tokens.is_keys(axis):
            adds_nothing = op.fn.data == "sum" and tokens.later == ZERO
            is_hidden = op.fn.data == "max" and tokens.later.below <= HIDDEN
            all_keys = tokens.key is not None and values.covers(tokens, tokens.key.extent)
            if not all_keys or tokens.row is None or not (adds_nothing or is_hidden):
                raise NotShown(op)
            tokens = Tokens(tokens.row)
    return replace(tokens, later=ORDINARY)


def scan(values: Values, op: ScanOp) -> Tokens:
    tokens = values.tokens[op.source]
    if tokens.is_along(op.axis.value.data):
        raise NotShown(op)
    return replace(tokens, later=ORDINARY)


def topk(values: Values, op: TopkOp) -> Tokens:
    tokens = values.tokens[op.source]
    if tokens.is_along(tensor_of(op.source).rank - 1):
        raise NotShown(op)
    return replace(tokens, later=ORDINARY)
