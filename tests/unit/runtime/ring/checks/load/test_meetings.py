"""What is made of other symbols or loops, and what ways bring that meet, is told apart."""

import pytest

from runtime.ring.checks.load import Unsafe
from runtime.ring.checks.load.memory.runs import NOTHING, Content, Kind, Runs, meet
from tests.unit.runtime.ring.checks.load.rings import (
    SEEN,
    Ring,
    gather,
    hops,
    looped,
    own,
    places,
    put,
    read_all,
    read_rows,
    whole,
)

MANY = (9, (1, 4))
ROWS = "(r1,r1,{},r4), f32 {}[r0,r0,r2,r4]"


def _rule(lines: list[str], devices: int = 2) -> str:
    with pytest.raises(Unsafe) as caught:
        Ring(devices, symbols=dict([MANY])).check_lines(whole(lines))
    return caught.value.rule


@pytest.mark.parametrize(("put_rows", "sent_rows"), [("r9", "r51"), ("r51", "r9")])
def test_a_block_of_rows_is_sent_whole_for_every_value_of_a_symbol(put_rows: str, sent_rows: str):
    """Both depend on one symbol, and are as many at most: of P rows and of 5 - P."""
    lines = ["li r50, 5", "sub r51, r50, r9", *own(), *places(2, 4096)]

    def exchange(sent: str) -> list[str]:
        return [
            "copy " + ROWS.format(put_rows, "r30") + ", f32 r20[r0,r0,r2,r4]",
            *hops(2, 30, ROWS.replace("{}", sent, 1)),
        ]

    ring = Ring(2, symbols=dict([MANY]))
    ring.check_lines(whole([*lines, *exchange(put_rows), *read_rows(put_rows)]))
    assert _rule([*lines, *exchange(sent_rows), *read_rows(put_rows)]) == "message"


def test_rows_of_one_loop_are_not_those_of_another():
    """The first loop leaves a number of rows; the second one, as deep, sends as many as it says."""
    before = looped(["mov r52, r5", "addi r52, r52, 1"], 4)
    rows = [
        "addi r53, r7, 1",
        "copy " + ROWS.format("r52", "r30") + ", f32 r20[r0,r0,r2,r4]",
        *hops(2, 30, ROWS.replace("{}", "r53", 1)),
        *read_rows("r52"),
    ]
    head = [*own(), *places(2, 4096), *before]
    same = [line.replace("r53,r4", "r52,r4") for line in rows]
    Ring(2).check_lines(whole([*head, *looped(same, 4, counter=7)]))
    assert _rule([*head, *looped(rows, 4, counter=7)]) == "message"


def test_what_each_device_has_on_one_way_and_all_on_the_other_is_not_read():
    mine = ["li r40, 4096", "li r41, 32"]
    mine.append("fill (r1,r1,r1,r41), f32 r40[r0,r0,r0,r4], r1")
    ring = Ring(2, symbols=dict([MANY]))
    lines = [*mine, *own(), *places(2, 4096), "bge r9, r4, A", *put(), *hops(2)]
    lines += [*read_all(2), "A: li r8, 1"]
    ring.check_lines(whole([*lines, *gather(2)]))
    assert _rule([*lines, *read_all(2)]) == "way"


def test_own_bytes_that_a_turn_reads_and_then_puts_a_part_over_are_refused():
    """In the first turn each device reads its own; in the second some have the part there."""
    read = "map1.neg (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]"
    copied = "copy (r1,r1,r1,r2), f32 r21[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]"
    head = [*own(), *places(2, 4096), "li r21, 4096", f"li r22, {SEEN}", copied]
    Ring(2).check_lines(whole([*head, *looped([read, copied], 3)]))
    with pytest.raises(Unsafe) as refused:
        Ring(2).check_lines(whole([*head, *looped([read, *put()], 3)]))
    assert refused.value.rule in ("place", "way", "settle")


def test_where_ways_meet_each_byte_is_what_it_was_on_both():
    """Runs begin elsewhere on each way; where nobody wrote on one, the other's counts."""
    same, own_bytes = Content(Kind.SAME, 1), Content(Kind.OWN, 2)
    ways = [Runs(), Runs()]
    for runs, places_of in zip(
        ways, [[(10, 20, same), (25, 45, own_bytes)], [(10, 30, same)]], strict=True
    ):
        for low, high, content in places_of:
            runs.put(low, high, content)
    expected = {5: NOTHING, 10: same, 19: same, 22: same, 27: Content(Kind.OWN, 1), 44: own_bytes}
    for found in (meet(*ways), meet(*reversed(ways))):
        assert {at: found.at(at) for at in (*expected, 50)} == {**expected, 50: NOTHING}


def test_what_stands_behind_code_that_is_never_reached_is_looked_at():
    first, *rest = put()
    dead = ["jump A", "li r8, 1", "li r8, 2", f"A: {first}", *rest]
    send = "send.left (r1,r1,r1,r2), f32 r30[r0,r0,r0,r4]"
    assert _rule([*gather(2), *dead, send]) == "left over"


@pytest.mark.parametrize("kind", [Kind.LOST, Kind.NOTHING, Kind.OWN, Kind.WHOLE])
def test_where_ways_meet_that_have_runs_at_the_same_places_neither_counts_alone(kind: Kind):
    same, other = Content(Kind.SAME, 1), Content(kind, 2)
    one, two = Runs(), Runs()
    one.put(8, 16, same)
    two.put(8, 16, other)
    assert one.starts == two.starts
    wanted = {Kind.OWN: Content(Kind.OWN, 1), Kind.NOTHING: same}.get(kind, Content(Kind.LOST, 1))
    assert meet(one, two).held[1] == meet(two, one).held[1] == wanted


def test_an_address_that_each_way_makes_another_one_is_not_that_of_either():
    """The parts lie side by side on each way, and nobody knows where."""
    first, *rest = put()
    other = ["li r21, 8192", *places(2, 8192)]
    lines = [*own(), "li r21, 4096", *places(2, 4096), "bge r9, r4, A", *other, f"A: {first}"]
    read = "map1.neg (r1,r1,r1,r23), f32 r22[r0,r0,r0,r4], f32 r21[r0,r0,r0,r4]"
    tail = [*rest, *hops(2), f"li r22, {SEEN}", "li r23, 32", read]
    assert _rule([*lines, *tail]) == "bounds"
    Ring(2, symbols=dict([MANY])).check_lines(whole([*lines[: -len(other) - 1], lines[-1], *tail]))


@pytest.mark.parametrize(
    "ways",
    [["bge r9, r7, A", "li r40, 1", "A: li r41, 1"],
     ["bge r9, r7, A", "li r40, 1", "jump B", "A: li r41, 1", "B: li r41, 2"]],
    ids=["where it is taken", "where it is not"],
)  # fmt: skip
def test_what_one_of_two_ways_does_not_know_is_not_known(ways: list[str]):
    """A register that one way writes, and a branch that reads it."""
    after = ["bge r40, r1, C", "C: li r41, 3"]
    assert _rule(["li r7, 2", *ways, *after]) == "branch"
    Ring(2, symbols=dict([MANY])).check_lines(whole(["li r7, 2", "li r40, 1", *ways, *after]))
