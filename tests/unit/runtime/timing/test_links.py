"""Predicted time of exchanges, by hand: 4 KiB occupy a link for 271 cycles and arrive 200 later."""

from dataclasses import replace

import pytest

from runtime.isa import Inst, Recv, Send, Unit
from runtime.timing import Timing, predict
from runtime.timing.events import Cause, Engine
from runtime.timing.model import events
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.ring.exchanges import SIZE, gathering
from tests.unit.runtime.timing.timed import EXTENTS, LPU, ONE, Timed

PASS, HOP, SETUP = 271, 200, 4
ARRIVED = 2 + SETUP + HOP + PASS
"""Of the first message of a program: two words to issue it, its setup, the link, the way."""


def timing(made: Timed, *code: Inst) -> Timing:
    return predict(made.program(code), {})


def left(t: Timed, at: int, to: int) -> list[Inst]:
    """4 KiB go to the left, those of the right neighbour come."""
    return [Send("left", EXTENTS, t.at(at)), Recv("right", EXTENTS, t.at(to))]


def test_one_message() -> None:
    t = Timed()
    found = timing(t, *left(t, 0, 4096))
    assert LPU.link_cycles(4096) == PASS == -(-4096 * 800 // 12120)
    assert found.cycles == ARRIVED
    assert (found.messages, found.link_bytes, found.hbm_bytes) == (1, 4096, 0)
    assert found.busy[Unit.NET] == SETUP + PASS
    assert found.exchange == found.seconds


def test_both_directions_pass_at_once() -> None:
    """The second is issued two words later."""
    t = Timed()
    right = [Send("right", EXTENTS, t.at(0)), Recv("left", EXTENTS, t.at(8192))]
    first, second = left(t, 0, 4096)
    assert timing(t, first, right[0], second, right[1]).cycles == ARRIVED + 2


def test_messages_to_one_side_follow_each_other() -> None:
    t = Timed()
    both = [left(t, 0, 4096 * k) for k in (1, 2)]
    code = [both[0][0], both[1][0], both[0][1], both[1][1]]
    assert timing(t, *code).cycles == ARRIVED + SETUP + PASS


def test_what_is_passed_on_waits_for_its_bytes() -> None:
    """64 bytes take 5 cycles; the next hop is set up when they are there."""
    t = Timed()
    short = (ONE, ONE, ONE, t.at(32).base)
    code: list[Inst] = []
    for k in range(3):
        code += [Send("left", short, t.at(64 * k)), Recv("right", short, t.at(64 * k + 64))]
    assert timing(t, *code).cycles == 2 + 3 * (SETUP + 5 + HOP)


@pytest.mark.parametrize(("depth", "later"), [(1, HOP + PASS), (2, SETUP + PASS)])
def test_a_full_link_holds_the_next_message(depth: int, later: int) -> None:
    """Until the one that many before is received; the setup is over by then."""
    t = Timed(replace(LPU, link_depth=depth))
    found = timing(t, *left(t, 0, 4096), *left(t, 0, 8192))
    assert found.cycles == ARRIVED + later


def test_steps_of_a_message_wait_for_their_own_bytes() -> None:
    """Half of what goes to the right comes from there first; the other half need not wait.

    A pass reads 992 halves of those, which are sent in steps 0 to 131, from 6 + 4 on; step 135
    holds the last one before and the first one of what comes.
    """
    t = Timed()
    most, half = (ONE, ONE, ONE, t.at(992).base), (ONE, ONE, ONE, t.at(1024).base)
    code: list[Inst] = [
        Send("left", half, t.at(0)), Recv("right", half, t.at(6144)),
        Send("right", EXTENTS, t.at(4096)), Recv("left", EXTENTS, t.at(12288)),
        t.map(16384, 12288, most),
    ]  # fmt: skip
    happened = {event.number: event for event in events(t.program(code), {})}
    assert happened[4].end == 6 + SETUP + HOP + 132 + SETUP + 1 + 11
    first = 2 + SETUP + HOP + -(-32 * 136 // 1024)
    late = first + SETUP - 135
    assert happened[3].end == late + HOP + PASS
    assert (happened[2].cause, happened[2].waited) == (Cause.LMU, 1)
    assert (happened[3].cause, happened[3].waited) == (Cause.LINK, 2)
    assert happened[3].engine is Engine.RECV_LEFT


def test_what_is_hidden_behind_work_is_not_exposed() -> None:
    """A product of 32 MiB goes on meanwhile; it ends as it does alone."""
    t = Timed()
    work = [t.stream(), t.vecmat(16384, 8192)]
    alone, both = timing(t, *work), timing(t, *work, *left(t, 0, 4096))
    assert both.exchange == 0
    assert both.cycles == alone.cycles


def test_what_nobody_sends_is_not_received() -> None:
    t = Timed(replace(LPU, link_depth=1))
    send, recv = left(t, 0, 4096)
    for code in ([recv, send], [send, send, recv, recv]):
        with pytest.raises(Trap) as caught:
            timing(t, *code)
        assert caught.value.kind is TrapKind.DEADLOCK
        assert caught.value.nodes == (f"/n{len(code) // 2 - 1}",)


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_a_gather_is_counted_for_one_device(devices: int) -> None:
    """All but its own part pass through each device once, in one direction or the other."""
    found = predict(gathering(devices), {"d0": 1})
    assert (found.messages, found.link_bytes) == (devices - 1, 4 * SIZE * (devices - 1))
    assert found.counts["recv"] == devices - 1
    assert 0 < found.exchange < found.seconds
