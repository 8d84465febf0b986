"""Rows of an exchange that a newer one left, however they were stored, and however they are read.

The first exchange is of other numbers, the second of fewer rows; all are read then, by one
instruction or row by row in a loop, and are values of two exchanges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runtime.traps import Trap
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import OTHERS, Case, by_proof
from tests.unit.runtime.ring.checks.load import rings

DEVICES, OTHER_FAR = 4, 2048
HEAD = [
    *OTHERS, *rings.places(DEVICES, r.SLOTS), "li r57, 64", f"li r56, {DEVICES}",
    f"li r21, {r.SLOTS}", "li r22, 2048",
    "store (r1,r1,r1,r2), f32 r22[r0,r0,r0,r4], f32 r23[r0,r0,r0,r4]",
]  # fmt: skip
"""In r20 and r23 a device has its numbers and others, in HBM these lie at 0 and at r22."""
OLD, NEW = 23, 20
ALL, FEWER, BY_SYMBOL = f"li r51, {r.ROWS}", f"li r51, {r.ROWS - 1}", "mov r51, r9"
LONG = r.Split()
SHORT = r.Split(counted=r.ROWS - 1)


def _gather(count: str = ALL, source: int = NEW, aside: int = 0) -> list[str]:
    """As many rows of all devices, put side by side in the LMU and stored with one instruction."""
    view = f"[r0,r0,r{r.WIDTH},r4]"
    block = f"(r1,r1,r51,r{r.ELEMENTS}), f32 {{}}{view}"
    return [
        count, f"copy {block.format('r30')}, f32 r{source}{view}", *rings.hops(DEVICES, 30, block),
        f"li r55, {r.HOME + aside}",
        f"store (r1,r56,r51,r{r.ELEMENTS}), f32 r55[r0,r{r.LENGTH},r{r.WIDTH},r4], "
        f"f32 r21[r0,r57,r{r.WIDTH},r4]",
    ]  # fmt: skip


def _put(source: int, rows: int = r.ROWS) -> list[str]:
    """So many rows of a device in its place in HBM."""
    lines = [line.replace(f"r{r.HEIGHT}", "r51") for line in r.put(source=source)]
    return [f"li r51, {rows}", *lines]


def _in_one(rows: int = r.ROWS) -> list[str]:
    return r.in_one(DEVICES, rows)


def _split(label: str, how: r.Split = LONG, source: int = r.OWN_PART) -> list[str]:
    lines = r.split(DEVICES, how, source)
    return [line.replace("A: ", f"{label}: ").replace(", A", f", {label}") for line in lines]


def _unless_great(lines: Sequence[str]) -> list[str]:
    """Done unless r9 is great."""
    return ["li r92, 3", "bge r9, r92, E", *lines, "E: li r93, 0"]


def _at_symbol(lines: Sequence[str]) -> list[str]:
    """A loop that begins at a number of a symbol."""
    return ["mov r5, r9" if line == "li r5, 0" else line for line in lines]


BEFORE = {
    "one message": [*_gather(source=OLD), *r.used(DEVICES)],
    "parts in one message": [*_put(OLD), *_in_one(), *r.used(DEVICES)],
    "parts in a loop": [*_put(OLD), *_split("C"), *r.used(DEVICES)],
    "a loop": [*_split("C", source=22), *r.used(DEVICES)],
}
THEN = {
    "one message": _gather(FEWER),
    "as many as a symbol says": _gather(BY_SYMBOL),
    "a row further": _gather(FEWER, aside=r.ROW),
    "parts in one message": [*_put(NEW, r.ROWS - 1), *_in_one(r.ROWS - 1)],
    "parts in a loop": [*_put(NEW, r.ROWS - 1), *_split("A", SHORT)],
    "a loop": _split("A", SHORT, 0),
    "a loop from a symbol on": _at_symbol(_split("A", source=0)),
}
READ = {
    "at once": r.used(DEVICES),
    "by two rows": r.used_by_rows(DEVICES),
    "row by row": r.used_by_rows(DEVICES, 1),
}
NEWER = {
    "one message": _gather(),
    "parts in one message": [*_put(NEW), *_in_one()],
    "parts in a loop": [*_put(NEW), *_split("A")],
    "a loop": _split("A", source=0),
}


def _rule(lines: Sequence[str]) -> str:
    return by_proof(Case(r.ROWS, DEVICES), r.whole([*HEAD, *lines]))


def _is_one(lines: Sequence[str], count: int) -> bool:
    """Whether all devices read one of the two values, with a number in r9."""
    text = [f"li r9, {count}", *r.whole([*HEAD, *lines])]
    wholes = [r.expected(DEVICES), -r.expected(DEVICES)]
    seen = r.seen(DEVICES, text)
    return all(any(np.array_equal(row, whole) for whole in wholes) for row in seen)


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize("then", THEN.values(), ids=THEN)
def test_what_is_left_is_not_read_with_what_is_newer(then: list[str], read: list[str]):
    """Half of the combinations are run, to show that they are wrong."""
    for number, before in enumerate(BEFORE.values()):
        lines = [*before, *then, *read]
        assert _rule(lines) == "mixture"
        assert number % 2 or not all(_is_one(lines, count) for count in (1, 2, 4))


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize("then", NEWER.values(), ids=NEWER)
def test_all_rows_are_read_where_all_are_newer(then: list[str], read: list[str]):
    for number, before in enumerate(BEFORE.values()):
        lines = [*before, *then, *read]
        assert _rule(lines) == ""
        assert number or all(_is_one(lines, count) for count in (1, 4))


def test_what_is_left_is_read_alone_row_by_row():
    """In each turn the last row, which the newer exchange has not."""
    last = [line.replace(f"addi r58, r53, {r.HOME}", f"li r58, {r.HOME + r.ROW * (r.ROWS - 1)}")
            for line in r.used_by_rows(DEVICES, 1)]  # fmt: skip
    for before in BEFORE.values():
        assert _rule([*before, *_gather(FEWER), *last]) == ""


def test_parts_that_are_exchanged_on_one_way_only_are_not_read():
    lines = [*_put(NEW), *_unless_great(_in_one()), *r.used(DEVICES)]
    with pytest.raises(Trap):
        _is_one(lines, 4)
    assert _rule(lines) == "content"
    assert _rule([*_put(NEW), *_unless_great([]), *_in_one(), *r.used(DEVICES)]) == ""


def test_rows_that_a_loop_reads_while_they_are_exchanged_are_values_of_their_own():
    """Each turn reads a row and exchanges all again; what it reads is of one exchange."""
    turn = ["muli r53, r90, 12", f"addi r58, r53, {r.HOME}", f"li r59, {rings.SEEN}",
            f"load (r1,r56,r1,r{r.ELEMENTS}), f32 r59[r0,r{r.LENGTH},r{r.WIDTH},r4], "
            f"f32 r58[r0,r{r.LENGTH},r{r.WIDTH},r4]", *_gather()]  # fmt: skip
    loop = ["li r90, 0", f"li r91, {r.ROWS}", f"T: {turn[0]}", *turn[1:], "loop r90, r91, 1, T"]
    assert _rule([*BEFORE["one message"], *loop]) == ""


def test_as_many_rows_as_a_symbol_says_may_be_read_with_others_where_no_part_was_put():
    """As a cache has some of before."""
    assert _rule([*_gather(BY_SYMBOL), *r.used(DEVICES)]) == ""
    assert _rule([*_put(OLD), *_gather(ALL), *_gather(BY_SYMBOL), *r.used(DEVICES)]) == "mixture"
