"""Gathers through HBM of as many rows as a symbol says, in loops whose turns nobody counts.

A device puts as many rows of its own in their place, then all store what they have exchanged, some
rows in each turn: together they are as many as are put, and no more may be read. Parts are put in
turns, too, or at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from runtime.traps import Trap, TrapKind
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import ARENA, HOME, OTHERS, ROW, Case, by_each
from tests.unit.runtime.ring.checks.load import rings

CASE = Case(6, 4)
RULES = {"content", "mixture", "turn", "place", "stale", "branch"}
LINE, PITCH = f"(r1,r1,r51,r{r.ELEMENTS})", f"[r0,r{r.LENGTH},r{r.WIDTH},r4]"
OWN = [f"muli r50, r10, {CASE.part}", f"addi r50, r50, {HOME}"]
HEAD = [
    *OTHERS, *rings.places(CASE.devices, r.SLOTS), "li r57, 64", f"li r56, {CASE.devices}",
    f"li r21, {r.SLOTS}", f"li r55, {HOME}", "addi r8, r9, 1", f"li r{r.ELEMENTS}, 1",
]  # fmt: skip
PUT = [
    "li r5, 0", "P: sub r51, r9, r5", "li r52, 2", "min r51, r51, r52", f"muli r53, r5, {ROW}",
    "add r54, r50, r53", f"store {LINE}, f32 r54[r0,r0,r{r.WIDTH},r4], f32 r20[r0,r0,r0,r4]",
    "loop r5, r9, 2, P",
]  # fmt: skip
"""All rows of a part are one number, put two by two."""
STORE = f"store (r1,r56,r51,r{r.ELEMENTS}), f32 r55{PITCH}, f32 r21[r0,r57,r{r.WIDTH},r4]"
LOAD = f"load {LINE}, f32 r30[r0,r0,r{r.WIDTH},r4], f32 r54[r0,r0,r{r.WIDTH},r4]"
EXCHANGE = [
    "li r5, 0", "A: sub r51, r9, r5", "li r52, 3", "min r51, r51, r52", f"muli r53, r5, {ROW}",
    "add r54, r50, r53", LOAD,
    *rings.hops(CASE.devices, 30, f"{LINE}, f32 {{}}[r0,r0,r{r.WIDTH},r4]"),
    f"addi r55, r53, {HOME}", STORE, "loop r5, r9, 3, A",
]  # fmt: skip
READ = [
    f"li r58, {HOME}", f"li r59, {rings.SEEN}", "mov r60, r9",
    f"load (r1,r56,r60,r{r.ELEMENTS}), f32 r59{PITCH}, f32 r58{PITCH}",
]  # fmt: skip
READ_BY_ROWS = [
    "li r5, 0", "B: sub r60, r9, r5", "li r52, 2", "min r60, r60, r52", f"muli r53, r5, {ROW}",
    f"addi r58, r53, {HOME}", f"addi r59, r53, {rings.SEEN}",
    f"load (r1,r56,r60,r{r.ELEMENTS}), f32 r59{PITCH}, f32 r58{PITCH}", "loop r5, r9, 2, B",
]  # fmt: skip
APART = [
    "li r72, 2", f"muli r71, r9, {ROW}",
    f"load (r1,r1,r72,r1), f32 r73[r0,r0,r{r.WIDTH},r4], f32 r70[r0,r0,r71,r4]",
]  # fmt: skip
"""Two rows are read at r70, so far apart as a symbol says."""
WHOLE = [*OWN, *PUT, *EXCHANGE, *READ]
OLDER = [
    *OTHERS, *CASE.put(source=23), *CASE.split(label="C", tile=3), *HEAD[len(OTHERS):]
]  # fmt: skip
"""An exchange of all rows of other numbers before, with the registers of the second set again."""


def _changed(lines: Sequence[str], change: Mapping[str, str | Sequence[str]]) -> list[str]:
    assert change.keys() <= {*lines}, change
    texts = (change.get(line, line) for line in lines)
    return [part for text in texts for part in ([text] if isinstance(text, str) else text)]


def _seen(lines: Sequence[str], count: int) -> np.ndarray | None:
    """What all devices read of a part each; None of bytes nobody wrote."""
    text = [f"li r9, {count}", *CASE.whole([*HEAD, *lines])]
    ring = rings.Ring(CASE.devices, arena=ARENA)
    try:
        found = ring.run(rings.code_of(text), turns=1 << 16)
    except Trap as trap:
        if trap.kind is not TrapKind.UNINITIALISED:
            raise
        return None
    bytes_of_all = np.stack(found)[:, : CASE.part * CASE.devices]
    return bytes_of_all.view(np.float32).reshape(CASE.devices, CASE.devices, CASE.rows)


def _is_right(lines: Sequence[str], count: int) -> bool:
    """Whether devices read no other rows than those that are held, and as many as a symbol says."""
    seen = _seen(lines, count)
    firsts = [np.random.default_rng(d).standard_normal(16, np.float32)[0] for d in range(4)]
    expected = np.array(firsts, np.float32)[None, :, None]
    if seen is None:
        return False
    return bool(((seen == expected) | (seen == 0)).all() and (seen[:, :, :count] != 0).all())


def _rules(lines: Sequence[str]) -> set[str]:
    """The rules by which the checks refuse; nothing is one of them where one does not."""
    return set(by_each(CASE, CASE.whole([*HEAD, *lines])).values())


def _at_once(lines: Sequence[str]) -> list[str]:
    """The same with parts that are put in one turn."""
    at, end = lines.index("li r52, 2"), lines.index(PUT[-1])
    return [*lines[:at], "li r52, 6", *lines[at + 1 : end], "loop r5, r9, 6, P", *lines[end + 1 :]]


GOOD = {
    "once": WHOLE,
    "over older rows": [*OLDER, *WHOLE],
    "read row by row": [*OLDER, *OWN, *PUT, *EXCHANGE, *READ_BY_ROWS],
    "put at once": [*OWN, "mov r51, r9", *PUT[6:7], *EXCHANGE, *READ],
    "as many in a turn as there are at most": _changed(WHOLE, {"li r52, 3": "li r52, 6",
        "loop r5, r9, 3, A": "loop r5, r9, 6, A"}),
    "rows at a symbol's distance are read elsewhere": [
        *OWN, *PUT, *EXCHANGE, "li r70, 0", f"li r73, {rings.SEEN + 4096}", *APART, *READ],
    "again": [*WHOLE, *(line.replace("P", "Q").replace("A", "D") for line in WHOLE)],
    "no part put": [*OLDER, *_changed(EXCHANGE, {
        "add r54, r50, r53": "li r54, 0", LOAD: LOAD.replace("r54[r0,r0,r25,", "r54[r0,r0,r0,"),
    }), *READ],
}  # fmt: skip
GOOD["put at once"][3] = GOOD["put at once"][3].replace("r54[", "r50[")
FAR_ROW = {f"addi r55, r53, {HOME}": f"addi r55, r53, {HOME + ROW}"}
WRONG: dict[str, list[str]] = {
    "one row less is stored": _changed(WHOLE, {"A: sub r51, r9, r5": [
        "A: addi r51, r9, -1", "sub r51, r51, r5"]}),
    "one row less in the last turn": _changed(WHOLE, {"loop r5, r9, 3, A": [
        "addi r7, r9, -1", "loop r5, r7, 3, A"]}),
    "one row less is put": _changed(WHOLE, {"P: sub r51, r9, r5": [
        "P: addi r51, r9, -1", "sub r51, r51, r5"]}),
    "another symbol says how many are stored": _changed(WHOLE, {"A: sub r51, r9, r5": [
        "A: divi r51, r9, 2", "sub r51, r51, r5"]}),
    "another symbol says how many are read": _changed(WHOLE, {"mov r60, r9": "mov r60, r8"}),
    "all are read": _changed(WHOLE, {"mov r60, r9": f"li r60, {CASE.rows}"}),
    "rows at a symbol's distance": [*WHOLE, f"li r70, {HOME}", "mov r73, r59", *APART],
    "turns that leave gaps": _changed(WHOLE, {"loop r5, r9, 3, A": "loop r5, r9, 4, A"}),
    "rows in a turn that are not in its step": _changed(WHOLE, {"li r52, 3": "li r52, 2"}),
    "a row further": _changed(WHOLE, FAR_ROW),
    "rows further apart": _changed(WHOLE, {f"muli r53, r5, {ROW}": f"muli r53, r5, {2 * ROW}"}),
    "the first rows are left out": [*OWN, *PUT, "li r5, 1", *EXCHANGE[1:], *READ],
    "from a symbol on": [*OWN, *PUT, "divi r5, r9, 2", *EXCHANGE[1:], *READ],
    "read before it is exchanged": [*OWN, *PUT, *READ, *EXCHANGE],
    "a part is put behind it": [*OWN, *PUT, *EXCHANGE,
        *_changed(PUT, {PUT[1]: PUT[1].replace("P", "Q"), PUT[-1]: PUT[-1].replace("P", "Q"),
                        PUT[6]: PUT[6].replace("r20[", "r23[")}), *READ],
    "a row is put behind it": [*OWN, *PUT, *EXCHANGE, "li r51, 1",
        PUT[6].replace("r54[", "r50[").replace("r20[", "r23["), *READ],
}  # fmt: skip


PUTS = pytest.mark.parametrize("put", [list[str], _at_once], ids=["in turns", "at once"])
Put = Callable[[Sequence[str]], list[str]]


@PUTS
@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_as_many_rows_as_a_symbol_says_are_gathered(lines: Sequence[str], put: Put):
    lines = put(lines) if PUT[-1] in lines else lines
    assert _rules(lines) == {""}
    assert all(_is_right(lines, count) for count in (1, 5))


@PUTS
@pytest.mark.parametrize("lines", WRONG.values(), ids=WRONG)
def test_what_is_nearly_so_is_refused(lines: Sequence[str], put: Put):
    """With some number, over older rows, it reads others."""
    lines = put(lines)
    assert _rules(lines) <= RULES
    assert _rules([*OLDER, *lines]) <= RULES
    assert not all(_is_right([*OLDER, *lines], count) for count in (1, 2, 4))


@PUTS
def test_rows_are_not_read_in_turns_that_store_them(put: Put):
    """The last turn reads what is right, those before it some that are older."""
    for turns in ([*EXCHANGE[:-1], *READ, EXCHANGE[-1]], [*EXCHANGE[:2], *READ, *EXCHANGE[2:]]):
        assert _rules(put([*OLDER, *OWN, *PUT, *turns])) <= RULES


@pytest.mark.parametrize("leaves", ["jump J", f"bge r9, r{r.ELEMENTS}, J"])
@pytest.mark.parametrize("is_put", [True, False])
def test_turns_that_leave_the_loop_store_nobody_knows_what(leaves: str, is_put: bool):
    """Of more rows than those of one turn, the others are older."""
    turns = EXCHANGE if is_put else _changed(EXCHANGE, {"add r54, r50, r53": "li r54, 0"})
    read = [f"J: {READ[0]}", *READ[1:]]
    lines = [*OLDER, *OWN, *(PUT if is_put else []), *turns[:-1], leaves, turns[-1], *read]
    assert not _is_right(lines, 5)
    assert _rules(lines) <= RULES


@PUTS
def test_the_first_row_that_is_not_put_again_is_not_read_with_the_others(put: Put):
    """It is of the exchange before."""
    later = [*OWN, "li r5, 1", *PUT[1:], "li r5, 1", *EXCHANGE[1:]]
    for read, rules in ((READ, RULES), ([f"li r58, {HOME + ROW}", READ[1], "addi r60, r9, -1",
                                         READ[3]], {""})):  # fmt: skip
        assert _rules(put([*OLDER, *later, *read])) <= rules


@PUTS
def test_other_rows_that_turns_write_are_not_those_that_they_exchange(put: Put):
    """Each turn stores a row of other numbers for all parts, in their place or elsewhere."""
    row = f"store (r1,r56,r75,r{r.ELEMENTS}), f32 r76{PITCH}, f32 r23[r0,r0,r0,r4]"
    for place, rules in ((HOME, RULES), (HOME + CASE.part * CASE.devices, {""})):
        turns = [*EXCHANGE[:-1], "li r75, 1", f"li r76, {place}", row, EXCHANGE[-1]]
        assert _rules(put([*OLDER, *OWN, *PUT, *turns, *READ])) <= rules


@pytest.mark.parametrize("count", ["r9", "r80"])
def test_a_turn_around_gathers_what_it_puts(count: str):
    """As many rows as a symbol says, in the last turn around others, or one row less of them.

    Of a turn around the proof at compile says nothing.
    """
    numbers = [
        "divi r80, r90, 2", "sub r81, r23, r20", "mul r81, r81, r80", "sub r81, r23, r81",
        "sub r80, r9, r80",
    ]  # fmt: skip
    exchange = (line.replace("r9", count) for line in EXCHANGE)
    put = (line.replace("r20[", "r81[") for line in PUT)
    turn = [*OWN, *numbers, *put, *exchange, *READ]
    lines = [*OLDER, "li r90, 0", "li r91, 3", "T: li r92, 0", *turn, "loop r90, r91, 1, T"]
    assert _is_right(lines, 5) is (count == "r9")
    found = by_each(CASE, CASE.whole([*HEAD, *lines]))
    assert bool(found["load"]) is (count == "r80")
    assert found["compile"]


def test_what_lies_right_behind_rows_is_read_in_turns_that_store_them():
    behind = [f"li r58, {HOME + CASE.part * CASE.devices}", READ[1],
              "load (r1,r1,r1,r1), f32 r59[r0,r0,r0,r4], f32 r58[r0,r0,r0,r4]"]  # fmt: skip
    last = [behind[0].replace(str(HOME + CASE.part * CASE.devices),
                              str(HOME + CASE.part * CASE.devices - ROW)), *behind[1:]]  # fmt: skip
    for read, rules in ((behind, {""}), (last, RULES)):
        assert _rules([*OWN, *PUT, *EXCHANGE[:-1], *read, EXCHANGE[-1], *READ]) <= rules
