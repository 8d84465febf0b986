"""Requests for HBM that follow each other: `borders` is the judge, and so are whole runs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from runtime.isa.accesses import Access
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.hbm import Border, Borders, Transfer, busy_clocks, rates
from runtime.timing.hbm.mapping import places
from runtime.timing.hbm.requests import pattern_of
from tests.e2e.committed import CONTEXT, MODELS, made
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


def borders(accesses: list[Access], target: Target) -> Iterator[Borders | Border]:
    """The border of each request, and the channels behind all of them."""
    found = Borders(target)
    for access in accesses:
        took = busy_clocks(Transfer.of(access, target), target)
        yield found.behind(pattern_of(access, target), access.bounds()[0], took)
    yield found


def found(accesses: list[Access], target: Target) -> list[tuple[int, int]]:
    return [border for border in borders(accesses, target) if isinstance(border, Border)]


def bytes_at(low: int, size: int, writes: bool = False) -> Access:
    return Access(True, not writes, writes, 2, low, (1, 1, 1, size // 2), (0, 0, 0, 2))


@pytest.mark.parametrize("kind", [random_program, random_exchange])
def test_random_programs(kind: Callable[[int], Program]) -> None:
    seen = 0
    for seed in range(16):
        program = kind(seed)
        accesses = far(program, {})
        expected = later(accesses, program.target)
        assert found(accesses, program.target) == expected, seed
        seen += sum(waits > 0 for _, waits in expected)
    assert seen > 16


BIG = 600 * BEAT
"""More than the first bursts that are looked at and a round of all banks."""
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
    """The channels that are free last and first are free when the judge says.

    Of the values only the ends are looked at; there it is a burst for each request at most.
    """
    target = Target.load(preset)
    *_, behind = borders(LISTED[name], target)
    assert isinstance(behind, Borders)
    over = behind.channels.over
    chosen = {int(over.argmin()), int(over.argmax())}
    judge = judged(LISTED[name], target, chosen)
    room = len(LISTED[name]) * target.hbm_nbl if name == "values of heads" else 0
    assert all(abs(int(over[channel]) - judge[channel]) <= room for channel in chosen)


def test_what_following_costs() -> None:
    """Nothing where bytes go on; a bank closed and opened anew where the next row is in it."""
    assert found(LISTED["one behind the other"], LPU) == [(0, 0), (0, 0)]
    plain = replace(LPU, hbm_skew="none")
    rows = (plain.hbm_bank_groups - 1) * (plain.hbm_nrrd - plain.hbm_nbl)
    expected = OPEN_AGAIN - plain.hbm_bank_groups * plain.hbm_nbl + rows
    assert found(LISTED["another row of the same banks"], plain) == [(0, 0), (expected, expected)]
    all_rows = [border.banks for border in found(LISTED["rows of all distances"], LPU)]
    assert OPEN_AGAIN <= max(all_rows) <= OPEN_AGAIN + rows


def test_what_goes_to_other_channels_overlaps() -> None:
    """Pieces of a quarter of the channels each: four of them take what one takes."""
    plain = replace(LPU, hbm_skew="none")
    quarter = BEAT // 4
    pieces = [
        Access(True, True, False, 2, n * quarter, (1, 1, 9, quarter // 2), (0, 0, BEAT, 2))
        for n in range(5)
    ]
    nine = 9 * plain.hbm_nbl
    assert found(pieces, plain) == [(0, 0), (-nine, 0), (-nine, 0), (-nine, 0), (0, 0)]


def indexed(writes: bool = False) -> Access:
    """Rows of a burst each, that an index chooses."""
    chosen = (False, False, True, False)
    return Access(True, not writes, writes, 2, 1 << 28, (1, 1, 3, 16), (0, 0, 4096, 2), chosen)


def test_behind_rows_by_an_index_all_is_anew() -> None:
    """No bank is in the way, no channel is ahead; only the bus turns."""
    plain = replace(LPU, hbm_skew="none")
    meets = LISTED["another row of the same banks"]
    assert found(meets, plain)[1].banks > 0
    assert found([meets[0], indexed(), meets[1]], plain) == [(0, 0)] * 3
    one, other = bytes_at(0, BEAT // 2), bytes_at(BEAT // 2, BEAT // 2)
    assert found([one, other], plain)[1].total < 0
    assert found([one, indexed(), other], plain) == [(0, 0)] * 3
    turn = plain.hbm_nwtr - plain.hbm_nbl
    assert found([one, indexed(writes=True), other], plain) == [(0, 0), (0, 0), (turn, 0)]


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


def judged(accesses: list[Access], target: Target, chosen: Iterable[int]) -> dict[int, int]:
    """When some channels are free behind all requests, which they serve one after the other."""
    queues: dict[int, list[Burst]] = {channel: [] for channel in chosen}
    for access in accesses:
        numbers = np.array(touched(access, target)) // target.hbm_burst_bytes
        where = places(numbers, target)
        for channel, queue in queues.items():
            own = [part[where.channel == channel].tolist() for part in where[1:4]]
            for writes in [False] * access.reads + [True] * access.writes:
                queue += [Burst(*place, writes) for place in zip(*own, strict=True)]
    timing = timing_of(target)
    return {channel: delay(queue, timing) if queue else 0 for channel, queue in queues.items()}


def _is_judged(accesses: list[Access], target: Target, is_exact: bool = False) -> None:
    """Within a burst for each request, and 0.1 %, of the channel that is free last."""
    *found, behind = borders(accesses, target)
    assert isinstance(behind, Borders)
    over = behind.channels.over
    total = sum(
        busy_clocks(Transfer.of(access, target), target) + border.total
        for access, border in zip(accesses, found, strict=True)
        if isinstance(border, Border)
    )
    assert total == over.max()
    judge = judged(accesses, target, np.argsort(-over)[:2].tolist())
    room = 0 if is_exact else len(accesses) * target.hbm_nbl + max(judge.values()) / 1000
    assert total == pytest.approx(max(judge.values()), abs=room)


@pytest.mark.parametrize("preset", ["lpu-4nm", "lpu-4nm-1stack", "lpu-u280"])
@pytest.mark.parametrize("name", [name for name in FIXED if name != "sample"])
def test_whole_runs(name: str, preset: str) -> None:
    """The other presets have memories of these. Rows by an index are left out, as in the law."""
    target = Target.load(preset)
    _is_judged([a for a in far(fixed(name, target), {}) if not any(a.jumps)], target)


EACH = [
    pytest.param(model, precision, marks=[] if model in MODELS[-1:] else pytest.mark.slow)
    for model in MODELS
    for precision in ("f16", "f32")
]


@pytest.mark.parametrize(("model", "precision"), EACH)
def test_whole_runs_of_models(model: Path, precision: str) -> None:
    """Small requests that do not reach all channels: some wait, others go on. To the clock."""
    program = made(model, precision=precision).program
    accesses = [a for a in far(program, {"P": CONTEXT - 1}) if not any(a.jumps)]
    _is_judged(accesses, program.target, is_exact=True)
