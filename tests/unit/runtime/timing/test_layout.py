"""What requests take of `lpu-4nm`, skewed and not: the law is the judge, channel by channel."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from runtime.isa.accesses import Access, Four
from runtime.target import Target
from runtime.timing.hbm import Transfer, busy_clocks, rates
from runtime.timing.hbm.banks import Banks
from runtime.timing.hbm.mapping import places
from runtime.timing.hbm.requests import MOST_BURSTS, bursts_of, clocks, dense_clocks, pattern_of
from tests.unit.runtime.timing import addresses
from tests.unit.runtime.timing.addresses import behind_a_stream, delay, place_of
from tests.unit.runtime.timing.bursts import Burst, Timing, timing_of
from tests.unit.runtime.timing.passes import taken

LPU = Target.load("lpu-4nm")
PLAIN = replace(LPU, hbm_skew="none")
HEADS, SIZE, BOUND = 8, 64, 2048


def access(extents: Four, strides: Four, writes: bool = False, both: bool = False) -> Access:
    return Access(True, both or not writes, writes, 2, 0, extents, strides)


def keys(context: int) -> Access:
    """K of some heads: rows of positions, as far as they are live."""
    head = SIZE * BOUND * 2
    return access((HEADS, 1, context, SIZE), (head, 0, SIZE * 2, 2))


def values(context: int) -> Access:
    """V of a head, transposed: a row of positions for each column."""
    return access((1, 1, SIZE, context), (0, 0, BOUND * 2, 2))


def append(rows: int, bound: int = BOUND) -> Access:
    """A position of all heads of V: an element in each row."""
    return access((1, 1, rows, 1), (0, 0, bound * 2, 0), writes=True)


GATHER = Access(
    True, True, False, 2, 0, (1, 1, 40, 64), (0, 0, 128, 2), (False, False, True, False)
)
CASES: dict[str, Access] = {
    "ascending": access((1, 1, 1, 1 << 17), (0, 0, 0, 2)),
    **{f"K at {context}": keys(context) for context in (33, 128, 1040)},
    **{f"V at {context}": values(context) for context in (33, 128, 1040)},
    **{f"append of {rows}": append(rows) for rows in (64, 2048)},
    "append of a bound that is no power of two": append(2048, 2056),
    "K append": access((1, 1, 32, SIZE), (0, 0, SIZE * BOUND * 2, 2), writes=True),
    "rows by an index": GATHER,
    "elements that are added": access((1, 1, 100, 1), (0, 0, 4096, 0), writes=True, both=True),
}


@pytest.mark.parametrize("target", [LPU, PLAIN], ids=lambda target: target.hbm_skew)
@pytest.mark.parametrize("name", CASES)
def test_the_law_is_the_judge(name: str, target: Target) -> None:
    assert busy_clocks(Transfer.of(CASES[name], target), target) == taken(CASES[name], target)


@pytest.mark.parametrize("target", [LPU, PLAIN, Target.load("lpu-u280")])
def test_the_mapping_is_that_of_the_judge(target: Target) -> None:
    random = Random(0)
    numbers = [random.randrange(1 << random.randrange(4, 32)) for _ in range(400)]
    import numpy as np

    found = places(np.array(numbers), target)
    for at, number in enumerate(numbers):
        expected = place_of(number * target.hbm_burst_bytes + random.randrange(32), target)
        assert tuple(int(part[at]) for part in found) == expected


@pytest.mark.parametrize("target", [LPU, PLAIN, Target.load("lpu-u280")])
def test_every_burst_has_a_place_of_its_own(target: Target) -> None:
    import numpy as np

    found = places(np.arange(1 << 16), target)
    assert len(set(zip(*(part.tolist() for part in found), strict=True))) == 1 << 16


def test_what_the_skew_of_appends_saves() -> None:
    """All rows of a position on one channel, against rows on all of them: in microseconds.

    Where each finds another row of a bank, four activations in 24 clocks are the bound: 7.7.
    """

    def took(rows: int, target: Target) -> float:
        return clocks(pattern_of(append(rows), target), target) * target.hbm_tck_ns / 1e3

    assert [round(took(rows, LPU), 2) for rows in (2048, 7168, 9216)] == [0.08, 0.33, 0.45]
    assert [round(took(rows, PLAIN), 1) for rows in (2048, 7168, 9216)] == [2.6, 9.0, 11.5]
    assert took(2048, replace(PLAIN, hbm_row_bytes=32)) == pytest.approx(7.7, abs=0.1)


def test_ascending_bytes_take_what_the_bus_takes() -> None:
    """Skewed or not, for as long as the judge is asked."""
    for target in (LPU, PLAIN):
        timing = replace(timing_of(target), refresh="none")
        places_ = [place_of(q * 4096, target) for q in range(3000)]
        assert delay([Burst(p.group, p.bank, p.row) for p in places_], timing) == 6000
        assert dense_clocks(3000, False, target) == 6000
        assert dense_clocks(10**9, False, target) == 2 * 10**9


def test_a_look_ahead_that_is_too_short_stops_at_each_row() -> None:
    """The judge says 0.85 of the bandwidth with 8 bursts."""
    short = replace(LPU, hbm_lookahead=8)
    queue = [Burst(*place_of(q * 4096, short)[1:4]) for q in range(4096)]
    assert dense_clocks(4096, False, short) == delay(queue, timing_of(short))
    assert 2 * 10**6 / dense_clocks(10**6, False, short) == pytest.approx(0.85, abs=0.005)


def test_partial_bursts_with_ecc_are_read_first() -> None:
    """64 elements, a burst each; the bus turns between. Whole bursts are not read."""
    merged = replace(LPU, hbm_partial_writes="read-modify-write")
    rows = [n * BOUND * 2 for n in range(64)]
    found = clocks(pattern_of(append(64), merged), merged)
    assert found == addresses.clocks(rows, rows, merged)
    assert found > clocks(pattern_of(append(64), LPU), LPU) + merged.hbm_nrtw - 2
    whole = pattern_of(access((1, 1, 9, 16), (0, 0, 4096, 2), writes=True), LPU)
    assert clocks(whole, merged) == clocks(whole, LPU)


def test_of_many_pieces_the_rate_goes_on() -> None:
    """Within a burst and 0.1 % of looking at all of them."""
    rows = 2 * MOST_BURSTS
    pattern = pattern_of(append(rows), LPU)
    bursts = [place_of(n * BOUND * 2, LPU) for n in range(rows)]
    worst = 0
    for channel in range(0, 128, 16):
        mine = [(p.group, p.bank, p.row) for p in bursts if p.channel == channel]
        worst = max(worst, Banks(LPU).serve(mine, writes=True)[-1])
    assert clocks(pattern, LPU) == pytest.approx(worst, rel=0.02)


SEEN: dict[str, Callable[[Random], Access]] = {
    "rows": lambda r: access((1, 1, r.randrange(1, 40), 16 * r.randrange(1, 40)), (0, 0, 4096, 2)),
    "elements": lambda r: append(r.randrange(1, 200), r.choice((64, 100, 2048, 4096, 5000))),
    "blocks": lambda r: access(
        (r.randrange(1, 4), 1, r.randrange(1, 9), 8 * r.randrange(1, 9)),
        (1 << r.randrange(13, 20), 0, 1 << r.randrange(7, 12), 2),
    ),
}


@pytest.mark.parametrize("kind", SEEN)
def test_random_requests(kind: str) -> None:
    random = Random(kind)
    for _ in range(12):
        target = random.choice((LPU, PLAIN))
        one = SEEN[kind](random)
        assert clocks(pattern_of(one, target), target) == taken(one, target), one


def test_full_timings_of_jesd238_change_little() -> None:
    """Activations of one group 5 apart, rows open for 45: both are left out of a target."""
    queue = [Burst(*place_of(n * BOUND * 2, LPU)[1:4], True) for n in range(2048) if
             place_of(n * BOUND * 2, LPU).channel == 5]  # fmt: skip
    assert abs(delay(queue, Timing()) - delay(queue, timing_of(LPU))) <= 2


def test_turning_the_bus_is_what_is_charged() -> None:
    """A stream, a store of whole bursts, a stream: the turns, and what each takes."""
    timing = timing_of(LPU)
    channel, before = behind_a_stream(timing, writes=False)
    store = [Burst(*place_of(q * 4096, LPU)[1:4], True) for q in range(64)]
    behind = [burst._replace(writes=False) for burst in before]
    served = channel.run(before + store + behind)
    took = served[len(before) + 64] - served[len(before) - 1] - LPU.hbm_nbl
    charged = (rates(LPU).to_write + rates(LPU).to_read) * 2 + dense_clocks(64, True, LPU)
    assert took == charged


def test_a_burst_is_partial_at_either_end() -> None:
    """Pieces of 32 bytes 80 apart: from byte 0 whole, from byte 80 in the middle of two bursts."""
    merged = replace(LPU, hbm_partial_writes="read-modify-write")
    found, partial = bursts_of(
        pattern_of(access((1, 1, 2, 16), (0, 0, 80, 2), True), merged), 2, merged
    )
    assert (found.tolist(), partial.tolist()) == ([0, 2, 3], [False, True, True])
