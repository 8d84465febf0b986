"""What each step of an instruction touches, element by element: no formula, no shortcut.

The vector engine takes the points of its extents in row-major order, `vxe_lanes` in a step. The
matrix engine takes tiles: batch, group of columns, row, chunk of K. A transfer has all elements up
to its share of the cycles on the channels, a message up to those on its link.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, prod
from typing import Any

import numpy as np

from runtime.isa import DataInst, Inst
from runtime.isa.accesses import Access
from runtime.target import Target, exact
from tests.unit.runtime.timing.addresses import clocks

Array = np.ndarray[Any, np.dtype[np.int64]]
Steps = dict[int, tuple[int, int]]
Placed = tuple[Array, Array, Array]


@dataclass
class Pass:
    """Steps; per granule of the LMU that is read or written its first and its last one; HBM."""

    steps: int
    reads: Steps
    writes: Steps
    far: Access | None
    bytes: int = 0
    beats: int = 0
    units: int = 0


class Channels:
    """The integers of the channels: units in a cycle, units of one burst on all of them."""

    def __init__(self, target: Target) -> None:
        t, n = target, 10**9
        tck, clock = exact(t.hbm_tck_ns), exact(t.clock_hz)
        rows = (t.hbm_bank_groups - 1) * max(0, t.hbm_nrrd - t.hbm_nbl)
        lost = t.hbm_nrtp + t.hbm_nrp + t.hbm_nrcd - t.hbm_nbl + rows
        lost = exact(t.hbm_trfc_ns) + lost * tck
        assert t.hbm_refresh == "all-bank"
        left = 1 - lost / exact(t.hbm_trefi_ns)
        beat = Fraction(t.hbm_channels * t.hbm_burst_bytes) / exact(t.hbm_bandwidth) * clock / left
        beat = beat.limit_denominator(1 << 14)
        self.units, self.beat = beat.denominator, beat.numerator
        self.to_write = ceil(max(0, t.hbm_nrtw - t.hbm_nbl) * tck * clock / n)
        self.to_read = ceil(max(0, t.hbm_nwtr - t.hbm_nbl) * tck * clock / n)


def points(extents: tuple[int, ...]) -> Array:
    """Row-major indices of all points, one row each."""
    return np.indices(extents).reshape(4, -1).T


def addresses(access: Access, at: Array) -> Array:
    """Byte address for each point; an axis of extent 1 is passed over in place."""
    fixed = np.array([e == 1 for e in access.extents])
    return np.where(fixed, 0, at) @ np.array(access.strides) + access.base


def spread(
    where: Array, size: int, granule: int, first: Array, last: Array
) -> dict[int, tuple[int, int]]:
    """First and last step for each granule."""
    found: Steps = {}
    for byte in (where, where + size - 1):
        for g, a, b in zip((byte // granule).tolist(), first.tolist(), last.tolist(), strict=True):
            low, high = found.get(g, (a, b))
            found[g] = (min(low, a), max(high, b))
    return found


def pass_of(inst: Inst, registers: list[int], target: Target, channels: Channels) -> Pass:
    """The pass of one execution."""
    accesses = inst.accesses(registers)
    far = next((a for a in accesses if a.hbm), None)
    near = [a for a in accesses if not a.hbm and min(a.extents) > 0]
    extents = tuple(registers[r] for r in inst.extents) if isinstance(inst, DataInst) else (1,) * 4
    if far is not None and min(far.extents) > 0:
        return moved(near, far, extents, target, channels)
    if inst.UNIT == "NET":
        size = prod(extents) * near[0].itemsize if near else 0
        cycles = ceil(size * exact(target.clock_hz) / exact(target.link_bandwidth))
        return collected(near, lambda a: evenly(a, extents, cycles), cycles, target)
    if inst.UNIT == "SXE":
        batch, rows, depth, columns = extents
        each, spill = of_row(inst, rows, depth, target)
        each = max(each, in_banks(chunk(near[1], target), target))
        row = ceil(depth / target.vector_lanes) * each + spill
        steps = batch * rows * row * ceil(columns / target.mac_trees)
        return collected(near, lambda a: tile(a, extents, target, each, row), steps, target)
    if not isinstance(inst, DataInst):
        one = (1, 1, 1, 1)
        return collected(near, lambda a: plain(a, one, 1), target.control_latency, target)
    moving = [a for a in near if a.reads and len(set(addresses(a, points(extents)).tolist())) > 1]
    lanes = max(1, target.vxe_lanes * target.vxe_ports // max(target.vxe_ports, len(moving)))
    if inst.MNEMONIC == "topk":
        return sort(near, extents, lanes, target)
    step = lined(near, extents, lanes)
    count = int(step[-1]) + 1 if step.size else 0
    first = points(extents)[step == 0]
    each = max((in_banks(addresses(a, first), target) for a in near), default=1)
    return collected(near, lambda a: vector(a, extents, step, lanes, each), count * each, target)


def chunk(access: Access, target: Target) -> Array:
    """Where the first elements of x lie that pass a tile."""
    at = points(access.extents)
    return addresses(access, at[(at[:, 2] < target.vector_lanes) & (at[:, [0, 1, 3]] == 0).all(1)])


def in_banks(where: Array, target: Target) -> int:
    """Cycles in which banks give a granule each until all elements are there."""
    if not where.size:
        return 1
    left = set((abs(where - where[0]) // target.lmu_granule).tolist())
    cycles = 0
    while left:
        left -= set({granule % target.lmu_banks: granule for granule in left}.values())
        cycles += 1
    return cycles


def collected(near: list[Access], place: Any, steps: int, target: Target) -> Pass:
    """The pass whose operands are placed by a function."""
    found = Pass(steps, {}, {}, None)
    for access in near:
        where, first, last = place(access)
        touched = spread(where, access.itemsize, target.lmu_granule, first, last)
        for wanted, into in ((access.reads, found.reads), (access.writes, found.writes)):
            for g, (a, b) in touched.items() if wanted else ():
                low, high = into.get(g, (a, b))
                into[g] = (min(low, a), max(high, b))
        found.steps = max(found.steps, int(last.max()) + 1)
    return found


def plain(access: Access, extents: Any, lanes: int, each: int = 1) -> Placed:
    """So many points a step, which takes so many cycles."""
    at = points(extents)
    step = np.arange(len(at)) // lanes * each
    return addresses(access, at), step, step + each - 1


def lined(near: list[Access], extents: Any, lanes: int) -> Array:
    """The step of each point: a row is the longest run, of whole axes, of even distances."""
    total = prod(extents)
    places = [addresses(a, points(extents)) for a in near]
    length, axis = 1, 4
    while axis:
        longer = length * extents[axis - 1]
        rows = [p.reshape(-1, longer) for p in places] if total else []
        if not all(len({int(d) for d in np.diff(r, axis=1).ravel()}) <= 1 for r in rows):
            break
        length, axis = longer, axis - 1
    each = ceil(length / lanes) if length else 0
    return (np.arange(total) // max(1, length)) * each + np.arange(total) % max(1, length) // lanes


def vector(access: Access, extents: Any, step: Array, lanes: int, each: int) -> Placed:
    """Where the vector engine is in each cycle."""
    if any(a > e for a, e in zip(access.extents, extents, strict=True)):
        return plain(access, access.extents, lanes, each)
    return addresses(access, points(extents)), step * each, step * each + each - 1


def sort(near: list[Access], extents: Any, lanes: int, target: Target) -> Pass:
    """Passes over each row, one for each of the best or those of a sorting network."""
    bits = max(1, (extents[3] - 1).bit_length())
    best = max((a.extents[3] for a in near if a.writes), default=0)
    tree = (target.vxe_lanes - 1 | 1).bit_length() * target.vector_latency
    turns = max(1, min(best, bits * (bits + 1) // 2))
    first = points(extents)
    first = first[(first[:, :3] == 0).all(1)][:lanes]
    each = max(in_banks(addresses(a, first), target) for a in near if not a.writes)
    row = turns * (ceil(extents[3] / lanes) * each + tree)

    def placed(access: Access) -> Placed:
        at = points(access.extents)
        first = np.ravel_multi_index(at[:, :3].T, extents[:3]) * row
        begin = first if access.writes else first + at[:, 3] // lanes * each
        return addresses(access, at), begin, first + row - 1

    return collected(near, placed, prod(extents[:3]) * row, target)


def of_row(inst: Inst, rows: int, depth: int, target: Target) -> tuple[int, int]:
    """Cycles of a tile, and those of the partial sums of one row and group of columns."""
    size = inst.x.type.itemsize
    chunks = ceil(depth / target.vector_lanes)
    tile_bytes = size * target.vector_lanes * target.mac_trees
    held = max(1, target.reuse_bytes // tile_bytes)
    again = max(0, ceil(chunks / held) - 1) if rows > target.accumulators else 0
    both_ways, port = 2 * 4 * target.mac_trees, 2 * target.vector_lanes
    return (target.f32_tile_cycles if size > 2 else 1), again * ceil(both_ways / port)


def tile(access: Access, extents: Any, target: Target, each: int, row: int) -> Placed:
    """In which tiles the matrix engine reads x and writes the result."""
    _, rows, depth, columns = extents
    groups = ceil(columns / target.mac_trees)
    at = points(access.extents)
    b, m, k, n = at.T
    if depth == 0:
        return addresses(access, at), b * 0, b * 0
    if access.writes:
        first = ((b * groups + n // target.mac_trees) * rows + m) * row
        return addresses(access, at), first, first + row - 1
    first = (b * groups * rows + m) * row + k // target.vector_lanes * each
    return addresses(access, at), first, first + (groups - 1) * rows * row + each - 1


def evenly(access: Access, extents: tuple[int, ...], cycles: int) -> Placed:
    """All elements up to their share of the cycles."""
    total = prod(extents)
    step = -(-(np.arange(total) + 1) * cycles // total) - 1
    return addresses(access, points(access.extents)), step, step


def moved(
    near: list[Access], far: Access, extents: Any, target: Target, channels: Channels
) -> Pass:
    """The pass of a stream or a transfer."""
    count, run = far.runs()
    low, high = far.bounds()
    size, bursts = count * run, count * ceil(run / target.hbm_burst_bytes)
    if not any(far.jumps):
        size, bursts = (
            min(size, high - low),
            min(bursts, ceil((high - low) / target.hbm_burst_bytes)),
        )
    beats = ceil(bursts / target.hbm_channels)
    ways = far.reads + far.writes
    units = ceil(Fraction(taken(far, target) * channels.beat, target.hbm_nbl))
    cycles = ceil(units / channels.units)
    found = collected(near, lambda a: evenly(a, extents, cycles), cycles, target)
    found.far, found.bytes, found.beats, found.units = far, ways * size, ways * beats, units
    return found


@cache
def _taken(pieces: tuple[int, ...], reads: bool, writes: bool, target: Target) -> int:
    return clocks(pieces if reads else (), pieces if writes else (), target)


def taken(far: Access, target: Target) -> int:
    """Clocks of the busiest channel, for bytes that begin where a row of each begins."""
    jumps = np.array(far.jumps)
    at = points(far.extents)
    strides = np.where(jumps, 0, np.array(far.strides))
    low = at @ np.abs(strides)
    span = int(low.max()) + far.itemsize
    stripe = target.hbm_channels * target.hbm_row_bytes * target.hbm_bank_groups
    chosen = np.unique(at[:, jumps], axis=0, return_inverse=True)[1].ravel() if any(jumps) else 0
    where = low + chosen * ceil(span / stripe) * stripe
    size = target.hbm_burst_bytes
    touched = np.unique([(where + byte) // size for byte in (0, far.itemsize - 1)])
    return _taken(tuple((touched * size).tolist()), far.reads, far.writes, target)
