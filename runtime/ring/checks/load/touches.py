"""What instructions touch, read off their fields: which registers say where, and what it is.

Registers are named by their *places* among those of an instruction (`forms`), so that what is found
holds for all that differ in registers only.

This is written a second time on purpose: `Inst.accesses` says the same, and an error in it must not
reach the program and its check alike.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

from runtime.isa.instructions.gather import Gather, Scatter
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.memory import Load, Store, Stream
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.instructions.reduction import Reduce, Scan, TopK
from runtime.isa.instructions.vector import Cast, Copy, Fill, Iota, Map1, Map2, Select
from runtime.isa.spec import DataInst
from runtime.ring.checks.load.memory.ranges import merged

ONE = -1
"""The last place, which holds 1: the extent of an axis that an operand lacks."""

Four = tuple[int, int, int, int]
Pieces = tuple[tuple[int, int], ...]
MOST_PIECES = 1 << 16


class Touch(NamedTuple):
    """An operand: the place of its address, those of extents and strides, bytes an element."""

    base: int
    shape: Callable[[Sequence[Any]], tuple[Any, ...]]
    size: int
    rows: tuple[int, int] | None = None
    """Places of the number of rows and the bytes between them, where an index chooses."""


class Touches(NamedTuple):
    """All operands of an instruction, and places of numbers that become data."""

    reads: tuple[Touch, ...] = ()
    writes: tuple[Touch, ...] = ()
    far_reads: tuple[Touch, ...] = ()
    far_writes: tuple[Touch, ...] = ()
    numbers: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    """Places of what is no data and must not depend on the device."""
    streams: tuple[Touch, ...] = ()
    """What is read in HBM for the matrix unit, which each device computes with for itself."""


def touches(cls: type[DataInst], fields: Any) -> Touches:
    """What an instruction of a class touches, whose `fields` have places instead of registers."""
    return _FAMILIES[cls](fields)


def is_exact(inst: DataInst) -> bool:
    """Whether every machine makes the same bits of the same operands."""
    if isinstance(inst, Vecmat):
        return False
    if isinstance(inst, Reduce):
        return inst.fn in ("max", "min") or not inst.dst.type.is_float
    if isinstance(inst, Scatter):
        return inst.fn != "add" and inst.fn != "mul"
    if isinstance(inst, Map1 | Map2 | Scan):
        return not inst.dst.type.is_float
    return True


def _touch(operand: Any, extents: Four, rows: tuple[int, int] | None = None) -> Touch:
    places = itemgetter(*extents, *operand.strides)
    return Touch(operand.base, places, operand.type.itemsize, rows)


def _elementwise(*names: str) -> Callable[[Any], Touches]:
    def of(inst: Any) -> Touches:
        extents = inst.extents
        reads = tuple(_touch(getattr(inst, name), extents) for name in names)
        return Touches(reads, (_touch(inst.dst, extents),))

    return of


def _load(inst: Any) -> Touches:
    extents = inst.extents
    return Touches(writes=(_touch(inst.dst, extents),), far_reads=(_touch(inst.src, extents),))


def _store(inst: Any) -> Touches:
    extents = inst.extents
    return Touches((_touch(inst.src, extents),), far_writes=(_touch(inst.dst, extents),))


def _stream(inst: Any) -> Touches:
    counts = (*inst.extents, *inst.src.strides)
    return Touches(counts=counts, streams=(_touch(inst.src, inst.extents),))


def _gather(inst: Any) -> Touches:
    extents, rows = inst.extents, (inst.limit, inst.rowstride)
    near = (_touch(inst.idx, extents),)
    return Touches(
        near, (_touch(inst.dst, extents),), (_touch(inst.src, extents, rows),), counts=rows
    )


def _scatter(inst: Any) -> Touches:
    extents, rows = inst.extents, (inst.limit, inst.rowstride)
    near = (_touch(inst.src, extents), _touch(inst.idx, extents))
    far = (_touch(inst.dst, extents, rows),)
    return Touches(near, (), () if inst.fn == "set" else far, far, counts=rows)


def _vecmat(inst: Any) -> Touches:
    batch, rows, depth, columns = inst.extents
    dst = _touch(inst.dst, (batch, rows, ONE, columns))
    x = _touch(inst.x, (batch, rows, depth, ONE))
    return Touches((x, dst) if inst.accumulate else (x,), (dst,), counts=(depth, columns))


def _reduce(inst: Any) -> Touches:
    a, b, c, d = (ONE if inst.axes >> k & 1 else r for k, r in enumerate(inst.extents))
    dst, source = _touch(inst.dst, (a, b, c, d)), _touch(inst.a, inst.extents)
    return Touches((source, dst) if inst.accumulate else (source,), (dst,))


def _scan(inst: Any) -> Touches:
    carry = _touch(inst.carry, (*inst.extents[:3], ONE))
    return Touches((_touch(inst.a, inst.extents), carry), (_touch(inst.dst, inst.extents), carry))


def _topk(inst: Any) -> Touches:
    best = (*inst.extents[:3], inst.k)
    written = (_touch(inst.dst, best), _touch(inst.indices, best))
    return Touches((_touch(inst.a, inst.extents),), written, counts=(inst.k, inst.largest))


def _fill(inst: Any) -> Touches:
    return Touches((), (_touch(inst.dst, inst.extents),), numbers=(inst.value,))


def _iota(inst: Any) -> Touches:
    return Touches((), (_touch(inst.dst, inst.extents),), numbers=(inst.start, *inst.steps))


def _send(inst: Any) -> Touches:
    return Touches((_touch(inst.src, inst.extents),))


def _recv(inst: Any) -> Touches:
    return Touches((), (_touch(inst.dst, inst.extents),))


_FAMILIES: dict[type[DataInst], Callable[[Any], Touches]] = {
    Load: _load, Store: _store, Stream: _stream, Gather: _gather, Scatter: _scatter,
    Vecmat: _vecmat, Map1: _elementwise("a"), Map2: _elementwise("a", "b"),
    Select: _elementwise("cond", "a", "b"), Cast: _elementwise("a"), Copy: _elementwise("a"),
    Fill: _fill, Iota: _iota, Reduce: _reduce, Scan: _scan, TopK: _topk, Send: _send, Recv: _recv,
}  # fmt: skip


@lru_cache(1 << 14)
def pieces(shape: tuple[int, ...], size: int) -> Pieces:
    """The bytes of an operand, relative to its address, as ascending pieces.

    `shape` has four extents and four strides. Operands of very many pieces count as one: their hull
    is then what they touch.
    """
    run, low, outer = size, 0, list[tuple[int, int]]()
    axes = sorted((abs(s), e, s) for e, s in zip(shape[:4], shape[4:], strict=True) if e > 1 and s)
    if min(shape[:4]) <= 0:
        return ()
    for step, extent, stride in axes:
        low += (extent - 1) * min(0, stride)
        if step <= run and not outer:
            run += (extent - 1) * step
        else:
            outer.append((step, extent))
    count = 1
    for _, extent in outer:
        count *= extent
    if count > MOST_PIECES:
        return ((low, low + run + sum((extent - 1) * step for step, extent in outer)),)
    steps = (range(0, extent * step, step) for step, extent in outer)
    starts = [low + sum(at) for at in product(*steps)]
    return tuple(merged([(start, start + run) for start in starts]))


@lru_cache(1 << 14)
def in_order(shape: tuple[int, ...], size: int) -> Pieces:
    """The bytes of an operand as a message has them: pieces in row-major order of its elements."""
    if min(shape[:4]) <= 0:
        return ()
    run, steps, inner = run_of(shape, size), list[list[int]](), size
    for extent, stride in zip(reversed(shape[:4]), reversed(shape[4:]), strict=True):
        if inner < run:
            inner *= extent
        elif extent > 1:
            steps.insert(0, [at * stride for at in range(extent)])
    return tuple((sum(at), sum(at) + run) for at in product(*steps))


def run_of(shape: tuple[int, ...], size: int) -> int:
    """Bytes that follow each other in memory and in a message."""
    run = size
    for extent, stride in zip(reversed(shape[:4]), reversed(shape[4:]), strict=True):
        if extent > 1 and stride != run:
            return run
        run *= extent
    return run


@lru_cache(1 << 12)
def overlaps(shape: tuple[int, ...], size: int) -> bool:
    """Whether some byte of a result would be written twice."""
    span = size
    axes = sorted((abs(s), e) for e, s in zip(shape[:4], shape[4:], strict=True) if e > 1)
    for step, extent in axes:
        if step < span:
            return True
        span = step * (extent - 1) + span
    return False
