"""
Judge a pass to or on buffers by what its operations write, with the numbers of the run before.

1. Behind an exact pass, what stays writes the same bits.
2. Otherwise, as soon as what stands for an operation is done, its result is compared with that of
   the run before, and put in its place: what follows is computed of the same numbers. Sums may
   differ by `APART` local bounds, all else not at all.
3. The two products in attention, which is one operation of tensors, are computed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.ir import Operation

from dialects.lpu.fused import AttentionOp
from dialects.lpu_mem import ops
from dialects.lpu_mem.device import Device
from lpuc.diagnosis.judging.departures import Departure, Off, departure
from lpuc.diagnosis.judging.mem.contents import turn_names
from lpuc.diagnosis.judging.mem.written import Window, Written, bound_of_sum, factors, window_of
from lpuc.diagnosis.judging.runs import APART, Runs, same_bits
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.judging.traces import Event, layer_names
from lpuc.levels.contracts import is_sum, local_bound
from passes.rewriting.session import Laid

Array = np.ndarray[Any, np.dtype[Any]]
Key = tuple[Operation, int]
Parts = Sequence[Array]


def judge_buffers(step: Step, before: Runs, after: Runs) -> Departure | None:
    """
    The first result of an operation that is not what it was before a pass.

    Where the run behind it breaks off, what it breaks off with is raised, unless something was off
    up to there.
    """
    if step.numbers.change == "exact" and before.is_on_buffers:
        return _unequal(step, before, after)
    watch = Forcing()
    watch.expect(_expected(step, before))
    try:
        after.watched(watch)
    except Exception:  # whatever the semantics raise: it follows from what was off before
        if watch.found is None:
            raise
    return watch.found


def _unequal(step: Step, before: Runs, after: Runs) -> Departure | None:
    """Rule 1."""
    right = {
        (step.buffers.kept[w.op], w.turn, w.result): w
        for w in before.written
        if w.op in step.buffers.kept
    }
    broken = after.broken
    for written in after.written:
        old = right.get(written.key)
        if old is None:
            continue
        for got, expected in zip(written.parts, old.parts, strict=True):
            if not same_bits(got, expected):
                return _departed(old, got, expected, 0.0)
    if broken is not None:
        raise broken
    return None


def _departed(old: Written, got: Array, expected: Array, bound: Array | float) -> Departure | None:
    found = departure(got, expected, bound)
    return found and Departure(old.op.name, turn_names(old.op, old.names), *found)


@dataclass(frozen=True)
class Expected:
    """What must lie in buffers when an operation behind the pass is done."""

    done: Operation
    turn: int
    parts: Parts
    """On each device."""
    place: Callable[[Device, Array], Array]
    """Where it lies on a device: a view that may be written."""
    bounds: Callable[[], Parts]
    operation: str
    names: Callable[[], tuple[str, ...]]

    def judge(self, devices: Sequence[Device]) -> tuple[Departure | None, bool]:
        """How it is off, if it is; it is put there, and whether other bits lay there."""
        places = [self.place(d, p) for d, p in zip(devices, self.parts, strict=True)]
        found, bounds, is_other = None, None, False
        for number, (at, part) in enumerate(zip(places, self.parts, strict=True)):
            if same_bits(at, part):
                continue
            bounds, is_other = bounds or self.bounds(), True
            off = departure(at, part, APART * bounds[number])
            if off is not None and found is None:
                found = Departure(self.operation, self.names(), *off)
            at[...] = part
        return found, is_other


def _expected(step: Step, before: Runs) -> Iterator[Judged]:
    """Rule 2."""
    if before.is_on_buffers:
        yield from (one for w in before.written if (one := _of_buffers(step, w)) is not None)
        return
    for event in before.events:
        laid = step.buffers.laid.get(event.value)
        if laid is not None:
            if isinstance(event.op, AttentionOp):
                yield from _inside(event, laid)
            yield _of_tensor(event, laid)


def _of_tensor(event: Event, laid: Laid) -> Expected:
    def place(device: Device, part: Array) -> Array:
        strides = tuple(s.evaluate(device.names) for s in laid.view.strides)
        window = Window(laid.view.offset.evaluate(device.names), part.shape, strides)
        return window.of(device.regions[laid.buffer])

    def bounds() -> Parts:
        if not is_sum(event.op):
            return [np.zeros(part.shape) for part in event.parts]
        return [
            local_bound(event.op, given, part)
            for given, part in zip(event.operands, event.parts, strict=True)
        ]

    def names() -> tuple[str, ...]:
        return layer_names(event.op, event.turn)

    return Expected(laid.last, event.turn, event.parts, place, bounds, event.op.name, names)


def _inside(event: Event, laid: Laid) -> Iterator[Judged]:
    """Rule 3: the last two products before the end of an attention."""
    found, op = list[ops.VecmatOp](), laid.last
    while op is not None and len(found) < len(ATTENTION):
        if isinstance(op, ops.VecmatOp):
            found.insert(0, op)
        op = op.prev_op
    if len(found) == len(ATTENTION):
        for product, kind in zip(found, ATTENTION, strict=True):
            yield Product(product, event.turn, event, kind)


@dataclass(frozen=True)
class Product:
    """A product in attention, which the run before knows nothing of but its operands."""

    done: ops.VecmatOp
    turn: int
    event: Event
    kind: str

    def judge(self, devices: Sequence[Device]) -> tuple[Departure | None, bool]:
        """How it is off, if it is; it stays."""
        for device, given in zip(devices, self.event.operands, strict=True):
            point = device.point(self.done)
            got = window_of(self.done, point).of(point.regions[0])
            off = self._off(got, factors(point)[0], given)
            if off is not None:
                names = layer_names(self.event.op, self.turn)
                return Departure(self.event.op.name, names, *off), False
        return None, False

    def _off(self, got: Array, rows: Array, given: Sequence[Array]) -> Off | None:
        panel = given[2]
        if self.kind == "scores":
            panel = np.swapaxes(given[1], -1, -2)
            rows = self._scaled(given).reshape(*rows.shape[:-1], panel.shape[-2])
        if rows.shape[-1] != panel.shape[-2]:
            return (rows.shape, float("nan"), float("nan"), 0.0)
        panel = panel.reshape(*panel.shape[:2], *[1] * (rows.ndim - 4), *panel.shape[2:])
        right = np.matmul(rows.astype(np.float64), panel.astype(np.float64)).reshape(got.shape)
        bound = bound_of_sum(self.done, [rows, panel], right.astype(got.dtype))
        return departure(got, right, APART * bound)

    def _scaled(self, given: Sequence[Array]) -> Array:
        """Queries times the scale, rounded to the type of the keys."""
        op = self.event.op
        assert isinstance(op, AttentionOp)
        scale, cap = (float(a.value.data) for a in (op.scale, op.softcap))
        factor = np.float32(scale / cap if cap > 0 else scale)
        return (given[0].astype(np.float32) * factor).astype(given[1].dtype)


ATTENTION = ("scores", "mixed")
"""The products in attention."""
Judged = Expected | Product


def _of_buffers(step: Step, written: Written) -> Expected | None:
    old, here = written.op, step.buffers
    buffer = here.named.get(old.operands[written.result])
    kept, done = here.kept.get(old), here.lowered.get(old)

    def in_place(device: Device, _part: Array) -> Array:
        assert isinstance(kept, ops.DataOp)
        point = device.point(kept)
        return window_of(kept, point, written.result).of(point.regions[written.result])

    def where_it_was(device: Device, _part: Array) -> Array:
        assert buffer is not None
        return written.windows[device.number].of(device.regions[buffer])

    def names() -> tuple[str, ...]:
        return turn_names(old, written.names)

    last = kept or done
    if last is None or (kept is None and buffer is None):
        return None
    place = where_it_was if kept is None else in_place
    return Expected(last, written.turn, written.parts, place, written.bounds, old.name, names)


@dataclass
class Forcing:
    """A watch that judges results as they are written, and puts the right ones in their place."""

    found: Departure | None = None
    has_written: bool = False
    right: dict[Key, list[Judged]] = field(default_factory=dict[Key, list[Judged]])
    turns: Counter[Operation] = field(default_factory=Counter[Operation])

    def expect(self, expected: Iterator[Judged]) -> None:
        """What is to come."""
        for one in expected:
            self.right.setdefault((one.done, one.turn), []).append(one)

    def __call__(self, op: Operation, devices: list[Device]) -> None:
        turn = self.turns[op]
        self.turns[op] += 1
        for one in self.right.get((op, turn), ()):
            found, is_other = one.judge(devices)
            self.found = self.found or found
            self.has_written = self.has_written or is_other
