"""Messages of bytes that were put at different times: each part is judged."""

from __future__ import annotations

import pytest

from runtime.ring.checks.load import Unsafe
from tests.unit.runtime.ring.checks.load.rings import (
    Ring,
    gather,
    hops,
    own,
    places,
    put,
    read_all,
    whole,
)

HALF = "(r1,r1,r1,r50), f32 r{}[r0,r0,r0,r4], f32 r{}[r0,r0,r0,r4]"
HALVES = ["li r50, 8", "addi r51, r30, 32", "li r52, 32"]
"""Eight elements, and where the second half of the own slot and of the own bytes begin."""
FIRST, SECOND = f"copy {HALF.format(30, 20)}", f"copy {HALF.format(51, 52)}"


@pytest.mark.parametrize("halves", [[FIRST, SECOND], [SECOND, FIRST]], ids=["in order", "back"])
def test_halves_that_are_put_one_after_the_other_are_one_message(halves: list[str]):
    again = [*HALVES, *halves, *hops(4), *read_all(4)]
    Ring(4).check_lines(whole([*gather(4), *again]))


@pytest.mark.parametrize("half", [FIRST, SECOND], ids=["first", "second"])
def test_a_half_that_was_exchanged_before_is_not_sent_with_a_new_one(half: str):
    again = [*HALVES, half, *hops(4), *read_all(4)]
    with pytest.raises(Unsafe) as refused:
        Ring(4).check_lines(whole([*gather(4), *again]))
    assert refused.value.rule == "block"


@pytest.mark.parametrize("half", [FIRST, SECOND], ids=["first", "second"])
def test_a_half_that_lies_elsewhere_than_it_was_put_is_not_sent_with_another(half: str):
    """The neighbour's half stands in the own slot, from where it was sent before."""
    at, row = (30, 31) if half is SECOND else (51, 53)
    swap = [
        "addi r53, r31, 32",
        "send.left (r1,r1,r1,r50), f32 r31[r0,r0,r0,r4]".replace("r31", f"r{row}"),
    ]
    lines = [
        *gather(4),
        *HALVES,
        *put(),
        *swap,
        f"recv.right (r1,r1,r1,r50), f32 r{at}[r0,r0,r0,r4]",
    ]
    with pytest.raises(Unsafe):
        Ring(4).check_lines(whole([*lines, half, *hops(4), *read_all(4)]))


@pytest.mark.parametrize("pitch", [32, 40, 64])
def test_halves_that_are_received_elsewhere_are_where_they_were_received(pitch: int):
    """The message has two rows, one behind the other where it is sent."""
    rows = "(r1,r1,r54,r50), f32 r{}[r0,r0,r{},r4]"
    hop = [f"send.left {rows.format(30, 52)}", f"recv.right {rows.format(31, 55)}"]
    lines = [*own(), *places(2, 4096), *HALVES, "li r54, 2", f"li r55, {pitch}", *put(), *hop]
    ring, text = Ring(2), whole([*lines, *read_all(2)])
    if pitch == 32:
        ring.check_lines(text)
        return
    with pytest.raises(Unsafe):
        ring.check_lines(text)
