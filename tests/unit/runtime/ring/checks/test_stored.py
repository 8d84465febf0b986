"""Exchanges that are stored over what was exchanged before, all rows of it or some.

What is read then is of one exchange. Rows that are no part of what an exchange before stored may be
read with it: so a cache has older ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import ARENA, OTHERS, by_each
from tests.unit.runtime.ring.checks.gathers import Case as Rows
from tests.unit.runtime.ring.checks.load import rings

DEVICES, FAR = 4, r.HOME
RULES = {"mixture", "stale", "place", "content", "way"}
HEAD = [*OTHERS, *rings.places(DEVICES, r.SLOTS), "li r57, 64", f"li r21, {r.SLOTS}"]
ALL = f"li r51, {r.ROWS}"
FEWER = f"li r51, {r.ROWS - 1}"
BY_SYMBOL = "mov r51, r9"
TURN = "addi r51, r90, 1"
ELSEWHERE = r.PART * DEVICES
NEW, OLD = 20, 23
"""Registers of where a device has the numbers that count, and others."""


def _gather(count: str = ALL, source: int = NEW, aside: int = 0) -> list[str]:
    """As many rows of all devices, put side by side and stored with one instruction."""
    view = f"[r0,r0,r{r.WIDTH},r4]"
    block = f"(r1,r1,r51,r{r.ELEMENTS}), f32 {{}}{view}"
    return [
        count, f"li r56, {DEVICES}", f"copy {block.format('r30')}, f32 r{source}{view}",
        *rings.hops(DEVICES, 30, block), f"li r55, {FAR + aside}",
        f"store (r1,r56,r51,r{r.ELEMENTS}), f32 r55[r0,r{r.LENGTH},r{r.WIDTH},r4], "
        f"f32 r21[r0,r57,r{r.WIDTH},r4]",
    ]  # fmt: skip


def _read(rows: str = f"li r60, {r.ROWS}", first: int = 0) -> list[str]:
    used = r.used(DEVICES, home=FAR + r.ROW * first)
    return [rows if line.startswith("li r60") else line for line in used]


BEFORE = [*_gather(source=OLD), *_read()]
OWN = [
    f"li r80, {FAR}", f"li r56, {DEVICES}",
    f"store (r1,r56,r{r.HEIGHT},r{r.ELEMENTS}), f32 r80[r0,r{r.LENGTH},r{r.WIDTH},r4], "
    f"f32 r20[r0,r0,r{r.WIDTH},r4]",
]  # fmt: skip
"""A device stores its own rows over those of all."""
MANY = [
    "li r85, 20000", "li r86, 2", f"li r87, {FAR + 2 * ELSEWHERE}",
    "load (r1,r1,r1,r85), i8 r59[r0,r0,r0,r1], i8 r87[r0,r0,r0,r86]",
]  # fmt: skip
"""More bytes that lie apart than are looked at one by one."""


def _turns(body: Sequence[str]) -> list[str]:
    first, *rest = body
    return ["li r90, 0", "li r91, 3", f"T: {first}", *rest, "loop r90, r91, 1, T"]


def _branch(body: Sequence[str]) -> list[str]:
    """Done unless r9 is great."""
    return ["li r92, 3", "bge r9, r92, E", *body, "E: li r93, 0"]


ROW = f"(r1,r1,r1,r{r.ELEMENTS}), f32 {{}}[r0,r0,r0,r4], f32 {{}}[r0,r0,r0,r4]"
PARTS = {
    "nothing": ([], RULES),
    "a row of all": ([f"li r80, {FAR}", f"store {ROW.format('r80', 'r20')}"], RULES),
    "a row nobody knows where": (["lds r80, 0", f"store {ROW.format('r80', 'r20')}"], RULES),
    "a row at a symbol": (
        [f"muli r80, r9, {r.ROW}", f"addi r80, r80, {FAR}", f"store {ROW.format('r80', 'r20')}"],
        RULES,
    ),
    "all rows": (OWN, {""}),
}
"""What is stored over parts that no device has of another, and whether they are read then."""
GOOD = {
    "once": [*_gather(), *_read()],
    "all rows again": [*BEFORE, *_gather(), *_read()],
    "all rows again in a loop": [*BEFORE, *_turns([*_gather(), *_read()])],
    "all rows of the turn before": [*BEFORE, *_turns([*_read(), *_gather()])],
    "fewer rows are read, too": [*BEFORE, *_gather(FEWER), *_read("li r60, 4")],
    "what is left is read alone": [*BEFORE, *_gather(FEWER), *_read("li r60, 1", 4)],
    "as many as a symbol says": [*BEFORE, *_gather(BY_SYMBOL), *_read("mov r60, r9")],
    "as many as a symbol says, first": [*_gather(BY_SYMBOL), *_read("mov r60, r9")],
    "all rows on one way": [*BEFORE, *_branch(_gather()), *_read()],
    "something else is read that was stored over what was left": [
        *BEFORE, *OWN, *_gather(FEWER), *_read()
    ],
    "a row further, from there on": [*BEFORE, *_gather(aside=r.ROW), *_read(first=1)],
    "as many as a turn says": [*BEFORE, *_turns([*_gather(TURN), *_read("addi r60, r90, 1")])],
    "very many bytes apart, from elsewhere": [*BEFORE, *_gather(FEWER), *MANY],
    "a row where two devices say": [
        "add r80, r10, r11", "muli r80, r80, 64", "addi r80, r80, 2048",
        f"store {ROW.format('r80', 'r20')}",
    ],
    "behind what was there, as to a cache": [*_gather(FEWER), *_gather(aside=ELSEWHERE)],
}  # fmt: skip
WRONG = {
    "fewer rows": [*BEFORE, *_gather(FEWER), *_read()],
    "fewer rows twice": [*BEFORE, *_gather(FEWER), *_gather("li r51, 3"), *_read()],
    "fewer rows in a loop": [*BEFORE, *_turns([*_gather(FEWER), *_read()])],
    "fewer rows in the turn before": [*BEFORE, *_turns([*_read(), *_gather(FEWER)])],
    "fewer rows than the turn before stored": [
        *OWN, *_turns([*_gather(FEWER), *_read(), *_gather(source=OLD)])
    ],
    "fewer rows on one way": [*BEFORE, *_branch(_gather(FEWER)), *_read()],
    "fewer rows, and as many elsewhere": [
        *BEFORE, *_gather(FEWER), *_gather(aside=ELSEWHERE), *_read()
    ],
    "fewer rows where another way stored others": [
        *BEFORE, *_branch(OWN), *_gather(FEWER), *_read()
    ],
    "fewer rows in the turn before, and as many elsewhere": [
        *BEFORE, *_turns([*_read(), *_gather(FEWER), *_gather(aside=ELSEWHERE)])
    ],
    "as many as the turn before says": [
        *BEFORE, *_turns([*_read("addi r60, r90, 1"), *_gather(TURN)])
    ],
    "a row further": [*BEFORE, *_gather(aside=r.ROW), *_read()],
    "as many as a symbol says": [*BEFORE, *_gather(BY_SYMBOL), *_read()],
    "as many as a symbol says in the turn before": [
        *BEFORE, *_turns([*_read(), *_gather(BY_SYMBOL)])
    ],
    "more than a symbol says": [
        *BEFORE, *_gather(BY_SYMBOL), *_read("addi r60, r9, 1\nmin r60, r60, r27")
    ],
}  # fmt: skip


def _text(lines: Sequence[str]) -> list[str]:
    split = [part for line in lines for part in line.split("\n")]
    return r.whole([*HEAD, *split])


def _rules(lines: Sequence[str]) -> dict[str, str]:
    return by_each(Rows(r.ROWS, DEVICES), _text(lines))


def _seen(lines: Sequence[str], count: int) -> np.ndarray:
    ring = rings.Ring(DEVICES, arena=ARENA)
    found = ring.run(rings.code_of([f"li r9, {count}", *_text(lines)]))
    return np.stack(found)[:, : r.PART * DEVICES].view(np.float32)


@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_what_is_of_one_exchange_or_of_none_is_read(lines: Sequence[str]):
    assert _rules(lines) == {"load": "", "compile": ""}


@pytest.mark.parametrize("lines", WRONG.values(), ids=WRONG)
def test_what_is_of_two_exchanges_is_not_read(lines: Sequence[str]):
    """With some number of rows it is another value than one exchange alone makes."""
    wholes = [r.expected(DEVICES), -r.expected(DEVICES)]
    assert not all(
        any(np.array_equal(row, whole) for whole in wholes)
        for count in (2, 4)
        for row in _seen(lines, count)
    )
    found = _rules(lines)
    assert set(found.values()) <= RULES, found


@pytest.mark.parametrize(("stored", "rules"), PARTS.values(), ids=PARTS)
def test_parts_are_read_where_they_are_stored_over(stored: Sequence[str], rules: set[str]):
    assert set(_rules([*r.put(), *stored, *_read()]).values()) <= rules


def test_a_part_is_not_read_at_the_address_that_a_symbol_says():
    lines = [
        *r.put(), f"muli r80, r9, {r.ROW}", f"addi r80, r80, {FAR}", f"li r59, {rings.SEEN}",
        f"load {ROW.format('r59', 'r80')}",
    ]  # fmt: skip
    assert set(_rules(lines).values()) <= RULES


def test_the_matrix_unit_takes_no_rows_of_two_exchanges():
    panel = f"(r1,r1,r{r.HEIGHT},r{r.ELEMENTS}), f32 r80[r0,r0,r{r.WIDTH},r4]"
    for count in (ALL, FEWER):
        lines = [*BEFORE, *_gather(count), f"li r80, {FAR}", f"stream {panel}"]
        assert set(_rules(lines).values()) <= ({""} if count is ALL else RULES)
