"""Bytes of the LMU of which there are fewer with some numbers of symbols than with the greatest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.ring.checks.load import Unsafe
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import Case, by_each
from tests.unit.runtime.ring.checks.load.rings import (
    Ring,
    code_of,
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

MOST = 4
RING = Ring(2, symbols={9: (1, MOST)})
ROWS, OF_ROWS = "(r1,r1,r9,r4), f32 {}[r0,r0,r2,r4]", "(r1,r1,r4,r9), f32 {}[r0,r0,r2,r4]"
OLD = [
    line
    for place in (4096, 4160)
    for line in own(place)
]  # fmt: skip
"""Each device has its own numbers where parts will be."""


def _exchange(put: str = ROWS, sent: str = ROWS) -> list[str]:
    copied = f"copy {put.format('r30')}, f32 r20[r0,r0,r2,r4]"
    return [*own(), *places(2, 4096), copied, *hops(2, 30, sent)]


def _columns() -> list[str]:
    """As many columns of all rows as there were rows."""
    return [line.replace("r9,r4)", "r4,r9)") for line in read_rows("r9")]


def _is_alike(lines: Sequence[str], count: int) -> bool:
    """Whether both devices see the same with a number in r9."""
    one, other = Ring(2).run(code_of([f"li r9, {count}", *lines]))
    return np.array_equal(one, other)


def _rule(lines: Sequence[str]) -> str:
    try:
        RING.check_lines(lines)
    except Unsafe as refused:
        return refused.rule
    return ""


def test_as_many_rows_as_were_exchanged_are_read():
    lines = whole([*OLD, *_exchange(), *read_rows("r9")])
    assert all(_is_alike(lines, count) for count in range(1, MOST + 1))
    assert _rule(lines) == ""


@pytest.mark.parametrize(
    ("exchange", "read"),
    [
        (_exchange(), read_all(2)),
        (_exchange(), _columns()),
        (_exchange(sent=OF_ROWS), read_rows("r9")),
    ],
    ids=["more is read", "columns are read", "columns are sent"],
)
def test_bytes_that_only_the_greatest_number_exchanges_are_refused(
    exchange: list[str], read: list[str]
):
    """With it all is there; with others devices read their own, of before."""
    lines = whole([*OLD, *exchange, *read])
    assert [_is_alike(lines, count) for count in (2, MOST)] == [False, True]
    assert _rule(lines) in ("place", "message")


@pytest.mark.parametrize("rows", ["r9", "r4"])
def test_what_the_turn_before_exchanged_more_of_is_not_read(rows: str):
    """In the first turn all rows are exchanged before the loop, in the next ones as many as r9."""
    turn = [*read_rows(rows), *_exchange()]
    head = [*OLD, *_exchange(ROWS.replace("r9", rows), ROWS.replace("r9", rows))]
    lines = whole([*head, *looped(turn, 3)])
    assert _is_alike(lines, MOST)
    assert {bool(rule) for rule in by_each(Case(MOST), lines).values()} == {rows == "r4"}


@pytest.mark.parametrize("turns", [1, 3])
def test_rows_that_turns_exchange_a_part_of_are_those_of_before_in_none(turns: int):
    """Before the loop all rows are exchanged and read, in a turn as many as r9, behind it all."""
    of_all = _exchange(ROWS.replace("r9", "r4"), ROWS.replace("r9", "r4"))
    head = [*OLD, *of_all, *read_rows("r4")]
    turn = [*_exchange(), *read_rows("r9")]
    good = whole([*head, *looped(turn, turns), *of_all, *read_rows("r4")])
    assert by_each(Case(MOST), good) == {"load": "", "compile": ""}
    for late in ([*turn, *read_rows("r4")], [*read_rows("r4"), *turn]):
        if turns > 1 or late[: len(turn)] == turn:
            assert all(by_each(Case(MOST), whole([*head, *looped(late, turns)])).values())
    assert all(by_each(Case(MOST), whole([*head, *looped(turn, turns), *read_rows("r4")])).values())


def test_rows_that_the_counter_of_a_loop_says_are_others_behind_its_turn():
    """The turn before exchanged one row less than is read."""
    many = [line.replace("r9", "r51") for line in _exchange()]
    count = ["addi r51, r5, 1"]
    within = [*OLD, *looped([*count, *many, *read_rows("r51")], 4)]
    across = [*OLD, *many, *looped([*count, *read_rows("r51"), *many], 4)]
    Ring(2).check_lines(whole(["li r51, 1", *within]))
    with pytest.raises(Unsafe):
        Ring(2).check_lines(whole(["li r51, 1", *across]))
    assert not _is_alike(whole(["li r51, 1", *across]), MOST)
    assert r.by_proof(2, whole(["li r51, 1", *within])) == ""
    assert r.by_proof(2, whole(["li r51, 1", *across])) == "mixture"


@pytest.mark.parametrize("start", ["r1", "r10"], ids=["all", "each its own"])
def test_a_number_over_which_fewer_are_written_is_that_of_before(start: str):
    """Of four numbers the last is the one of before, but with the greatest number."""
    numbers = [
        "li r60, 4096", f"iota (r1,r1,r1,r4), i64 r60[r0,r0,r0,r61], {start}, (r0,r0,r0,r0)",
        "fill (r1,r1,r1,r9), i64 r60[r0,r0,r0,r61], r1",
    ]  # fmt: skip
    for address in (4096, 4120):
        lines = whole(["li r61, 8", *numbers, f"lds r7, {address}", "out r7"])
        is_own = start == "r10" and address == 4120
        assert _rule(lines) == ("branch" if is_own else "")


def _met(one: str, other: str) -> list[str]:
    """Two branches that depend on r9, each of which makes another register 2 or 4."""
    lines: list[str] = []
    for register, label, least in ((one, "P", 2), (other, "Q", 3)):
        lines += [f"li r70, {least}", f"li {register}, 2", f"bge r9, r70, {label}"]
        lines += [f"li {register}, 4", f"{label}: li r71, 0"]
    return lines


@pytest.mark.parametrize("sent", ["r7", "r8"])
def test_numbers_of_one_range_of_two_branches_are_two(sent: str):
    rows = [ROWS.replace("r9", register) for register in ("r8", sent)]
    assert _rule(whole([*_met("r8", "r7"), *_exchange(*rows), *read_rows("r8")])) == (
        "" if sent == "r8" else "message"
    )


def test_numbers_that_are_made_alike_of_two_loaded_ones_are_two():
    """All devices have the same of both, each between 1 and 4."""
    numbers = ["li r61, 8", "li r60, 8192", "li r63, 2"]
    numbers += ["fill (r1,r1,r1,r63), i64 r60[r0,r0,r0,r61], r1"]
    for register, address in (("r50", 8192), ("r51", 8200)):
        numbers.append(f"lds {register}, {address}")
        numbers += [f"max {register}, {register}, r1", f"min {register}, {register}, r4"]
    for other, rule in (("r50", ""), ("r51", "message")):
        rows = [ROWS.replace("r9", register) for register in ("r50", other)]
        assert _rule(whole([*numbers, *_exchange(*rows), *read_rows("r50")])) == rule


@pytest.mark.parametrize("y", [4096, 8192])
def test_rows_may_lie_elsewhere_on_their_way(y: int):
    """Each part goes around the ring, and back to where it was put, or not."""
    moves: list[str] = []
    for source, to in ((30, 31), (31, 40), (30, 41)):
        moves += [f"send.left {ROWS.format(f'r{source}')}", f"recv.right {ROWS.format(f'r{to}')}"]
    head = [*own(), *places(2, 4096), *places(2, 8192, 40)]
    copied = f"copy {ROWS.format('r30')}, f32 r20[r0,r0,r2,r4]"
    lines = whole([*head, copied, *moves, *read_rows("r9", y=y)])
    assert _rule(lines) == ("" if y == 4096 else "place")


def test_rows_that_are_written_over_what_was_exchanged_are_read_alone():
    """Beside them there is an exchange before, or parts that nobody has received."""
    fill = ["li r60, 4096", "fill (r1,r1,r9,r4), f32 r60[r0,r0,r2,r4], r1"]
    row = "(r1,r1,{},r4), f32 {}[r0,r0,r2,r4]"
    read = f"map1.neg {row.format('{}', 'r61')}, f32 r60[r0,r0,r2,r4]"
    for before in (gather(2), [*own(), *places(2, 4096), *put()]):
        for rows in ("r9", "r4"):
            lines = [*before, *fill, "li r61, 512", read.format(rows)]
            assert _rule(whole(lines)) == ("" if rows == "r9" else "place")


def test_rows_of_which_the_second_lies_over_what_was_exchanged_are_read_alone():
    """The first lies before it."""
    head = [*gather(2), *own(4032), "li r60, 4032", "li r61, 512", "li r62, 2"]
    fill = "fill (r1,r1,{},r4), f32 r60[r0,r0,r3,r4], r1"
    read = "map1.neg (r1,r1,{},r4), f32 r61[r0,r0,r3,r4], f32 r60[r0,r0,r3,r4]"
    rows = "min r63, r9, r62"
    for count in ("r63", "r62"):
        lines = whole([*head, rows, fill.format("r63"), read.format(count)])
        assert _rule(lines) == ("" if count == "r63" else "place")


@pytest.mark.parametrize(
    ("far", "rule"), [("addi r63, r9, -1", ""), ("mov r63, r9", "place"), ("li r63, 3", "place")]
)
def test_of_rows_that_are_written_over_what_was_exchanged_one_is_read_at_a_symbol(
    far: str, rule: str
):
    """The last one that is there, or one behind it."""
    fill = ["li r60, 4096", "fill (r1,r1,r9,r4), f32 r60[r0,r0,r2,r4], r1"]
    row = "(r1,r1,r1,r4), f32 {}[r0,r0,r2,r4], f32 {}[r0,r0,r2,r4]"
    read = [far, "mul r64, r63, r2", "add r64, r64, r60", "li r61, 512"]
    lines = [*gather(2), *fill, *read, f"map1.neg {row.format('r61', 'r64')}"]
    assert _rule(whole(lines)) == rule
