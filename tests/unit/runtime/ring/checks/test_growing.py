"""Gathers through HBM of more or fewer rows, as symbols and turns that nobody counts say."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import (
    ARENA,
    HOME,
    OTHERS,
    ROW,
    Case,
    by_each,
    uncounted,
)
from tests.unit.runtime.ring.checks.load import rings


def _growing(lines: Sequence[str]) -> list[str]:
    """Each turn takes all rows from the first one on, one more than the turn before."""
    other = {
        f"muli r53, r5, {ROW}": "li r53, 0", "sub r51, r51, r5": "addi r51, r5, 1",
        "min r51, r51, r52": "li r52, 0",
    }  # fmt: skip
    assert other.keys() <= {*lines}
    return [other.get(line, line) for line in lines]


def test_turns_that_nobody_counts_must_not_say_how_many_rows_there_are():
    """Addresses are known, and with the greatest number of turns all rows are there."""
    case = Case(5)
    few = [*case.put(), *_growing(case.split(bound=3)), *case.used()]
    assert case.is_wrong(case.whole(few))
    text = case.whole([*case.put(), *uncounted(_growing(case.split())), *case.used()])
    assert by_each(case, text) == {"load": "place", "compile": "turn"}


def _at_once(case: Case, put: str, stored: str, read: str) -> list[str]:
    """A gather through HBM in one message: instructions that make the rows that are put, ..."""
    far = f"[r0,r0,r{r.WIDTH},r4]"
    block = f"(r1,r1,r51,r{r.ELEMENTS}), f32 {{}}{far}"
    return [
        *rings.places(case.devices, r.SLOTS), f"muli r{r.OWN_PART}, r10, {case.part}",
        f"addi r{r.OWN_PART}, r{r.OWN_PART}, {HOME}", f"{put.format('r51')}",
        f"store (r1,r1,r51,r{r.ELEMENTS}), f32 r{r.OWN_PART}{far}, f32 r20[r0,r0,r0,r4]",
        f"{stored.format('r51')}",
        f"load (r1,r1,r51,r{r.ELEMENTS}), f32 r30{far}, f32 r{r.OWN_PART}{far}",
        *rings.hops(case.devices, 30, block),
        "li r57, 64", f"li r56, {case.devices}", f"li r21, {r.SLOTS}", f"li r55, {HOME}",
        f"store (r1,r56,r51,r{r.ELEMENTS}), f32 r55[r0,r{r.LENGTH},r{r.WIDTH},r4], "
        f"f32 r21[r0,r57,r{r.WIDTH},r4]",
        f"li r58, {HOME}", f"li r59, {rings.SEEN}", f"{read.format('r60')}",
        f"load (r1,r56,r60,r{r.ELEMENTS}), f32 r59[r0,r{r.LENGTH},r{r.WIDTH},r4], "
        f"f32 r58[r0,r{r.LENGTH},r{r.WIDTH},r4]",
    ]  # fmt: skip


ALL, TURN, SYMBOL, HALF = "li {}, 6", "addi {}, r5, 1", "mov {}, r9", "divi {}, r9, 2"
"""What makes a number of rows: all there are, one more in each turn, as many as the host says."""


def _in_turns(case: Case, how: Sequence[str]) -> list[str]:
    """The same again and again; how often says r9."""
    return ["li r5, 0", "T: li r6, 0", *_at_once(case, *how), "loop r5, r9, 1, T"]


@pytest.mark.parametrize("how", [(SYMBOL, SYMBOL, SYMBOL), (TURN, TURN, TURN)], ids=str)
def test_as_many_rows_as_are_put_are_gathered_and_read(how: tuple[str, str, str]):
    case = Case(6)
    text = case.whole(_in_turns(case, how))
    for count in (1, 2, 6):
        found = rings.Ring(2, arena=ARENA).run(rings.code_of(_with(count, text)), turns=1 << 16)
        expected = rings.Ring(2, arena=ARENA).run(
            rings.code_of(_with(count, case.whole(_in_turns(case, [ALL] * 3)))), turns=1 << 16
        )
        for one, other in zip(found, expected, strict=True):
            rows = [*range(ROW * count), *range(case.part, case.part + ROW * count)]
            assert np.array_equal(one[rows], other[rows])
    assert by_each(case, text) == {"load": "", "compile": ""}


def _with(count: int, lines: Sequence[str]) -> list[str]:
    """Lines that begin with a number in r9."""
    return [f"li r9, {count}", *lines]


@pytest.mark.parametrize(
    "how",
    [
        (ALL, SYMBOL, ALL), (ALL, TURN, ALL), (SYMBOL, HALF, SYMBOL), (ALL, HALF, ALL),
        (SYMBOL, SYMBOL, ALL), (HALF, SYMBOL, SYMBOL),
    ],
    ids=str,
)  # fmt: skip
def test_fewer_rows_than_are_put_or_read_are_refused(how: tuple[str, str, str]):
    """At the greatest number of rows all are gathered."""
    case = Case(6)
    text = case.whole(_in_turns(case, how))
    assert case.is_wrong(_with(3, text))
    assert all(by_each(case, text).values())


def _ran(case: Case, count: int, lines: Sequence[str]) -> list[np.ndarray]:
    """What devices see of all rows where the host gives a number."""
    found = rings.Ring(case.devices, arena=ARENA).run(
        rings.code_of(_with(count, lines)), turns=1 << 16
    )
    return [seen[: case.part * case.devices] for seen in found]


def _put(case: Case, count: str, source: int) -> list[str]:
    """A part of other rows in the place of a device."""
    far = f"f32 r{r.OWN_PART}[r0,r0,r{r.WIDTH},r4]"
    return [
        count.format("r51"),
        f"store (r1,r1,r51,r{r.ELEMENTS}), {far}, f32 r{source}[r0,r0,r0,r4]",
    ]


LESS = "sub {}, r62, r5"
"""One row less in each turn, of as many as r62 says."""


def test_a_part_of_a_turn_before_is_not_stored_with_the_rows_of_this_one():
    case = Case(6)
    turn = [line for line in _at_once(case, LESS, LESS, ALL) if "f32 r20[r0,r0,r0,r4]" not in line]
    before = [*case.put(), *case.split(), *case.used(), *OTHERS, "li r62, 6"]
    text = case.whole([
        *before, "li r5, 0", "T: li r6, 0", *turn, *_put(case, LESS, 23), "loop r5, r9, 1, T"
    ])  # fmt: skip
    one, other = _ran(case, 2, text)
    assert not np.array_equal(one, other)
    assert all(by_each(case, text).values())


def test_a_smaller_part_over_another_is_not_all_that_differs():
    case = Case(6)
    turn = _at_once(case, SYMBOL, SYMBOL, ALL)
    text = case.whole([*case.before(), *case.put(), *turn])
    one, other = _ran(case, 2, text)
    assert not np.array_equal(one, other)
    assert all(by_each(case, text).values())


@pytest.mark.parametrize("stored", ["mov r61, r51", "min r61, r51, r9"])
def test_rows_that_a_symbol_leaves_out_are_not_read(stored: str):
    case = Case(6)
    how = r.Split(tile=3, counted=6, bound=6, home=HOME, row=ROW)
    split = r.split(case.devices, how, source=0)
    assert "mov r61, r51" in split
    lines = [stored if line == "mov r61, r51" else line for line in split]
    before = [*OTHERS, *case.put(source=23), *case.split(label="C"), *case.used()]
    text = case.whole([*before, *lines, *case.used()])
    is_right = all(map(np.array_equal, _ran(case, 1, text), _ran(case, 6, text)))
    assert is_right is not any(by_each(case, text).values())
    assert is_right or all(by_each(case, text).values())


@pytest.mark.parametrize(
    "other",
    [{f"li r55, {HOME}": f"li r55, {HOME + ROW}"}, {"f32 r55[r0,r27,": "f32 r55[r0,r62,"}],
    ids=str,
)
def test_as_many_rows_elsewhere_are_refused(other: dict[str, str]):
    case = Case(6)
    lines = _at_once(case, SYMBOL, SYMBOL, ALL)
    for old, new in other.items():
        assert any(old in line for line in lines)
        lines = [line.replace(old, new) for line in lines]
    longer = f"li r62, {case.part + ROW}"
    text = case.whole([*case.before(), longer, *lines])
    one, other_device = _ran(case, 2, text)
    assert not np.array_equal(one, other_device)
    assert all(by_each(case, text).values())


@pytest.mark.parametrize(
    ("tile", "bound", "gathered"), [(2, 6, 6), (2, 4, 4), (3, 3, 3), (6, 6, 6), (5, 1, 5)]
)
def test_as_many_rows_as_a_symbol_says_are_read_of_those_that_are_there(
    tile: int, bound: int, gathered: int
):
    """Whether a loop has several turns, or one that stores all rows, or some."""
    case = Case(6)
    how = r.Split(tile=tile, counted=6, bound=bound, home=HOME, row=ROW)
    split = r.split(case.devices, how, source=0)
    used = [line.replace("li r60, 6", "mov r60, r9") for line in case.used()]
    assert used != case.used()
    found = by_each(case, case.whole([*case.before(), *split, *used]))
    assert any(found.values()) is all(found.values()) is (gathered < 6)


@pytest.mark.parametrize("counted", [6, 5])
def test_a_loop_has_one_turn_whatever_a_symbol_says_up_to_its_step(counted: int):
    """How many rows it stores is counted then."""
    case = Case(6)

    def text(tile: int, counted: int) -> list[str]:
        how = r.Split(tile=tile, counted=counted, bound=6, home=HOME, row=ROW)
        split = uncounted(r.split(case.devices, how, source=0))
        return case.whole([*case.before(), *split, *case.used()])

    is_right = all(map(np.array_equal, _ran(case, 6, text(6, counted)), _ran(case, 6, text(2, 6))))
    assert is_right is (counted == 6)
    assert bool(by_each(case, text(6, counted))["load"]) is not is_right


def _stored_by_turns(case: Case, counted: str) -> list[str]:
    """A gather through HBM in a loop of its own, of as many rows as r5 or something else says."""
    how = r.Split(tile=6, counted=6, bound=6, home=HOME, row=ROW)
    lines = [re.sub(r"r(5|6)\b", r"r7\1", line) for line in r.split(case.devices, how, source=0)]
    assert "min r51, r51, r52" in lines
    return [counted if line == "min r51, r51, r52" else line for line in lines]


def test_of_rows_that_the_turn_before_stored_there_may_be_fewer_than_are_read():
    """Each turn stores a row more than the one before and reads as many, before or behind that."""
    case = Case(6)
    used = [line.replace("li r60, 6", "addi r60, r5, 1") for line in case.used()]
    stored = _stored_by_turns(case, "addi r51, r5, 1")
    for turn, is_wrong in (([*stored, *used], False), ([*used, *stored], True)):
        turns = ["li r5, 0", "T: li r6, 0", *turn, "loop r5, r9, 1, T"]
        text = case.whole([*case.before(), *turns])
        found = by_each(case, text)
        assert all(found.values()) if is_wrong else not found["load"]


def test_of_all_rows_stored_before_a_loop_its_turns_may_store_fewer_than_are_read():
    """A turn stores as many as a symbol says, or all; the next one reads all."""
    case = Case(6)
    for counted, is_wrong in (("min r51, r51, r9", True), ("min r51, r51, r52", False)):
        turn = [*case.used(), *_stored_by_turns(case, counted)]
        lines = [*case.before(), "li r5, 0", "T: li r6, 3", *turn, "loop r5, r6, 1, T"]
        found = by_each(case, case.whole(lines))
        assert all(found.values()) if is_wrong else not any(found.values()), found


def test_a_loop_that_begins_at_a_number_of_a_symbol_stores_rows_nobody_counts():
    case = Case(6)
    how = r.Split(tile=2, counted=6, bound=6, home=HOME, row=ROW)
    split = r.split(case.devices, how, source=0)
    assert split.count("li r5, 0") == 1
    lines = ["mov r5, r9" if line == "li r5, 0" else line for line in split]
    text = case.whole([*case.before(), *lines, *case.used()])
    assert not np.array_equal(*(_ran(case, count, text)[0] for count in (1, 3)))
    assert by_each(case, text)["load"] in ("place", "stale")


@pytest.mark.parametrize("rows", [1, 2])
def test_rows_at_a_symbol_s_distance_are_stored_nobody_knows_where(rows: int):
    """With the greatest number the second row lies behind all that are read."""
    case = Case(6)
    lines = _at_once(case, f"li {{}}, {rows}", f"li {{}}, {rows}", "li {}, 3")
    store = f"store (r1,r56,r51,r{r.ELEMENTS}), f32 r55[r0,r{r.LENGTH},r{r.WIDTH},r4]"
    assert any(line.startswith(store) for line in lines)
    lines = [line.replace(store, store.replace(f"r{r.WIDTH},", "r95,")) for line in lines]
    lines = [line for line in lines if "f32 r20[r0,r0,r0,r4]" not in line]
    text = case.whole([*case.before(), f"muli r95, r9, {ROW}", *lines[:-3]])
    assert by_each(case, text) == {"load": "", "compile": ""}
    text = case.whole([*case.before(), f"muli r95, r9, {ROW}", *lines])
    assert all(by_each(case, text).values())
