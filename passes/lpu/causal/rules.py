"""What each operation of the `lpu` level does to tokens: a rule for a class, `NotShown` else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from xdsl.ir import Operation, SSAValue

from dialects.affine import NotAffine
from dialects.lpu.elementwise import CastOp, MapOp, SelectOp
from dialects.lpu.movement import (
    BroadcastOp,
    ConcatOp,
    GatherOp,
    ReshapeOp,
    ScatterOp,
    SliceOp,
    TransposeOp,
)
from dialects.lpu.products import MatmulOp, ReduceOp, ScanOp, TopkOp
from dialects.lpu.tensors import LpuOp, tensor_of
from passes.lpu.causal.intervals import Known
from passes.lpu.causal.later import Part, of_cast, of_map, one_of
from passes.lpu.causal.names import NotShown
from passes.lpu.causal.places import NOTHING, Digit, reshaped
from passes.lpu.causal.sums import gather, matmul, reduce_, scan, scatter, topk
from passes.lpu.causal.tokens import ORDINARY, ZERO, Tokens, together
from passes.lpu.causal.values import Values

Rule = Callable[[Values, Any], Tokens]


def _elementwise(values: Values, op: LpuOp, operands: list[SSAValue]) -> Tokens:
    """Along which axes; numbers that are no tokens' are the same in a step."""
    rank = op.result_tensor().rank
    parts = list[Tokens]()
    for operand in operands:
        tokens = values.tokens.get(operand)
        if tokens is not None:
            missing = rank - tensor_of(operand).rank
            parts.append(tokens.moved([a + missing for a in range(rank)]))
    found = together(op, parts)
    for operand in operands:
        if operand not in values.tokens:
            values.check(op, operand, op.result_tensor().shape, found)
    return found


def _parts(values: Values, op: LpuOp, found: Tokens, operands: list[SSAValue]) -> list[Part]:
    """The operands where keys lie behind rows."""
    dims, parts = op.result_tensor().shape, list[Part]()
    for operand in operands:
        tokens = values.tokens.get(operand)
        if tokens is None:
            parts.append(values.behind(operand, dims, found))
        else:
            parts.append(tokens.later if tokens.is_masked else ORDINARY)
    return parts


def _map(values: Values, op: MapOp) -> Tokens:
    operands = list(op.inputs)
    found = _elementwise(values, op, operands)
    if not found.is_masked:
        return found
    return replace(found, later=of_map(op.fn.data, _parts(values, op, found, operands)))


def _select(values: Values, op: SelectOp) -> Tokens:
    operands = [op.condition, op.on_true, op.on_false]
    found = _elementwise(values, op, operands)
    if not found.is_masked:
        return found
    holds, *arms = _parts(values, op, found, operands)
    later = one_of(arms)
    if holds == ZERO:
        later = one_of(arms[1:])
    elif isinstance(holds, Known) and holds.is_point:
        later = one_of(arms[:1] if holds.number else arms[1:])
    return replace(found, later=later)


def _cast(values: Values, op: CastOp) -> Tokens:
    tokens = values.tokens[op.source]
    return replace(tokens, later=of_cast(tokens.later, op.result_tensor().dtype.is_float))


def _reshape(values: Values, op: ReshapeOp) -> Tokens:
    tokens, source, target = values.tokens[op.source], op.source_tensor(), op.result_tensor()
    digits = [
        None if digit is None else (digit, reshaped(digit, source.shape, target.shape))
        for digit in (tokens.row, tokens.key)
    ]
    if any(pair is not None and pair[1] is None for pair in digits):
        raise NotShown(op)
    row, key = (None if pair is None else pair[1] for pair in digits)
    if row is not None and key is not None and row.axis == key.axis:
        raise NotShown(op)
    return replace(tokens, row=row, key=key)


def _transpose(values: Values, op: TransposeOp) -> Tokens:
    return values.tokens[op.source].moved([op.perm.data.index(a) for a in range(len(op.perm.data))])


def _broadcast(values: Values, op: BroadcastOp) -> Tokens:
    missing = op.result_tensor().rank - op.source_tensor().rank
    return values.tokens[op.source].moved([a + missing for a in range(op.source_tensor().rank)])


def _slice(values: Values, op: SliceOp) -> Tokens:
    """Of tokens all, in front of them all keys; what lies behind keys may go."""
    tokens, source = values.tokens[op.source], op.source_tensor().shape
    result = op.result_tensor().shape
    for axis, offset in enumerate(op.offsets.data):
        whole = (offset, op.steps.data[axis], result[axis]) == (NOTHING, 1, source[axis])
        fixed = values.numbers.index(offset, values.names) == offset
        if not fixed or any(name == values.names.past for name, _ in offset.terms):
            raise NotShown(op)
        if whole or not tokens.is_along(axis):
            continue
        first = (offset, op.steps.data[axis]) == (NOTHING, 1)
        if tokens.is_rows(axis) or not first or not values.covers(tokens, result[axis]):
            raise NotShown(op)
        tokens = replace(tokens, key=Digit(axis, result[axis]))
    return tokens


def _concat(values: Values, op: ConcatOp) -> Tokens:
    """Beside one another; or something that is no key behind all keys."""
    axis = op.axis.value.data
    parts = [values.tokens[v] for v in op.inputs if v in values.tokens]
    if any(part.is_rows(axis) for part in parts):
        return _appended(values, op)
    if any(part.is_keys(axis) for part in parts):
        return _lengthened(values, op)
    found = together(op, parts)
    for operand in op.inputs:
        if operand not in values.tokens:
            values.check(op, operand, tensor_of(operand).shape, found)
    if not found.is_masked:
        return found
    later = one_of([values.tokens[v].later if v in values.tokens else ORDINARY for v in op.inputs])
    return replace(found, later=later if len(parts) == len(op.inputs) else ORDINARY)


def _appended(values: Values, op: ConcatOp) -> Tokens:
    """Keys in front of a prompt, then its rows: the cache as it will be."""
    axis, dims = op.axis.value.data, op.result_tensor().shape
    if len(op.inputs) != 2:
        raise NotShown(op)
    before, rows = (values.tokens.get(v) for v in op.inputs)
    extent, count = (tensor_of(v).shape[axis] for v in op.inputs)
    if before != Tokens(None, Digit(axis, extent), extent) or rows != Tokens(Digit(axis, count)):
        raise NotShown(op)
    return Tokens(None, Digit(axis, dims[axis]), extent)


def _lengthened(values: Values, op: ConcatOp) -> Tokens:
    axis, dims = op.axis.value.data, op.result_tensor().shape
    first, *others = op.inputs
    keys = values.tokens.get(first)
    if keys is None or keys.key is None or not keys.key.is_whole(tensor_of(first).shape):
        raise NotShown(op)
    for other in others:
        tokens, tensor = values.tokens.get(other), tensor_of(other)
        if not tensor.shape[axis].is_const:
            raise NotShown(op)
        if tokens is None:
            values.check(op, other, tensor.shape, replace(keys, key=None, base=None))
        elif tokens.key is not None or tokens.row != keys.row:
            raise NotShown(op)
    return replace(keys, key=Digit(axis, dims[axis]))


RULES: Mapping[type[Operation], Rule] = {
    MapOp: _map,
    SelectOp: _select,
    CastOp: _cast,
    ReshapeOp: _reshape,
    TransposeOp: _transpose,
    BroadcastOp: _broadcast,
    SliceOp: _slice,
    ConcatOp: _concat,
    GatherOp: gather,
    ScatterOp: scatter,
    MatmulOp: matmul,
    ReduceOp: reduce_,
    ScanOp: scan,
    TopkOp: topk,
}


def tokens_of(values: Values, op: Operation) -> Tokens:
    """What the results of an operation have to do with tokens; `NotShown` if that is not known."""
    rule = RULES.get(type(op))
    if rule is None:
        raise NotShown(op)
    try:
        return rule(values, op)
    except NotAffine:
        raise NotShown(op) from None
