"""An instruction with its register values, reduced to times, ranges and a request to HBM."""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.isa.accesses import Access
from runtime.isa.spec import DataInst, Inst, values
from runtime.target import Target
from runtime.timing.hbm import Transfer, busy_cycles
from runtime.timing.scoreboard import Range
from runtime.traps import Trap, TrapKind


@dataclass(frozen=True)
class Work:
    """What the engines need to know. Ranges of the LMU count granules, those of HBM bytes.

    `occupancy` keeps the engine from the next instruction, `latency` follows it. `channel` is the
    time on the HBM channels for `hbm_bytes`, once per direction.
    """

    reads: tuple[Range, ...]
    writes: tuple[Range, ...]
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
    reads = _granules([a for a in accesses if a.reads and not a.hbm], target)
    writes = _granules([a for a in accesses if a.writes and not a.hbm], target)
    if not isinstance(inst, DataInst):
        return Work(reads, writes, inst.cycles((0, 0, 0, 0), target), 0)
    latency = inst.latency(target)
    far = next((a for a in accesses if a.hbm), None)
    if far is not None and far.bounds()[0] < far.bounds()[1]:
        return _transfer(far, reads, writes, latency, target)
    extents = values(registers, getattr(inst, "extents"))  # noqa: B009
    return Work(reads, writes, inst.occupancy(extents, target), latency)


def _transfer(
    far: Access, reads: tuple[Range, ...], writes: tuple[Range, ...], latency: int, target: Target
) -> Work:
    transfer = Transfer.of(far, target)
    passes = far.reads + far.writes
    channel = passes * busy_cycles(transfer, target)
    return Work(
        reads, writes, 0, latency, far.bounds(), far.reads, far.writes,
        passes * transfer.size, channel,
    )  # fmt: skip


def _granules(accesses: Sequence[Access], target: Target) -> tuple[Range, ...]:
    size = target.lmu_granule
    found: list[Range] = []
    for low, high in (access.bounds() for access in accesses):
        if low < 0 or high > target.lmu_bytes:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave the LMU")
        if low < high:
            found.append((low // size, -(-high // size)))
    return tuple(found)
