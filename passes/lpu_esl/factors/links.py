"""
Which axes of operands are axes of results: what may be cut without looking at other devices.

```python
for link in links_of(op): ...        # operand, axes -> result, axes
```
An axis of an operand that no link names is needed whole: it is summed over, looked up in, compared
along. An axis of a result that no link names is whole. `FREE` axes of a result come from no
operand, and can be made in any part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Operation

from dialects.affine import Affine
from dialects.lpu.control import ReadOp, WriteOp, state_of
from dialects.lpu.elementwise import CastOp, FillOp, MapOp, SelectOp
from dialects.lpu.fused import AttentionOp, NormOp, RotaryOp, SoftmaxOp
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
from passes.lpu_esl.factors.classes import ONE

FREE = -1
"""The operand of an axis that comes from none."""
Shape = Sequence[Affine]


@dataclass(frozen=True)
class Link:
    """Axes of an operand that are, taken together, axes of a result, and `inner` more elements."""

    operand: int
    axes: tuple[int, ...]
    result_axes: tuple[int, ...]
    inner: Affine = ONE


def _one(operand: int, axis: int, result_axis: int) -> Link:
    return Link(operand, (axis,), (result_axis,))


def _spread(operand: int, shape: Shape, result: Shape) -> Iterator[Link]:
    """Axes of an operand that broadcasts to the leading or all axes of the result."""
    lead = len(result) - len(shape)
    for axis, extent in enumerate(shape):
        if extent != ONE:
            yield _one(operand, axis, axis + lead)


def _same(operand: int, axes: Sequence[int]) -> Iterator[Link]:
    return (_one(operand, axis, axis) for axis in axes)


def _elementwise(op: LpuOp) -> Iterator[Link]:
    for index, tensor in enumerate(op.operand_tensors()):
        yield from _spread(index, tensor.shape, op.result_tensor().shape)


def _fill(op: FillOp) -> Iterator[Link]:
    return (Link(FREE, (), (axis,)) for axis in range(op.result_tensor().rank))


def _broadcast(op: BroadcastOp) -> Iterator[Link]:
    source, result = op.source_tensor().shape, op.result_tensor().shape
    yield from _spread(0, source, result)
    lead = len(result) - len(source)
    for axis in range(len(result)):
        if axis < lead or source[axis - lead] == ONE:
            yield Link(FREE, (), (axis,))


def _transpose(op: TransposeOp) -> Iterator[Link]:
    return (_one(0, source, axis) for axis, source in enumerate(op.perm.data))


def _slice(op: SliceOp) -> Iterator[Link]:
    columns = zip(op.source_tensor().shape, op.result_tensor().shape, strict=True)
    for axis, (before, after) in enumerate(columns):
        if before == after and op.offsets.data[axis] == Affine():
            yield _one(0, axis, axis)


def _concat(op: ConcatOp) -> Iterator[Link]:
    along = op.axis.value.data
    axes = [axis for axis in range(op.result_tensor().rank) if axis != along]
    for index in range(len(op.operands)):
        yield from _same(index, axes)


def _gather(op: GatherOp) -> Iterator[Link]:
    axis, (source, indices) = op.axis.value.data, op.operand_tensors()
    yield from _same(0, range(axis))
    yield from (_one(1, i, axis + i) for i in range(indices.rank))
    yield from (_one(0, i, i + indices.rank - 1) for i in range(axis + 1, source.rank))


def _scatter(op: ScatterOp) -> Iterator[Link]:
    del op
    return iter((_one(0, 1, 1), _one(2, 1, 1)))


def _matmul(op: MatmulOp) -> Iterator[Link]:
    lhs, rhs, result = *op.operand_tensors(), op.result_tensor()
    last = result.rank - 1
    batch = result.shape[:-2]
    yield from _spread(0, lhs.shape[:-2], batch)
    yield from _spread(1, rhs.shape[:-2], batch)
    yield _one(0, lhs.rank - 2, last - 1)
    yield _one(1, rhs.rank - 1, last)


def _along(op: ReduceOp | ScanOp | SoftmaxOp | TopkOp, whole: Sequence[int]) -> Iterator[Link]:
    rank = tensor_of(op.operands[0]).rank
    return _same(0, [axis for axis in range(rank) if axis not in whole])


def _last(op: SoftmaxOp | TopkOp) -> Iterator[Link]:
    return _along(op, [tensor_of(op.operands[0]).rank - 1])


def _rows(op: NormOp | RotaryOp) -> Iterator[Link]:
    """All axes but the last, of the source and of what is broadcast to it."""
    shape = op.result_tensor().shape[:-1]
    for index, tensor in enumerate(op.operand_tensors()):
        yield from _spread(index, tensor.shape[:-1], shape)


def _attention(op: AttentionOp) -> Iterator[Link]:
    query, key = tensor_of(op.query).shape, tensor_of(op.key).shape
    yield from _same(0, range(3))
    for index in (1, 2):
        yield _one(index, 0, 0)
        yield Link(index, (1,), (1,), Affine(query[1].const // key[1].const))
    yield _one(2, 3, 3)
    for index in range(3, len(op.operands)):
        shape = tensor_of(op.operands[index]).shape
        yield from _spread(index, shape[:-1], query[:3])


def _reshape(op: ReshapeOp) -> Iterator[Link]:
    for axes, result_axes in groups(op.source_tensor().shape, op.result_tensor().shape):
        yield Link(0, axes, result_axes)


def groups(source: Shape, result: Shape) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The least runs of axes of two shapes that hold equally many elements, as far as they go."""
    left, right = _Run(source), _Run(result)
    while left.rest and right.rest:
        left.begin()
        right.begin()
        while left.elements != right.elements:
            if left.elements.terms or right.elements.terms:
                return
            shorter = left if left.elements.const < right.elements.const else right
            if not shorter.lengthen():
                return
        yield tuple(left.axes), tuple(right.axes)


class _Run:
    """Neighbouring axes of a shape, and those that are left behind them."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.rest = [axis for axis, extent in enumerate(shape) if extent != ONE]
        self.axes: list[int] = []
        self.elements = ONE

    def begin(self) -> None:
        """A new run of one axis."""
        self.axes = [self.rest.pop(0)]
        self.elements = self.shape[self.axes[0]]

    def lengthen(self) -> bool:
        """Add the next axis, if there is one whose extent is a number."""
        if not self.rest or self.shape[self.rest[0]].terms:
            return False
        self.axes.append(self.rest.pop(0))
        self.elements = self.elements * self.shape[self.axes[-1]].const
        return True


def _read(op: ReadOp) -> Iterator[Link]:
    return _window(op, op.result)


def _write(op: WriteOp) -> Iterator[Link]:
    """Of the value that is written; the state is the result."""
    return (Link(1, link.axes, link.result_axes) for link in _window(op, op.value))


def _window(op: ReadOp | WriteOp, window: Any) -> Iterator[Link]:
    columns = zip(state_of(op.state).shape, tensor_of(window).shape, strict=True)
    for axis, (held, taken) in enumerate(columns):
        if held == taken and op.offsets.data[axis] == Affine():
            yield _one(0, axis, axis)


RULES: dict[type[Operation], Callable[[Any], Iterator[Link]]] = {
    MapOp: _elementwise,
    SelectOp: _elementwise,
    CastOp: _elementwise,
    FillOp: _fill,
    BroadcastOp: _broadcast,
    TransposeOp: _transpose,
    SliceOp: _slice,
    ConcatOp: _concat,
    GatherOp: _gather,
    ScatterOp: _scatter,
    MatmulOp: _matmul,
    ReduceOp: lambda op: _along(op, op.axes.data),
    ScanOp: lambda op: _along(op, [op.axis.value.data]),
    SoftmaxOp: _last,
    TopkOp: _last,
    NormOp: _rows,
    RotaryOp: _rows,
    AttentionOp: _attention,
    ReshapeOp: _reshape,
    ReadOp: _read,
    WriteOp: _write,
}


def links_of(op: Operation) -> list[Link]:
    """The links of an operation; none of one that nothing is known of."""
    rule = RULES.get(type(op))
    return [] if rule is None else list(rule(op))
