"""Where operations that combine elements put the parts that devices have, and what they demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from xdsl.ir import SSAValue

from dialects.lpu import fused
from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp, IotaOp, MapOp, SelectOp
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
from dialects.lpu.tensors import CollectiveOp, LpuOp, sharding_of, tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu_esl import placing
from dialects.lpu_esl.layouts import (
    Axis,
    Layout,
    Pieces,
    State,
    behind,
    flat,
    free,
    is_cut,
    layout_of,
    whole,
)
from dialects.refusal import refuse

States = Sequence[State]


def combined_axes(op: LpuOp) -> Iterator[tuple[SSAValue, int]]:
    """The axes of operands whose elements it combines, which no device can of a part."""
    match op:
        case MatmulOp():
            yield from ((op.lhs, -1), (op.rhs, -2))
        case ReduceOp():
            yield from ((op.source, axis) for axis in op.axes.data)
        case ScanOp():
            yield op.source, op.axis.value.data
        case TopkOp() | fused.SoftmaxOp():
            yield op.source, -1
        case fused.NormOp() | fused.RotaryOp():
            yield from ((value, -1) for value in op.operands if tensor_of(value).rank)
        case fused.AttentionOp():
            yield from ((op.query, -1), (op.key, -1), (op.key, -2), (op.value, -2))
            masks = (*op.biases, *op.keeps)
            yield from ((value, -1) for value in masks if tensor_of(value).rank)
        case _:
            return


def _is_partial(op: LpuOp, states: States) -> bool:
    """Whether elements of an axis that it combines lie on several devices, or may."""
    known = dict(zip(op.operands, states, strict=True))
    for value, axis in combined_axes(op):
        state = known[value]
        if not isinstance(state, Layout) or is_cut(state.axes[axis]):
            return True
    return False


def _column(axes: Sequence[Axis]) -> Axis | None:
    """What axes of one element and others broadcast to; None where these lie in different ways."""
    wide = {axis for axis in axes if axis}
    return (wide.pop() if wide else ()) if len(wide) < 2 else None


def _joined(layouts: Sequence[Sequence[Axis]]) -> tuple[Axis, ...] | None:
    """The broadcast of the axes of several values, by numpy's rules."""
    rank = max(map(len, layouts), default=0)
    padded = [((),) * (rank - len(axes)) + tuple(axes) for axes in layouts]
    columns = [_column(column) for column in zip(*padded, strict=True)]
    found = tuple(column for column in columns if column is not None)
    return found if len(found) == rank else None


def _elementwise(op: LpuOp, states: States) -> State:
    layouts = [state for state in states if isinstance(state, Layout)]
    axes = _joined([layout.axes for layout in layouts])
    claimed = any(sharding_of(value) is not None for value in op.operands)
    if axes is None and claimed:
        ways = " and ".join(map(str, layouts))
        refuse(op, f"its operands lie on the devices in different ways: {ways}")
    return None if axes is None or len(layouts) < len(states) else Layout(axes)


def _matmul(op: MatmulOp, states: States) -> State:
    lhs, rhs = states
    if not (isinstance(lhs, Layout) and isinstance(rhs, Layout)) or _is_partial(op, states):
        return None
    batch = _joined([lhs.axes[:-2], rhs.axes[:-2]])
    return None if batch is None else Layout((*batch, lhs.axes[-2], rhs.axes[-1]))


def _reduce(op: ReduceOp, states: States) -> State:
    (state,) = states
    if not isinstance(state, Layout) or _is_partial(op, states):
        return None
    dropped = set(op.axes.data)
    return Layout(tuple(() if i in dropped else axis for i, axis in enumerate(state.axes)))


def _by_rows(op: LpuOp, states: States) -> State:
    """What combines elements along axes that it keeps."""
    return None if _is_partial(op, states) else states[0]


def _topk(op: TopkOp, states: States) -> State:
    (state,) = states
    if not isinstance(state, Layout) or _is_partial(op, states):
        return None
    return state.with_axis(len(state.axes) - 1, free(tensor_of(op.values).shape[-1]))


def _normed(op: LpuOp, states: States) -> State:
    """Rows of the first operand, and others that broadcast along all axes but the last."""
    layouts = [state for state in states if isinstance(state, Layout)]
    if len(layouts) < len(states) or _is_partial(op, states):
        return None
    axes = _joined([layout.axes[:-1] for layout in layouts])
    return None if axes is None else Layout((*axes, layouts[0].axes[-1]))


def _attention(op: fused.AttentionOp, states: States) -> State:
    """Query heads are those of a device's keys, in groups."""
    layouts = [state for state in states if isinstance(state, Layout)]
    if len(layouts) < len(states) or _is_partial(op, states):
        return None
    query, key, value, *masks = (layout.axes for layout in layouts)
    if behind(query[1], key[1]) is None:
        claimed = any(sharding_of(v) is not None for v in (op.query, op.key))
        if claimed:
            refuse(op, "heads of queries lie on other devices than those of their keys")
        return None
    batch, shared = _joined([query[:1], key[:1], value[:1]]), key[1] == value[1]
    scores = _joined([(query[0], query[1], query[2], ()), *((*mask[:-1], ()) for mask in masks)])
    if batch is None or not shared or scores is None:
        return None
    return Layout((*batch, scores[1], scores[2], value[3]))


def _reshape(op: ReshapeOp, states: States) -> State:
    (state,), kind = states, op.result.type
    if isinstance(state, Layout) and kind.sharding is not None:
        wanted = layout_of(kind)
        return wanted if flat(wanted) == flat(state) else None
    return placing.reshaped(state, op.source_tensor().shape, op.result_tensor().shape)


def _broadcast(op: BroadcastOp, states: States) -> State:
    """Along axes that it repeats, parts of what it gives are as the type likes."""
    assert isinstance(op.result.type, TensorType)
    claim, result = layout_of(op.result.type), op.result_tensor().shape
    return placing.broadcast(states[0], op.source_tensor().shape, result, claim)


def _slice(op: SliceOp, states: States, devices: int) -> State:
    (state,), kind = states, op.result.type
    offsets, steps = list(op.offsets.data), op.steps.data
    source, result = op.source_tensor().shape, op.result_tensor().shape
    assert isinstance(kind, TensorType)
    own: dict[int, Axis] = {}
    for index, wanted in enumerate(layout_of(kind).axes):
        plain = isinstance(state, Layout) and not is_cut(state.axes[index])
        mine = plain and is_cut(wanted) and steps[index] == 1
        if mine and placing.own_part(offsets[index], wanted, devices):
            own[index] = wanted
            offsets[index] = offsets[index] * 0
    taken = placing.cut_out(state, source, offsets, steps, result)
    for index, axis in own.items():
        taken = taken.with_axis(index, axis) if isinstance(taken, Layout) else None
    return taken


def _concat(op: ConcatOp, states: States) -> State:
    axis = op.axis.value.data
    lengths = [tensor.shape[axis] for tensor in op.operand_tensors()]
    return placing.concatenated(states, axis, lengths)


def _gather(op: GatherOp, states: States) -> State:
    (source, indices), axis = states, op.axis.value.data
    if not (isinstance(source, Layout) and isinstance(indices, Layout)):
        return None
    if is_cut(source.axes[axis]):
        return None
    return Layout((*source.axes[:axis], *indices.axes, *source.axes[axis + 1 :]))


def _scatter(_op: ScatterOp, states: States) -> State:
    source, indices, updates = states
    layouts = [s.axes for s in (source, indices, updates) if isinstance(s, Layout)]
    if len(layouts) < 3 or any(is_cut(axes[0]) for axes in layouts):
        return None
    return source if layouts[0][1] == layouts[2][1] else None


def _source(op: LpuOp, devices: int) -> State:
    """What reads nothing."""
    kind = op.results[0].type
    assert isinstance(kind, TensorType)
    if isinstance(op, ConstantOp):
        return placing.of_recipe(op.value.data)
    if isinstance(op, IotaOp):
        base, *coefficients = op.coefficients.data
        fits = placing.counted(base, coefficients, layout_of(kind), devices)
        return layout_of(kind) if fits else None
    return layout_of(kind)


LAYOUTS: dict[type[LpuOp], Callable[[Any, States], State]] = {
    **dict.fromkeys((MapOp, SelectOp, CastOp), _elementwise),
    MatmulOp: _matmul,
    ReduceOp: _reduce,
    **dict.fromkeys((ScanOp, fused.SoftmaxOp), _by_rows),
    TopkOp: _topk,
    **dict.fromkeys((fused.NormOp, fused.RotaryOp), _normed),
    fused.AttentionOp: _attention,
    ReshapeOp: _reshape,
    TransposeOp: lambda op, states: placing.transposed(states[0], op.perm.data),
    BroadcastOp: _broadcast,
    ConcatOp: _concat,
    GatherOp: _gather,
    ScatterOp: _scatter,
}
"""What is known of the result, by what is known of the operands."""


def state_of(op: LpuOp, states: States, devices: int) -> State:
    """What is known of the results of an operation."""
    if isinstance(op, ConstantOp | FillOp | IotaOp):
        found = _source(op, devices)
    elif isinstance(op, CollectiveOp):
        found = whole(op.result_tensor().shape)
    elif isinstance(op, SliceOp):
        found = _slice(op, states, devices)
    elif type(op) in _LIFTED and any(isinstance(state, Pieces) for state in states):
        found = _by_pieces(op, states)
    else:
        found = LAYOUTS[type(op)](op, states)
    return found if not isinstance(found, Layout) or found.is_possible else None


_LIFTED = (MapOp, SelectOp, CastOp, MatmulOp)


def _by_pieces(op: LpuOp, states: States) -> State:
    """Piece by piece, along an axis of the result."""
    ends = {s.axis - tensor_of(v).rank for v, s in zip(op.operands, states, strict=True)
            if isinstance(s, Pieces)}  # fmt: skip
    lengths = {state.lengths for state in states if isinstance(state, Pieces)}
    if len(ends) > 1 or len(lengths) > 1:
        return None
    end, parts = ends.pop(), list[tuple[Any, Layout]]()
    if isinstance(op, MatmulOp) and isinstance(states[0 if end == -1 else 1], Pieces):
        return None
    for index, length in enumerate(lengths.pop()):
        own = [state.parts[index][1] if isinstance(state, Pieces) else state for state in states]
        part = LAYOUTS[type(op)](op, own)
        if not isinstance(part, Layout) or not part.is_possible:
            return None
        parts.append((length, part))
    return Pieces(op.result_tensor().rank + end, tuple(parts))
