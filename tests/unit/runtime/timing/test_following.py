"""Requests for HBM that follow each other: `borders` is the judge, and so are whole runs."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from runtime.isa.accesses import Access
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.hbm import Borders, Transfer, busy_units, rates
from runtime.timing.hbm.mapping import places
from runtime.timing.hbm.requests import pattern_of
from tests.e2e.committed import CONTEXT, STORIES, made
from tests.unit.runtime.timing.addresses import delay
from tests.unit.runtime.timing.bursts import Burst, timing_of
from tests.unit.runtime.timing.fixed_programs import FIXED, fixed
from tests.unit.runtime.timing.following import later, touched
from tests.unit.runtime.timing.microbenchmarks.assembled import LPU, assembled
from tests.unit.runtime.timing.random_programs import random_exchange, random_program
from tests.unit.runtime.timing.scalars import executed

BEAT = LPU.hbm_channels * LPU.hbm_burst_bytes
OPEN_AGAIN = LPU.hbm_nrtp + LPU.hbm_nrp + LPU.hbm_nrcd
"""From the last burst of a row to the first of another row of its bank."""


def far(program: Program, symbols: dict[str, int]) -> list[Access]:
    """The operands in HBM of a run, in the order of the program."""
    return [
        access
        for inst, registers, _ in executed(program, symbols, "step")
        for access in inst.accesses(registers)
        if access.hbm and min(access.extents) > 0
    ]


def found(accesses: list[Access], target: Target) -> list[int]:
    borders = Borders(target)
    return [borders.behind(pattern_of(a, target), a.bounds()[0]) for a in accesses]


def bytes_at(low: int, size: int, writes: bool = False) -> Access:
    return Access(True, not writes, writes, 2, low, (1, 1, 1, size // 2), (0, 0, 0, 2))


@pytest.mark.parametrize("kind", [random_program, random_exchange])
def test_random_programs(kind: Callable[[int], Program]) -> None:
    seen = 0
    for seed in range(60):
        program = kind(seed)
        accesses = far(program, {})
        expected = later(accesses, program.target)
        assert found(accesses, program.target) == expected, seed
        seen += sum(clocks > 0 for clocks in expected)
    assert seen > 60


BIG = 400 * BEAT
ROW = LPU.hbm_row_bytes // LPU.hbm_burst_bytes * LPU.hbm_bank_groups * BEAT
"""Bytes of a row of every group in every channel."""
LISTED: dict[str, list[Access]] = {
    "one behind the other": [bytes_at(0, BIG), bytes_at(BIG, BIG)],
    "the same again": [bytes_at(0, BIG), bytes_at(0, BIG)],
    "another row of the same banks": [bytes_at(0, ROW), bytes_at(4 * ROW, ROW)],
    "rows of all distances": [bytes_at(n * (n + 3) * ROW, ROW // 2) for n in range(9)],
    "a small one between": [bytes_at(0, BIG), bytes_at(1 << 28, BEAT), bytes_at(BIG, BIG)],
    "a store between": [bytes_at(0, BIG), bytes_at(1 << 28, BEAT, True), bytes_at(BIG, BIG)],
    "a long store": [bytes_at(0, BIG, True), bytes_at(7 * ROW, BIG), bytes_at(9 * ROW, BIG, True)],
    "values of heads": [
        Access(True, True, False, 2, n << 22, (2, 1, 64, 1040), (1 << 18, 0, 4096, 2))
        for n in range(3)
    ],
    "appends": [
        Access(True, False, True, 2, (n << 22) + 2 * n, (1, 1, 2048, 1), (0, 0, 4096, 0))
        for n in range(4)
    ],
}


@pytest.mark.parametrize("preset", ["lpu-4nm", "lpu-u280"])
@pytest.mark.parametrize("name", LISTED)
def test_listed_cases(name: str, preset: str) -> None:
    target = Target.load(preset)
    assert found(LISTED[name], target) == later(LISTED[name], target)


def test_what_following_costs() -> None:
    """Nothing where bytes go on; a bank closed and opened anew where the next row is in it."""
    assert found(LISTED["one behind the other"], LPU) == [0, 0]
    plain = replace(LPU, hbm_skew="none")
    rows = (plain.hbm_bank_groups - 1) * (plain.hbm_nrrd - plain.hbm_nbl)
    expected = OPEN_AGAIN - plain.hbm_bank_groups * plain.hbm_nbl + rows
    assert found(LISTED["another row of the same banks"], plain) == [0, expected]
    assert OPEN_AGAIN <= max(found(LISTED["rows of all distances"], LPU)) <= OPEN_AGAIN + rows


PAIR = (
    "stream (@1,@1,@1024,@1024), f16 @{at}[@0,@0,@2048,@2]\n"
    "vecmat (@1,@1,@1024,@1024), f16 @65536[@0,@0,@0,@2], f16 @0[@0,@0,@2,@0], 0\n"
)
AT = 1 << 24
PASS = "map1.neg (@1,@1,@1,@65536), f16 @0[@0,@0,@0,@2], f16 @0[@0,@0,@0,@2]\n"
"""So long that the array waits for it, and channels for the array."""


def test_a_panel_comes_as_much_later_where_channels_do_not_rest() -> None:
    """Two panels of 2 MiB, the second in a bank that is free, or in that of the first's end."""
    plain = replace(LPU, hbm_skew="none")

    def took(second: int, between: str = "") -> int:
        text = PAIR.format(at=AT) + between + PAIR.format(at=AT + second)
        return predict(assembled(text, plain), {}).cycles

    later_by = ceil(rates(plain).beat * OPEN_AGAIN / plain.hbm_nbl / rates(plain).units)
    assert took(8 * ROW + 3 * ROW) - took(8 * ROW) == pytest.approx(later_by, abs=1)
    assert later_by == 36
    assert took(8 * ROW + 3 * ROW, PASS) == took(8 * ROW, PASS)


def judged(accesses: list[Access], target: Target) -> int:
    """Clocks of the slowest channel for all requests, one after the other; of those with most."""
    queues: dict[int, list[Burst]] = defaultdict(list)
    for access in accesses:
        numbers = np.array(touched(access, target)) // target.hbm_burst_bytes
        where = list(zip(*(part.tolist() for part in places(numbers, target)), strict=True))
        for writes in [False] * access.reads + [True] * access.writes:
            for channel, group, bank, row, _ in where:
                queues[channel].append(Burst(group, bank, row, writes))
    busiest = sorted(queues.values(), key=len)[-3:]
    return max(delay(queue, timing_of(target)) for queue in busiest)


def modelled(accesses: list[Access], target: Target) -> int:
    """Clocks of all requests by the model, with the turns of the bus."""
    total, wrote = 0, None
    for access in accesses:
        units = busy_units(Transfer.of(access, target), target)
        total += units * target.hbm_nbl // rates(target).beat
        if wrote not in (None, not access.reads):
            total += (target.hbm_nwtr if access.reads else target.hbm_nrtw) - target.hbm_nbl
        wrote = access.writes
    return total + sum(found(accesses, target))


@pytest.mark.parametrize("preset", ["lpu-4nm", "lpu-4nm-1stack", "lpu-u280"])
@pytest.mark.parametrize("name", [name for name in FIXED if name != "sample"])
def test_whole_runs(name: str, preset: str) -> None:
    """A burst for each request, and 0.1 %; the other presets have memories of these.

    Rows by an index are left out, nobody knows them.
    """
    target = Target.load(preset)
    accesses = [a for a in far(fixed(name, target), {}) if not any(a.jumps)]
    _is_judged(accesses, target)


@pytest.mark.skipif(not STORIES.exists(), reason="needs the sample")
def test_a_whole_run_of_a_model() -> None:
    """Small requests that do not reach all channels: in lock step all wait, alone few do."""
    program = made(STORIES, precision="f16").program
    accesses = [a for a in far(program, {"P": CONTEXT - 1}) if not any(a.jumps)]
    judge = judged(accesses, program.target)
    model, later_by = modelled(accesses, program.target), sum(found(accesses, program.target))
    assert model - later_by < judge < model < 1.1 * judge


def _is_judged(accesses: list[Access], target: Target) -> None:
    judge = judged(accesses, target)
    room = len(accesses) * target.hbm_nbl + judge / 1000
    assert modelled(accesses, target) == pytest.approx(judge, abs=room)
