"""What channels do on their own: parts of requests, on memories with few channels or groups."""

from collections import Counter
from dataclasses import replace

import pytest

from runtime.isa.accesses import Access, Four
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.hbm import Borders
from runtime.timing.hbm.parts import loads
from runtime.timing.hbm.requests import pattern_of
from tests.unit.runtime.timing.addresses import place_of
from tests.unit.runtime.timing.following import later, touched, whole
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled
from tests.unit.runtime.timing.random_programs import random_program
from tests.unit.runtime.timing.test_following import borders, bytes_at, far, found, indexed, judged
from tests.unit.runtime.timing.timed import LPU

FEW = replace(LPU, hbm_channels=4, hbm_bandwidth=LPU.hbm_bandwidth / 32)
PLAIN = replace(FEW, hbm_skew="none")
BURSTS = FEW.hbm_channels * FEW.hbm_burst_bytes


def read(low: int, extents: Four, strides: Four, writes: bool = False) -> Access:
    return Access(True, not writes, writes, 2, low, extents, strides)


def free(accesses: list[Access], target: Target) -> list[int]:
    """When each channel is free behind all requests."""
    *_, behind = borders(accesses, target)
    assert isinstance(behind, Borders)
    return behind.channels.over.tolist()


def judge(accesses: list[Access], target: Target) -> list[int]:
    return list(judged(accesses, target, range(target.hbm_channels)).values())


MIXED = [
    read(1 << 20, (1, 1, 5, 40), (0, 0, 4096, 2), writes=True),
    read(1 << 16, (1, 1, 7, 17), (0, 0, 1024, 2), writes=True),
    read(1 << 18, (1, 1, 7, 17), (0, 0, 1024, 2)),
]
"""Pieces with whole bursts and parts of some."""


@pytest.mark.parametrize("seed", range(6))
def test_what_is_written_in_part_may_be_read_first(seed: int) -> None:
    """On machines that merge: bursts of pieces that are not written whole, those alone."""
    program = random_program(seed)
    merged = replace(program.target, hbm_partial_writes="read-modify-write")
    accesses = [a for a in far(program, {}) if not any(a.jumps)] + MIXED
    expected = whole(accesses, merged)[1]
    assert dict(enumerate(free(accesses, merged))) == {0: 0, 1: 0, 2: 0, 3: 0} | expected


@pytest.mark.parametrize("low", [0, 70, 5000])
def test_how_many_bursts_a_channel_has(low: int) -> None:
    """By pieces, as one by one: within a burst of each other, over many rounds, in turn."""
    for extents, strides in (
        ((1, 1, 700, 3), (0, 0, 20, 2)), ((3, 1, 9, 40), (1 << 20, 0, 9000, 2)),
        ((2, 1, 1, 9000), (1 << 18, 0, 0, 2)), ((1, 1, 300, 64), (0, 0, 4096, 2)),
    ):  # fmt: skip
        access = read(low, extents, strides)
        own = Counter(place_of(address, LPU).channel for address in touched(access, LPU))
        counts = loads(pattern_of(access, LPU), low, LPU)
        assert counts.tolist() == [own[channel] for channel in range(LPU.hbm_channels)]


LONG = {
    "rows, read and written in turn": [
        read((n << 22) + 96 * n, (2, 1, 24, 520), (1 << 16, 0, 1056, 2), n % 2 == 1)
        for n in range(5)
    ],
    "rows that miss a channel": [
        read(n << 22, (1, 1, 300, 40), (0, 0, 2 * BURSTS, 2)) for n in range(3)
    ],
    "many rows, of which one channel has most": [
        read(n << 22, (1, 1, 900, 16), (0, 0, 3 * BURSTS, 2)) for n in range(3)
    ],
    "elements, several in a burst": [
        read(n << 22, (1, 1, 9000, 1), (0, 0, 8, 0)) for n in range(3)
    ],
}
"""What does not ascend, with more bursts of a channel than are looked at."""


@pytest.mark.parametrize("name", LONG)
def test_long_requests_that_do_not_ascend(name: str) -> None:
    """Within a burst and 0.1 % for each request, by the ends that are looked at."""
    mine, other = free(LONG[name], PLAIN), judge(LONG[name], PLAIN)
    room = len(LONG[name]) * PLAIN.hbm_nbl + max(other) / 1000
    assert max(abs(a - b) for a, b in zip(mine, other, strict=True)) <= room


SHORT = replace(PLAIN, hbm_lookahead=8)
"""The controller sees so little that rows are opened late."""


@pytest.mark.parametrize(
    "target", [SHORT, replace(PLAIN, hbm_bank_groups=1), replace(PLAIN, hbm_bank_groups=2)]
)
def test_a_round_of_all_banks_leaves_its_rows_open(target: Target) -> None:
    """A few bursts of a row that was open some rounds before the end of a long stream."""
    long = bytes_at(0, 600 * BURSTS)
    accesses = [long, *(bytes_at((600 - n) * BURSTS, BURSTS) for n in (130, 300, 500))]
    assert free(accesses, target) == judge(accesses, target)


def test_rows_by_an_index_leave_nothing_to_see() -> None:
    """What comes behind them opens its rows late, where the look-ahead is short."""
    accesses = [bytes_at(0, 9 * BURSTS), indexed(), bytes_at(1 << 22, 300 * BURSTS)]
    assert found(accesses, SHORT) == later(accesses, SHORT)


EACH = FEW.hbm_burst_bytes


def rounds(channel: int, count: int, low: int = 0, writes: bool = False) -> Access:
    """Bursts of one channel, round by round."""
    extents, strides = (1, 1, count, EACH // 2), (0, 0, BURSTS, 2)
    return Access(True, not writes, writes, 2, low + channel * EACH, extents, strides)


@pytest.mark.parametrize("lead", [1, 2, 8, 9, 100])
def test_no_channel_is_further_ahead_than_it_may_be(lead: int) -> None:
    """Nine bursts of a channel each: the next begins so many before the one before is through."""
    target = replace(PLAIN, hbm_lead=lead)
    ahead = min(lead, 9) * target.hbm_nbl
    accesses = [rounds(0, 9), rounds(1, 9)]
    assert found(accesses, target) == [(0, 0), (-ahead, 0)] == later(accesses, target)


def test_who_is_held_turns_the_bus_and_opens_rows_meanwhile() -> None:
    """Another channel writes for longer than a turn and a row take: neither is seen behind it."""
    target = replace(PLAIN, hbm_lead=1)
    stripe = target.hbm_row_bytes // EACH * target.hbm_bank_groups * BURSTS
    accesses = [rounds(0, 9), rounds(1, 60, writes=True), rounds(0, 1, 4 * stripe, writes=True)]
    held = (-target.hbm_lead * target.hbm_nbl, 0)
    assert found(accesses, target) == [(0, 0), held, held] == later(accesses, target)


def test_a_shorter_lead_is_slower() -> None:
    """Columns of a channel each, of which many are drained: the channels are what takes time."""
    panel = "stream (@1,@1,@256,@16), f16 @{at}[@0,@0,@128,@2]\n"
    product = "vecmat (@1,@1,@256,@16), f16 @65536[@0,@0,@0,@2], f16 @0[@0,@0,@2,@0], 0\n"
    text = "".join(panel.format(at=(1 << 24) + 32 * (n % 4)) + product for n in range(12))
    leads = (1, 16, 64, 256, PLAIN.hbm_lead)
    times = [predict(assembled(text, replace(PLAIN, hbm_lead=n)), {}).cycles for n in leads]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) > 2
