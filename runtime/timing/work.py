"""An instruction with its register values, reduced to steps, granules and a request to HBM.

The address of the operand in HBM plays no part but to find hazards, so that all layers of a model
share the work of the loop's body.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from runtime.isa.accesses import Access
from runtime.isa.fields import Four
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.net import NetInst
from runtime.isa.instructions.reduction import TopK
from runtime.isa.spec import DataInst, Inst, Unit, values
from runtime.order.ranges import Range, hbm_range
from runtime.target import Target
from runtime.timing.chaining import (
    Order,
    Rows,
    Touch,
    even,
    row_major,
    rows_of,
    sorting,
    tiles,
    touch,
)
from runtime.timing.hbm import Pattern, Transfer, beats, busy_clocks, in_units, rates
from runtime.timing.lmu import step_cycles
from runtime.timing.scoreboard import Needs, needs
from runtime.traps import Trap, TrapKind

ONE = (1, 1, 1, 1)
NOWHERE = Range(0, 0, False)


class Work(NamedTuple):
    """What the engines need to know. `near` is needed in the LMU, `far` counts from the operand.

    The engine takes `steps` cycles, `latency` follow. The channels serve `bytes` in `beats`, one
    burst of each, within `units`, once per direction, which are `clocks` of the memory; they lie as
    `pattern` says. A link serves `bytes`. A branch that `jumps` is taken.
    `written` are hulls of what is written in the LMU.
    """

    near: Needs
    steps: int
    latency: int
    far: Range = NOWHERE
    bytes: int = 0
    beats: int = 0
    units: int = 0
    written: tuple[tuple[int, int], ...] = ()
    pattern: Pattern | None = None
    clocks: int = 0
    jumps: bool = False


def work_of(inst: Inst, registers: Sequence[int], target: Target) -> Work:
    """The work of one execution."""
    accesses = inst.accesses(registers)
    near = [a for a in accesses if not a.hbm]
    if not isinstance(inst, DataInst):
        found = _needs(near, [row_major(ONE, 1)] * len(near), target)
        return Work(found, inst.occupancy(ONE, target), 0, written=_written(near))
    latency = inst.latency(target)
    extents = values(registers, getattr(inst, "extents"))  # noqa: B009
    if isinstance(inst, NetInst):
        steps = inst.occupancy(extents, target)
        found = _needs(near, [even(extents, steps)] * len(near), target)
        return Work(found, steps, latency, bytes=inst.bytes(extents), written=_written(near))
    far = hbm_range(accesses)
    if far is not None and far.low < far.high:
        access = next(a for a in accesses if a.hbm)
        return _moved(access, near, extents, far, latency, target)
    if inst.UNIT is Unit.VXE:
        rows = rows_of(inst, extents, near, target)
        least = inst.occupancy(rows[:4], target) + _bank_cycles(rows, target)
        orders = _row_orders(extents, near, rows, least, isinstance(inst, TopK))
    else:
        orders = _tile_orders(inst, extents, near, target)
        least = 0 if inst.HBM else orders[0].total
    found = _needs(near, orders, target)
    return Work(found, max(least, found.steps), latency, written=_written(near))


def _moved(
    access: Access, near: list[Access], extents: Four, far: Range, latency: int, target: Target
) -> Work:
    """The work of an instruction that moves bytes of HBM."""
    transfer, ways = Transfer.of(access, target), access.reads + access.writes
    clocks = busy_clocks(transfer, target)
    units = in_units(clocks, target)
    steps = -(-units // rates(target).units)
    found = _needs(near, [even(extents, steps)] * len(near), target)
    span = Range(far.low - access.base, far.high - access.base, far.writes)
    return Work(
        found, steps, latency, span, ways * transfer.size, ways * beats(transfer, target), units,
        _written(near), transfer.pattern, clocks,
    )  # fmt: skip


def _written(near: Sequence[Access]) -> tuple[tuple[int, int], ...]:
    """Hulls of what is written in the LMU."""
    return tuple(a.bounds() for a in near if a.writes)


def _tile_orders(inst: Inst, extents: Four, near: Sequence[Access], target: Target) -> list[Order]:
    """The orders of result and operand of a product; nothing of others, which have no points."""
    if not isinstance(inst, Vecmat):
        return [row_major(extents, target.vxe_lanes)] * len(near)
    size, (_, rows, depth, _) = inst.x.type.itemsize, extents
    each, spill = _tile(inst, extents, near, target), target.spill_cycles(rows, depth, size)
    return list(tiles(extents, target.vector_lanes, target.mac_trees, each, spill))


def _tile(inst: Vecmat, extents: Four, near: Sequence[Access], target: Target) -> int:
    """Cycles of a tile: those of its products, or those in which a chunk of x leaves the LMU."""
    lanes, step = min(target.vector_lanes, extents[2]), near[-1].strides[2]
    return max(target.tile_cycles(inst.x.type.itemsize), step_cycles(step, lanes, target))


def _bank_cycles(rows: Rows, target: Target) -> int:
    """Cycles by which banks of the LMU make the steps of a pass longer."""
    passes = target.sort_passes(rows.best, rows.row)
    return (rows.each - 1) * rows.rows * passes * -(-rows.row // rows.lanes)


def _row_orders(
    extents: Four, near: Sequence[Access], rows: Rows, steps: int, is_sort: bool
) -> list[Order]:
    """The order in which each operand is taken. What has more elements along an axis than the
    instruction passes over (a sum of nothing is one zero) is taken in an order of its own.
    """
    if is_sort:
        cycles = steps // max(1, rows.rows)
        results, operand = sorting(extents, rows.lanes, cycles, rows.each)
        return [results if access.writes else operand for access in near]
    orders: list[Order] = []
    for access in near:
        reaches = all(e <= o for e, o in zip(access.extents, extents, strict=True))
        where = (extents, rows.first) if reaches else (access.extents, 0)
        orders.append(row_major(where[0], rows.lanes, where[1], rows.each))
    return orders


def _needs(accesses: Sequence[Access], orders: Sequence[Order], target: Target) -> Needs:
    """What is read and what is written."""
    return _known_needs(tuple(accesses), tuple(orders), target.lmu_bytes, target.lmu_granule)


@lru_cache(4096)
def _known_needs(
    accesses: tuple[Access, ...], orders: tuple[Order, ...], size: int, granule: int
) -> Needs:
    """The same, remembered: layers and other values of the symbols share most of them."""
    reads: list[Touch] = []
    writes: list[Touch] = []
    for access, order in zip(accesses, orders, strict=True):
        low, high = access.bounds()
        if low < 0 or high > size:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave the LMU")
        if low == high:
            continue
        found = touch(access, order, granule)
        if access.reads:
            reads.append(found)
        if access.writes:
            writes.append(found)
    return needs(reads, writes)
