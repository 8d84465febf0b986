"""Rows of as many columns as a symbol says, put and exchanged some in each turn.

As many rows are put in a turn as fit, and others are exchanged: each row is stored whole, or not.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import OTHERS, Case, by_each

DEVICES = 4
OWN = [f"muli r{r.OWN_PART}, r10, {r.PART}", f"addi r{r.OWN_PART}, r{r.OWN_PART}, {r.HOME}"]
STORE = f"store (r1,r1,r51,r9), f32 r54[r0,r0,r{r.WIDTH},r4], f32 r58[r0,r0,r{r.WIDTH},r4]"
PUT = [
    "li r5, 0", f"P: li r51, {r.ROWS}", "sub r51, r51, r5", "li r52, 3", "min r51, r51, r52",
    f"muli r53, r5, {r.ROW}", f"add r54, r{r.OWN_PART}, r53", "add r58, r20, r53", STORE,
    f"li r6, {r.ROWS}", "loop r5, r6, 3, P",
]  # fmt: skip


def _columns(lines: Sequence[str], register: str = "r9") -> list[str]:
    return [line.replace(f",r{r.ELEMENTS})", f",{register})") for line in lines]


def _split(how: r.Split, register: str = "r9") -> list[str]:
    return _columns(r.split(DEVICES, how), register)


def _again(source: str) -> list[str]:
    """A device puts the first row of its part, of other numbers."""
    row = f"[r0,r0,r{r.WIDTH},r4]"
    return [f"store (r1,r1,r1,r9), f32 r{r.OWN_PART}{row}, f32 {source}{row}"]


def _late(lines: Sequence[str]) -> list[str]:
    """With a column less from the second turn of the exchange on."""
    at = next(number for number, line in enumerate(lines) if line.startswith("A:"))
    end = next(number for number, line in enumerate(lines) if line.endswith(", A"))
    turn = [line.replace(",r9)", ",r8)") for line in lines[at + 1 : end]]
    return [*lines[: at + 1], *LATE, *turn, *lines[end:]]


READ = _columns(r.used(DEVICES))
FEWER = ["addi r8, r9, -1"]
BEFORE = [
    *OTHERS, *r.put(source=23), *r.split(DEVICES, r.Split(label="C")), *OWN,
]  # fmt: skip
"""All columns of other numbers are exchanged before."""
LATE = ["li r8, 2", "min r8, r8, r5", "addi r7, r9, 1", "sub r8, r7, r8", "min r8, r8, r9"]
"""A column less in turns from the second on."""
GOOD = {
    f"{tile} in a turn": [*OWN, *PUT, *_split(r.Split(tile=tile)), *READ] for tile in (1, 2, 3, 5)
}
GOOD["over all columns of others"] = [*BEFORE, *PUT, *_split(r.Split(tile=2)), *READ]
GOOD["each row is put alone"] = [
    *OWN, *(line.replace("r6, 3", "r6, 1").replace("r52, 3", "r52, 1") for line in PUT),
    *_split(r.Split(tile=2)), *READ,
]  # fmt: skip
WRONG = {
    "a column less is exchanged": [*OWN, *PUT, *FEWER, *_split(r.Split(tile=2), "r8"), *READ],
    "a column less is put": [
        *OWN, *FEWER, *(line.replace("r9", "r8") for line in PUT), *_split(r.Split(tile=2)), *READ
    ],
    "a row less is exchanged": [*OWN, *PUT, *_split(r.Split(counted=4)), *READ],
    "a column further": [*OWN, *PUT, *_split(r.Split(tile=2, aside=4)), *READ],
    "a column more is read": [
        *OWN, *PUT, *_split(r.Split(tile=2)), "addi r8, r9, 1", *_columns(r.used(DEVICES), "r8")
    ],
    "all columns are read over others": [
        *BEFORE, *PUT, *_split(r.Split(tile=2)), *r.used(DEVICES)
    ],
    "a row less is exchanged over others": [
        *BEFORE, *PUT, *_split(r.Split(tile=3, counted=4)), *READ
    ],
    "a column less from the second turn on": _late([*OWN, *PUT, *_split(r.Split(tile=2)), *READ]),
    "a column less over others from the second turn on": _late(
        [*BEFORE, *PUT, *_split(r.Split(tile=2)), *READ]
    ),
    "half the columns are exchanged": [
        *OWN, *PUT, "divi r8, r9, 2", *_split(r.Split(tile=2), "r8"), *READ
    ],
    "half the columns are put over others": [
        *BEFORE, "divi r8, r9, 2", *(line.replace("r9", "r8") for line in PUT),
        *_split(r.Split(tile=2)), *READ,
    ],
    "a row is put again behind its turn": [
        *OWN, *OTHERS, *PUT, *_split(r.Split(tile=2)), *_again("r23"), *READ
    ],
}  # fmt: skip


def _rules(lines: Sequence[str]) -> dict[str, str]:
    return by_each(Case(r.COLUMNS - 1, DEVICES), r.whole(lines))


def _is_right(lines: Sequence[str], count: int) -> bool:
    """Whether all devices read so many columns as they are held, where others were before."""
    own = f"fill (r1,r1,r1,r{r.LENGTH}), f32 r7[r0,r0,r0,r4], r1"
    clear = [f"li r7, {r.HOME}", "li r95, 256", "li r96, 8192",
             own.replace(f"r{r.LENGTH}", "r95").replace("r7[", "r96["),
             "store (r1,r1,r1,r95), f32 r7[r0,r0,r0,r4], f32 r96[r0,r0,r0,r4]"]  # fmt: skip
    found = r.seen(DEVICES, [f"li r9, {count}", *r.whole([*clear, *lines])])
    seen = found.reshape(DEVICES, -1, r.COLUMNS)
    expected = r.expected(DEVICES).reshape(1, -1, r.COLUMNS).copy()
    expected[:, :, count:] = 0
    return bool((seen == expected).all())


@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD)
def test_as_many_columns_as_a_symbol_says_are_gathered_row_by_row(lines: Sequence[str]):
    assert all(_is_right(lines, count) for count in (1, 2))
    assert _rules(lines) == {"load": "", "compile": ""}


@pytest.mark.parametrize("lines", WRONG.values(), ids=WRONG)
def test_rows_in_part_are_refused(lines: Sequence[str]):
    assert not _is_right(lines, 2)
    assert set(_rules(lines).values()) <= {"content", "mixture", "place", "stale"}
