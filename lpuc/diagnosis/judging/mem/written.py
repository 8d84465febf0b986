"""
One run of IR on buffers, operation by operation.

```python
log = Log()
run_function(function, inputs, folder, watch=log)
log.table[op, 0].parts[0]    # what it wrote on the first device, the first time that it ran
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from xdsl.ir import Operation

from dialects.lpu_mem import ops
from dialects.lpu_mem.device import Device
from dialects.lpu_mem.kernels import Point
from dialects.lpu_mem.memory import Region
from lpuc.levels.contracts import UNDERFLOW, roundoff

Array = np.ndarray[Any, np.dtype[Any]]
Key = tuple[Operation, int, int]
"""An operation, how often it was run before, and the number of its result."""
UNSEEN = (ops.ScatterOp, ops.SendOp)
"""What writes no view of its own."""
F32 = 2.0**-24
"""The unit roundoff that sums have."""


class Window(NamedTuple):
    """Elements of a buffer: an offset and, for each axis, an extent and a stride, in elements."""

    offset: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, region: Region) -> Array:
        """The elements, written or not; a fault if they do not lie there."""
        return region.view(self.offset, self.extents, self.strides).data


@dataclass(frozen=True)
class Written:
    """What one operation wrote once, on each device."""

    op: ops.DataOp
    turn: int
    windows: Sequence[Window]
    """Where, on each device."""
    parts: Sequence[Array]
    names: Mapping[str, int]
    """Symbols and variables of loops, on the first device."""
    starts: Sequence[int]
    """The address of the first element on each device, in bytes, once buffers have addresses."""
    operands: Sequence[Sequence[Array]] = ()
    """What each device has summed."""
    result: int = 0
    """Which of the buffers of the operation it is."""

    @property
    def key(self) -> Key:
        return (self.op, self.turn, self.result)

    def bounds(self) -> list[Array]:
        """The local bound of what was summed, on each device; zeros where nothing was."""
        if not self.operands or not all(roundoff(part) for part in self.parts):
            return [np.zeros(part.shape) for part in self.parts]
        return [
            bound_of_sum(self.op, given, part)
            for given, part in zip(self.operands, self.parts, strict=True)
        ]


def bound_of_sum(op: ops.DataOp, given: Sequence[Array], part: Array) -> Array:
    """
    The local bound of a sum: `sqrt(n) u ||terms||`; what it goes on from is one term more.

    Each addition rounds what is summed so far. Terms of both signs keep that near `||terms||`;
    those of one sign let it grow to the sum, and the mean square on the way is a third of the last.
    """
    size, goes_on = np.sqrt(_squared(part)), isinstance(op, ops.ScanOp)
    if isinstance(op, ops.VecmatOp):
        n, terms = given[0].shape[-1], np.matmul(*map(_squared, given)).reshape(part.shape)
        goes_on = bool(op.accumulate.value.data)
    elif isinstance(op, ops.ReduceOp):
        axes = tuple(op.axes.data)
        n = int(np.prod([given[0].shape[axis] for axis in axes]))
        terms = np.sum(_squared(given[0]), axes, keepdims=True)
        goes_on = bool(op.accumulate.value.data)
    else:
        n, terms = given[0].shape[-1], np.sum(_squared(given[0]), -1, keepdims=True)
    if goes_on:
        n, terms = n + 1, terms + np.square(size)
    unit, terms = max(roundoff(part), F32), terms + np.square(size) / 3
    bound = F32 * np.sqrt(n * terms) + np.maximum(unit * size, UNDERFLOW.get(unit, 0.0))
    return np.broadcast_to(bound, part.shape)


def _squared(array: Array) -> Array:
    return np.square(np.where(np.isfinite(array), array, 0).astype(np.float64))


@dataclass
class Log:
    """A watch that keeps what operations wrote, of sums their operands, too."""

    found: list[Written] = field(default_factory=list[Written])
    turns: Counter[Operation] = field(default_factory=Counter[Operation])

    def __call__(self, op: Operation, devices: list[Device]) -> None:
        turn = self.turns[op]
        self.turns[op] += 1
        if isinstance(op, ops.DataOp) and not isinstance(op, UNSEEN):
            points = [device.point(op) for device in devices]
            for result in range(type(op).WRITES):
                self._note(op, turn, result, points, devices)

    def _note(
        self, op: ops.DataOp, turn: int, result: int,
        points: Sequence[Point], devices: Sequence[Device],
    ) -> None:  # fmt: skip
        windows = [window_of(op, point, result) for point in points]
        regions = [point.regions[result] for point in points]
        parts = [w.of(r).copy() for w, r in zip(windows, regions, strict=True)]
        space = ops.buffer_of(op.operands[result]).space
        starts = [
            device.shared[space][1] + region.start + window.offset * region.dtype.itemsize
            for device, region, window in zip(devices, regions, windows, strict=True)
        ]
        summed, names = _summed(op, points), dict(devices[0].names)
        self.found.append(Written(op, turn, windows, parts, names, starts, summed, result))


def window_of(op: ops.DataOp, point: Point, result: int = 0) -> Window:
    """What an operation writes of one of its buffers."""
    offset, strides = point.places[result]
    extents = list(point.shape)
    for axis in _held(op, len(extents)):
        extents[axis] = 1
    if isinstance(op, ops.TopkOp):
        extents[-1] = op.k.value.data
    if isinstance(op, ops.ScanOp) and result == 1:
        extents[-1] = 1
    return Window(offset, tuple(extents), tuple(strides))


def _held(op: ops.DataOp, rank: int) -> Iterable[int]:
    """The axes along which a result does not move."""
    if isinstance(op, ops.VecmatOp):
        return (rank - 2,)
    return op.axes.data if isinstance(op, ops.ReduceOp) else ()


def _summed(op: ops.DataOp, points: Sequence[Point]) -> list[list[Array]]:
    """The terms of float sums as they are read, weights where they lie."""
    if isinstance(op, ops.VecmatOp):
        return [factors(point) for point in points]
    if isinstance(op, ops.ScanOp):
        return [[point.view(2).data.copy()] for point in points]
    if isinstance(op, ops.ReduceOp) and op.fn.data in ("sum", "mul"):
        return [[point.view(1).data.copy()] for point in points]
    return []


def factors(point: Point) -> list[Array]:
    """Rows `[.., M, K]` and panel `[.., K, N]` of a product."""
    padded = point.padded(3)
    m, _, n = range(len(padded.shape) - 3, len(padded.shape))
    rows = padded.view(1, {n: 1}).data[..., 0].copy()
    panel = padded.view(2, {m: 1})
    data = panel.data[..., 0, :, :]
    return [rows, data if panel.shadow is None else data.copy()]
