"""The operand FIFO: fill and drain in closed form."""

from dataclasses import replace

import pytest

from runtime.target import Target
from runtime.timing.fifo import Fifo
from runtime.traps import Trap

MACHINE = replace(Target.load("lpu-4nm"), fifo_bytes=1000, hbm_latency=10)


def test_a_panel_that_fits_is_filled_ahead() -> None:
    """Data from 110 on; the trees need 50 cycles from 400."""
    fifo = Fifo(MACHINE)
    assert fifo.push(800, 40, start=100).sent_at == 140
    assert fifo.drain(400, 50, channel_free=140).drained == 450


def test_a_drain_cannot_overtake_the_fill() -> None:
    """The last byte is requested at 140, arrives at 150 and takes its cycle."""
    fifo = Fifo(MACHINE)
    fifo.push(800, 40, start=100)
    panel = fifo.drain(100, 20, channel_free=140)
    assert (panel.begun, panel.drained) == (110, 151)


@pytest.mark.parametrize(("trees", "drained"), [(400, 900), (80, 671)])
def test_what_does_not_fit_follows_the_drain(trees: int, drained: int) -> None:
    """1000 of 4000 bytes fit. At 500 the rest follows, at the slower of the two rates.

    Trees of 400 cycles set the pace themselves. Trees of 80 wait for 3000 / 4000 of 213.3 cycles.
    """
    fifo = Fifo(MACHINE)
    panel = fifo.push(4000, 640 / 3, start=0)
    assert panel.sent == 1000
    assert fifo.drain(500, trees, channel_free=0).drained == pytest.approx(drained)


def test_a_gap_is_recovered_only_from_the_fifo() -> None:
    """Stream of 10 B and trees of 20 B a cycle: the gap of 50 cycles saves what was stored."""
    fifo = Fifo(replace(MACHINE, fifo_bytes=10**6, hbm_latency=1))
    fifo.push(2000, 200, start=0)
    assert fifo.drain(50, 100, channel_free=0).drained == pytest.approx(200 + 1 + 1)


def test_a_small_fifo_cannot_cover_the_latency() -> None:
    """1000 bytes in flight for 10 cycles: no more than 100 a cycle."""
    fifo = Fifo(MACHINE)
    assert fifo.push(1000, 2, start=0).sent_at == 10


def test_the_next_panel_waits_for_room() -> None:
    """Half of the FIFO is free when half of the first panel is drained, at 300."""
    fifo = Fifo(MACHINE)
    fifo.push(1000, 20, start=0)
    fifo.drain(100, 400, channel_free=20)
    assert fifo.push(500, 20, start=20).sent_at == pytest.approx(300)


def test_depth_counts_panels() -> None:
    fifo = Fifo(MACHINE)
    fifo.push(10, 1, start=0)
    fifo.push(10, 1, start=0)
    with pytest.raises(Trap, match="already holds 2 panels"):
        fifo.slot()
    first = fifo.drain(0, 100, channel_free=0)
    assert fifo.slot() == first.drained
    fifo.drain(0, 100, channel_free=0)
    with pytest.raises(Trap, match="empty"):
        fifo.drain(0, 1, channel_free=0)
