"""The operand FIFO: fill and drain by hand."""

from dataclasses import replace
from math import ceil

import pytest

from runtime.isa import Inst, Operand, Stream
from runtime.timing import predict
from runtime.timing.events import Cause
from runtime.timing.model import events
from runtime.traps import Trap
from tests.unit.runtime.timing.timed import F16, LPU, ONE, TWO, Timed

ISSUE, LATENCY, TREE = 4, 80, 72


def cycles(t: Timed, *code: Inst) -> int:
    return predict(t.program(code), {}).cycles


def panel(t: Timed, beats: int) -> tuple[int, int, int, int]:
    """Extents of so many beats of 4096 bytes, each of which is one tile."""
    return (ONE, ONE, t.at(64).base, t.at(32 * beats).base)


def stream(t: Timed, extents: tuple[int, int, int, int]) -> Inst:
    """A panel whose columns of 128 bytes follow each other."""
    return Stream(extents, Operand(F16, t.at(1 << 24).base, (0, 0, TWO, t.at(128).base)))


def gap(t: Timed, length: int) -> Inst:
    """A pass of so many cycles that writes the 64 halves at 1 << 18 last."""
    halves = t.at(32 * length).base
    return t.map((1 << 18) + 128 - 64 * length, 0, (ONE, ONE, ONE, halves))


def product(t: Timed, extents: tuple[int, int, int, int], dst: int = 0) -> Inst:
    """The product with a panel and the last halves of the gap."""
    return t.vecmat(dst, 1 << 18, extents)


def test_a_panel_that_waits_is_used_at_full_rate() -> None:
    """Filled while the pass runs; then its tiles take what they take."""
    t = Timed()
    extents = panel(t, 100)
    code = [stream(t, extents), gap(t, 1000), product(t, extents)]
    valid = 4 + ISSUE + 1000 + 11
    assert cycles(t, *code) == valid + ISSUE + 100 + TREE


def test_a_product_cannot_overtake_its_panel() -> None:
    """The last of 100 beats has come 100 * 13/12 cycles and the latency after the first began."""
    t = Timed()
    extents = panel(t, 100)
    code = [stream(t, extents), product(t, extents)]
    assert cycles(t, *code) == ceil(2 + 100 * 13 / 12) + LATENCY + 1 + TREE


def test_a_gap_is_recovered_only_from_the_fifo() -> None:
    """With trees twice as fast: after a gap of 1000 cycles the FIFO holds 128 of 1000 beats.

    A tile uses two beats. The rest is requested from the first tile on at 13/12 cycles a beat.
    """
    t = Timed(replace(LPU, mac_trees=64))
    extents = panel(t, 1000)
    code = [stream(t, extents), gap(t, 1000), product(t, extents)]
    begun = 4 + ISSUE + 1000 + 11 + ISSUE
    exact = begun + 1 + 872 * 13 / 12 + LATENCY + 1 + TREE
    assert cycles(t, *code) == pytest.approx(exact, abs=2)
    enough = Timed(replace(LPU, mac_trees=64, fifo_bytes=4096 * 1000))
    extents = panel(enough, 1000)
    code = [stream(enough, extents), gap(enough, 1000), product(enough, extents)]
    late = 2 + ceil(1000 * 13 / 12) + LATENCY
    assert cycles(enough, *code) == max(begun + 500, late + 1) + TREE


def test_a_fifo_below_the_latency_bounds_the_rate() -> None:
    """16 beats are under way at once, each for 2 cycles on the channels, 80, and its tile."""
    t = Timed(replace(LPU, fifo_bytes=16 * 4096))
    extents = panel(t, 1600)
    code = [stream(t, extents), product(t, extents)]
    round_trip = LATENCY + 1 + ceil(13 / 12)
    assert cycles(t, *code) == pytest.approx(1600 / 16 * round_trip + TREE, rel=0.01)


def test_panels_are_filled_whether_or_not_the_one_before_is_drained() -> None:
    """Two panels of half the FIFO behind a gap: both are there when it ends."""
    t = Timed()
    extents = panel(t, 64)
    products = [product(t, extents), product(t, extents, 1 << 17)]
    valid = 4 + 2 + ISSUE + 1000 + 11
    code = [stream(t, extents), stream(t, extents), gap(t, 1000), *products]
    assert cycles(t, *code) == valid + ISSUE + 64 + ISSUE + 64 + TREE


def test_what_the_fifo_holds_need_not_come_later() -> None:
    """Four panels of 256 beats behind a pass of 2048 cycles, and trees of twice the rate."""

    def run(beats: int) -> int:
        t = Timed(replace(LPU, fifo_bytes=4096 * beats, mac_trees=64))
        extents = panel(t, 256)
        streams = [stream(t, extents) for _ in range(4)]
        return cycles(t, *streams, gap(t, 2048), *[product(t, extents) for _ in range(4)])

    times = [run(beats) for beats in (128, 256, 512, 768, 1024, 4096)]
    assert times == sorted(times, reverse=True)
    assert times[0] - times[1] == pytest.approx(128 * 13 / 12, abs=1)
    assert times[4] == times[5]


@pytest.mark.parametrize("beats", [1, 64, 128, 400])
def test_a_stream_issued_earlier_is_never_slower(beats: int) -> None:
    t = Timed()
    extents = panel(t, beats)
    streams = [stream(t, extents) for _ in range(8)]
    products = [product(t, extents) for _ in range(8)]
    paired = [inst for pair in zip(streams, products, strict=True) for inst in pair]
    later = [inst for pair in zip(products, streams[2:], strict=False) for inst in pair]
    ahead = [*streams[:2], *later, *products[6:]]
    assert cycles(t, *ahead) <= cycles(t, *paired)


def test_streams_are_set_up_one_after_the_other() -> None:
    """A panel of one beat takes 3.25 cycles on the channels and 10 to set up."""
    t = Timed(replace(LPU, issue_latency=10))
    code = [stream(t, panel(t, 1)), stream(t, panel(t, 1))]
    assert [e.start for e in events(t.program(code), {}) if e.engine == "STREAM"] == [2, 12]


def test_what_a_panel_waited_for_is_named() -> None:
    t = Timed(replace(LPU, mac_trees=64))
    extents = panel(t, 256)
    code = [stream(t, extents), gap(t, 1000), product(t, extents), stream(t, extents)]
    found = {event.number: event for event in events(t.program(code), {})}
    assert (found[0].cause, found[0].waited) == (Cause.ROOM, 2)
    assert (found[2].cause, found[2].waited) == (Cause.PANEL, 0)


def test_what_can_never_have_room_traps() -> None:
    """A queue of one: a panel that fills the FIFO, one that is taken up, one that waits."""
    t = Timed(replace(LPU, queue_depth=1))
    extents = panel(t, 128)
    streams = [stream(t, extents) for _ in range(4)]
    assert cycles(t, *streams[:3]) > 0
    with pytest.raises(Trap, match="no product makes room") as caught:
        cycles(t, *streams)
    assert caught.value.pc == 6
