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
from tests.unit.runtime.ring.checks.gathers import Case, by_proof
from tests.unit.runtime.ring.checks.load import rings
from tests.unit.runtime.ring.checks.older import (
    ALL,
    BEFORE,
    BY_SYMBOL,
    DEVICES,
    FEWER,
    HEAD,
    NEW,
    NEWER,
    OLD,
    READ,
    THEN,
    gather,
    in_one,
    put,
    unless_great,
)


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
        assert _rule([*before, *gather(FEWER), *last]) == ""


def test_parts_that_are_exchanged_on_one_way_only_are_not_read():
    lines = [*put(NEW), *unless_great(in_one()), *r.used(DEVICES)]
    with pytest.raises(Trap):
        _is_one(lines, 4)
    assert _rule(lines) == "content"
    assert _rule([*put(NEW), *unless_great([]), *in_one(), *r.used(DEVICES)]) == ""


def test_rows_that_a_loop_reads_while_they_are_exchanged_are_values_of_their_own():
    """Each turn reads a row and exchanges all again; what it reads is of one exchange."""
    turn = ["muli r53, r90, 12", f"addi r58, r53, {r.HOME}", f"li r59, {rings.SEEN}",
            f"load (r1,r56,r1,r{r.ELEMENTS}), f32 r59[r0,r{r.LENGTH},r{r.WIDTH},r4], "
            f"f32 r58[r0,r{r.LENGTH},r{r.WIDTH},r4]", *gather()]  # fmt: skip
    loop = ["li r90, 0", f"li r91, {r.ROWS}", f"T: {turn[0]}", *turn[1:], "loop r90, r91, 1, T"]
    assert _rule([*BEFORE["one message"], *loop]) == ""


def test_as_many_rows_as_a_symbol_says_may_be_read_with_others_where_no_part_was_put():
    """As a cache has some of before."""
    assert _rule([*gather(BY_SYMBOL), *r.used(DEVICES)]) == ""
    assert _rule([*put(OLD), *gather(ALL), *gather(BY_SYMBOL), *r.used(DEVICES)]) == "mixture"
