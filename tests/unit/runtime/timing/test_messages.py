"""Messages and the banks of the LMU: what the model leaves out takes no time."""

from math import ceil

import numpy as np
import pytest

from runtime.isa.accesses import Access
from runtime.isa.instructions.net import NetInst
from runtime.program.interface import device_symbols
from tests.e2e.committed import ONE, made
from tests.unit.runtime.timing.passes import addresses, points
from tests.unit.runtime.timing.scalars import executed

BANKS = 16
"""The fewest that the band of a prediction has (`lpuc.profiling.band`)."""


def meetings(access: Access, each: int, granule: int) -> int:
    """Granules that wait for another one of the same bank, of all groups of so many elements."""
    where = addresses(access, points(access.extents)) // granule
    groups = np.split(where, range(each, where.size, each))
    several = (np.unique(group) for group in groups)
    return sum(own.size - np.unique(own % BANKS).size for own in several)


@pytest.mark.parametrize("devices", [2, 4])
def test_what_passes_a_link_in_a_cycle_lies_in_other_banks(devices: int) -> None:
    """So a message never waits for its own granules."""
    program, seen = made(ONE, devices=devices).program, 0
    target = program.target
    symbols = {"P": 20, **device_symbols(program.interface, 0, devices)}
    for inst, registers, _ in executed(program, symbols, "step"):
        if isinstance(inst, NetInst):
            (access,) = inst.accesses(registers)
            each = ceil(target.link_bytes_per_cycle / access.itemsize)
            assert meetings(access, each, target.lmu_granule) == 0
            seen += 1
    assert seen > 0


def test_elements_at_a_stride_of_all_banks_would_wait() -> None:
    column = Access(False, True, False, 2, 0, (1, 1, 1, 8), (0, 0, 0, 64 * BANKS))
    assert meetings(column, 8, 64) == 7
