"""An instruction with its register values, reduced to times, granules and a request to HBM.

The address of the operand in HBM plays no part but to find hazards, so that all layers of a model
share the work of the loop's body.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.isa.accesses import Access
from runtime.isa.fields import Four
from runtime.isa.instructions.reduction import TopK
from runtime.isa.spec import DataInst, Inst, Unit, values
from runtime.target import Target
from runtime.timing.chaining import Order, Touch, even, row_ends, row_major, tiles, touch
from runtime.timing.hbm import Transfer, busy_cycles
from runtime.traps import Trap, TrapKind

ONE = (1, 1, 1, 1)
Range = tuple[int, int]


@dataclass(frozen=True)
class Work:
    """What the engines need to know. Touches are of the LMU, `hbm` counts bytes from the operand.

    `occupancy` keeps the engine from the next instruction, `latency` follows it. `channel` is the
    time on the HBM channels for `hbm_bytes`, once per direction.
    """

    reads: tuple[Touch, ...]
    writes: tuple[Touch, ...]
    occupancy: float
    latency: int
    hbm: Range = (0, 0)
    hbm_reads: bool = False
    hbm_writes: bool = False
    hbm_bytes: int = 0
    channel: float = 0.0


def work_of(inst: Inst, registers: Sequence[int], target: Target) -> Work:
    """The work of one execution."""
    accesses = inst.accesses(registers)
    near = [a for a in accesses if not a.hbm]
    if not isinstance(inst, DataInst):
        orders = [row_major(ONE, 1)] * len(near)
        return Work(*_touches(near, orders, target), inst.cycles(ONE, target), 0)
    latency = inst.latency(target)
    extents = values(registers, getattr(inst, "extents"))  # noqa: B009
    far = next((a for a in accesses if a.hbm), None)
    if far is not None and far.bounds()[0] < far.bounds()[1]:
        channel = (far.reads + far.writes) * busy_cycles(Transfer.of(far, target), target)
        touches = _touches(near, [even(extents, channel)] * len(near), target)
        return _transfer(far, touches, latency, channel)
    orders = _orders(inst, extents, near, target)
    return Work(*_touches(near, orders, target), inst.occupancy(extents, target), latency)


def _transfer(
    far: Access, touches: tuple[tuple[Touch, ...], tuple[Touch, ...]], latency: int, channel: float
) -> Work:
    (count, run), (low, high) = far.runs(), far.bounds()
    moved, span = (far.reads + far.writes) * count * run, (low - far.base, high - far.base)
    return Work(*touches, 0, latency, span, far.reads, far.writes, moved, channel)


def _orders(inst: Inst, extents: Four, near: Sequence[Access], target: Target) -> list[Order]:
    """
    The order in which each operand is taken. What has more elements along an axis than the
    instruction passes over (a sum of nothing is one zero) is taken in an order of its own.
    """
    if inst.UNIT is Unit.SXE:
        return list(tiles(extents, target.vector_lanes, target.mac_trees))
    orders: list[Order] = []
    for access in near:
        reaches = all(e <= o for e, o in zip(access.extents, extents, strict=True))
        passed = extents if reaches else access.extents
        is_row = isinstance(inst, TopK) and access.writes
        orders.append((row_ends if is_row else row_major)(passed, target.vxe_lanes))
    return orders


def _touches(
    accesses: Sequence[Access], orders: Sequence[Order], target: Target
) -> tuple[tuple[Touch, ...], tuple[Touch, ...]]:
    """What is read and what is written."""
    reads: list[Touch] = []
    writes: list[Touch] = []
    for access, order in zip(accesses, orders, strict=True):
        low, high = access.bounds()
        if low < 0 or high > target.lmu_bytes:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave the LMU")
        if low == high:
            continue
        found = touch(access, order, target.lmu_granule)
        if access.reads:
            reads.append(found)
        if access.writes:
            writes.append(found)
    return tuple(reads), tuple(writes)
