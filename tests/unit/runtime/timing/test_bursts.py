"""The judge itself: `bursts` against figures found by hand and by others.

Timings are those of HBM3 at 6.4 Gb/s per pin; 32 bursts are a row, bank groups lie in the lowest
bits of the address of a channel, so 128 bursts touch a row in each of four groups.
"""

from bisect import bisect
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.unit.runtime.timing.bursts import Burst, Channel, Timing

HBM3 = Timing()
HBM2 = Timing(
    cl=14, cwl=5, rcdrd=13, rcdwr=11, rp=13, rc=44, ras=31, wr=15, rtp=5, rrdl=4, faw=15, rfc=234,
    refi=3510,
)  # fmt: skip
"""Of a U280, 0.9 GHz."""


def rotating(count: int) -> list[Burst]:
    """Ascending addresses of a channel, groups first."""
    return [Burst(q & 3, q >> 7 & 3, q >> 9) for q in range(count)]


def rate(bursts: list[Burst], timing: Timing = HBM3) -> float:
    """Share of the bandwidth in the middle of a run."""
    clocks, cut = Channel(timing).run(bursts), len(bursts) // 4
    return (len(bursts) - 2 * cut) * timing.bl / (clocks[-cut] - clocks[cut])


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_first_bursts_follow_their_activations(count: int) -> None:
    """31 + 20 + 2 clocks to the first, and an activation every 4."""
    assert Channel(HBM3).run(rotating(count))[-1] + HBM3.cl + HBM3.bl == 49 + 4 * count


@pytest.mark.parametrize("count", [4, 5, 8, 100, 1000])
def test_later_bursts_follow_each_other(count: int) -> None:
    assert Channel(HBM3).run(rotating(count))[-1] + HBM3.cl + HBM3.bl == 57 + 2 * count


def test_four_activations_take_24_clocks() -> None:
    """Each burst in a row of its own, and no bank again for 16."""
    clocks = Channel(HBM3).run([Burst(n & 3, n >> 2 & 3, n >> 4) for n in range(400)])
    assert {b - a for a, b in zip(clocks[100:], clocks[104:], strict=False)} == {24}


@pytest.mark.parametrize(
    ("of", "clocks"),
    [
        (lambda q: Burst(q >> 5 & 3, q >> 7 & 3, q >> 9), 126),
        (lambda q: Burst(0, 0, q >> 5), 190),
    ],
)
def test_what_a_row_of_32_bursts_takes(of: Callable[[int], Burst], clocks: int) -> None:
    """Without rotation 31 gaps of 4 within a group and one of 2; in one bank it is opened again:
    31 clocks to the first burst, 31 gaps of 4, 9 to the precharge and 26 for it."""
    assert rate([of(q) for q in range(2048)]) == pytest.approx(64 / clocks)


@pytest.mark.parametrize(("each", "share"), [(1, 1 / 3), (2, 2 / 3), (3, 1.0)])
def test_few_bursts_of_each_row_wait_for_activations(each: int, share: float) -> None:
    bursts = [Burst(n & 3, n >> 2 & 3, n >> 4) for n in range(600) for _ in range(each)]
    spread = replace(HBM3, ccdl=2)
    assert rate(bursts, spread) == pytest.approx(share, abs=0.004)


@pytest.mark.parametrize(
    ("ahead", "share"), [(0, 0.54), (1, 0.70), (4, 0.83), (8, 0.85), (16, 0.90), (32, 1.0)]
)
def test_look_ahead(ahead: int, share: float) -> None:
    clocks = Channel(replace(HBM3, ahead=ahead)).run(rotating(128 * 16))
    assert 256 * 8 / (clocks[128 * 12] - clocks[128 * 4]) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("run", "other", "same"),
    [(16, 1.0, 0.33), (33, 0.97, 0.49), (64, 1.0, 0.67), (128, 1.0, 0.80)],
)
def test_jumps_to_other_banks_and_to_the_same(run: int, other: float, same: float) -> None:
    def jumping(is_same: bool) -> list[Burst]:
        rows = range(4096 // run)
        return [Burst(q & 3, 0 if is_same else k & 3, k) for k in rows for q in range(run)]

    assert rate(jumping(is_same=False)) == pytest.approx(other, abs=0.01)
    assert rate(jumping(is_same=True)) == pytest.approx(same, abs=0.01)


def left(timing: Timing, intervals: int = 6) -> float:
    """Share of the bandwidth over whole refresh intervals."""
    clocks = Channel(timing).run(rotating((intervals + 1) * timing.refi // timing.bl))
    served = bisect(clocks, timing.refi * intervals) - bisect(clocks, timing.refi)
    return served * timing.bl / (timing.refi * (intervals - 1))


@pytest.mark.parametrize("rfc", [416, 560, 720, 880])
def test_refresh_of_all_banks(rfc: int) -> None:
    """From the last burst: 9 to the precharge, 26 for it, the refresh, 31 to the first burst, less
    its own 2; and the rows of the three other groups follow 4 clocks apart, not 2. Up to 8 more are
    lost where rows were opened just before, which stay open for 45."""
    lost = 9 + 26 + rfc + 31 - 2 + 3 * (4 - 2)
    found = (1 - left(replace(HBM3, refresh="all-bank", rfc=rfc))) * 6240
    assert lost - 1e-6 <= found <= lost + 8


def test_a_u280_delivers_what_shuhai_measured() -> None:
    """92.2 % of 460.8 GB/s, in sequence."""
    assert left(replace(HBM2, refresh="all-bank")) == pytest.approx(0.922, abs=0.001)


@pytest.mark.parametrize(("policy", "share"), [("idle", 1.0), ("greedy", 0.976), ("strict", 0.656)])
def test_refresh_bank_by_bank(policy: str, share: float) -> None:
    """It hides if the controller may wait for a bank that rests, and costs a third in turn."""
    assert left(replace(HBM3, refresh=policy, rfc=320)) == pytest.approx(share, abs=0.004)


def test_the_bus_turns() -> None:
    """20 clocks from a read to a write, 10 + 2 + 10 from a write to a read, rows being open."""
    bursts = [Burst(0, 0, 0), Burst(1, 0, 0, writes=True), Burst(2, 0, 0)]
    clocks = Channel(HBM3, open_at_start=0).run(bursts)
    assert [b - a for a, b in pairwise(clocks)] == [20, 22]


def test_a_written_bank_recovers() -> None:
    """10 + 2 + 33 clocks from a write to the precharge, 26 for it, 15 to the next write."""
    clocks = Channel(HBM3, open_at_start=0).run([Burst(0, 0, n, writes=True) for n in range(3)])
    assert clocks[1] - clocks[0] == 10 + 2 + 33 + 26 + 15
