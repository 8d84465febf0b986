"""Gathers through HBM in loops of many turns: a few rows are wrong of thousands, and all count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from runtime.program.interface import Symbol
from runtime.ring.checks.compile import Unproved, prove, walk
from runtime.ring.checks.load import Unsafe, loops
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.load import rings

ROW, TILE, HOME, OTHER = 4, 1, 128, 20480
ARENA = 1 << 17
OTHERS = [
    f"li r23, {OTHER}", "map1.neg (r1,r1,r1,r2), f32 r23[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]",
]  # fmt: skip
"""Other numbers than those that a device holds."""
RULES = {"content", "mixture", "place", "stale"}


@dataclass(frozen=True)
class Case:
    """A gather of so many rows of one number, on so many devices."""

    rows: int
    devices: int = 2

    @property
    def part(self) -> int:
        """Bytes of a device's part."""
        return ROW * self.rows

    def head(self) -> list[str]:
        """Constants; all rows of a part are the first number that its device holds."""
        return [
            *rings.own(), f"li r{r.ELEMENTS}, 1", f"li r{r.WIDTH}, {ROW}",
            f"li r{r.HEIGHT}, {self.rows}", f"li r{r.LENGTH}, {self.part}",
        ]  # fmt: skip

    def put(self, source: int = 20) -> list[str]:
        """The part of each device in its place in HBM."""
        rows = f"(r1,r1,r{r.HEIGHT},r{r.ELEMENTS})"
        return [
            f"muli r{r.OWN_PART}, r10, {self.part}",
            f"addi r{r.OWN_PART}, r{r.OWN_PART}, {HOME}",
            f"store {rows}, f32 r{r.OWN_PART}[r0,r0,r{r.WIDTH},r4], f32 r{source}[r0,r0,r0,r4]",
        ]  # fmt: skip

    def split(
        self, counted: int = 0, bound: int = 0, label: str = "A", aside: int = 0, tile: int = TILE
    ) -> list[str]:
        """The gather, of `counted` rows in a loop that ends at `bound`."""
        how = r.Split(
            tile=tile, counted=counted or self.rows, bound=bound or self.rows, label=label,
            home=HOME, row=ROW, aside=aside,
        )  # fmt: skip
        return r.split(self.devices, how)

    def used(self) -> list[str]:
        """All devices read all rows."""
        return r.used(self.devices, self.rows, HOME)

    def before(self) -> list[str]:
        """A whole gather of other numbers into the same place, which everybody reads."""
        return [*OTHERS, *self.put(source=23), *self.split(label="C"), *self.used()]

    def whole(self, lines: Sequence[str]) -> list[str]:
        """A program of lines."""
        return rings.whole([*self.head(), *lines])

    def refused(self, lines: Sequence[str]) -> dict[str, str]:
        """The rules by which the checks refuse, or nothing."""
        return {name: check(self.devices, lines) for name, check in r.CHECKS.items()}

    def is_wrong(self, lines: Sequence[str]) -> bool:
        """Whether a device reads other rows, or some that nobody wrote."""
        ring = rings.Ring(self.devices, arena=ARENA)
        try:
            found = ring.run(rings.code_of(lines), turns=1 << 20)
        except Trap as trap:
            if trap.kind is not TrapKind.UNINITIALISED:
                raise
            return True
        first = [
            np.random.default_rng(d).standard_normal(16, np.float32)[0] for d in range(self.devices)
        ]
        expected = np.repeat(np.array(first, np.float32), self.rows)
        return any(
            not np.array_equal(seen[: self.part * self.devices].view(np.float32), expected)
            for seen in found
        )


FEW, MANY = Case(150), Case(130, 4)
MOST = pytest.param(Case(5000), marks=pytest.mark.slow)


@pytest.mark.parametrize("case", [FEW, MANY, MOST], ids=str)
def test_what_gathers_all_rows_is_accepted(case: Case):
    text = case.whole([*case.before(), *case.put(), *case.split(), *case.used()])
    assert not case.is_wrong(text)
    assert case.refused(text) == dict.fromkeys(r.CHECKS, "")


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("case", [FEW, MANY, MOST], ids=str)
def test_what_leaves_out_the_last_row_is_refused(case: Case, again: bool):
    before = case.before() if again else []
    text = case.whole([*before, *case.put(), *case.split(bound=case.rows - 1), *case.used()])
    assert case.is_wrong(text)
    assert set(case.refused(text).values()) <= RULES


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("how", [{"aside": ROW}, {"counted": FEW.rows - 1, "tile": 7}], ids=str)
def test_what_puts_rows_elsewhere_or_leaves_them_out_in_the_last_turn_is_refused(
    how: dict[str, int], again: bool
):
    before = FEW.before() if again else []
    text = FEW.whole([*before, *FEW.put(), *FEW.split(**how), *FEW.used()])
    assert FEW.is_wrong(text)
    assert set(FEW.refused(text).values()) <= RULES


def _uncounted(lines: Sequence[str]) -> list[str]:
    """The bound of the loop is a number that the host gives, in r9."""
    return [line.replace("loop r5, r6", "loop r5, r9") for line in lines]


def _by_each(case: Case, lines: Sequence[str]) -> dict[str, str]:
    """The rules by which the checks refuse a program that has a symbol in r9."""
    try:
        rings.Ring(case.devices, symbols={9: (1, case.rows)}).check_lines(lines)
        load = ""
    except Unsafe as refused:
        load = refused.rule
    program = r.program(case.devices, lines)
    symbols = (*program.interface.symbols, Symbol("n", 9, 1, case.rows))
    program = replace(program, interface=replace(program.interface, symbols=symbols))
    try:
        prove(program)
    except Unproved as refused:
        return {"load": load, "compile": refused.rule.value}
    return {"load": load, "compile": ""}


@pytest.mark.parametrize("again", [False, True])
def test_turns_that_nobody_counts_must_not_say_where_rows_lie(again: bool):
    """With the greatest number all is gathered, with others rows are left out."""
    case = Case(20)
    before = case.before() if again else []
    text = case.whole([*before, *case.put(), *_uncounted(case.split()), *case.used()])
    assert _by_each(case, text) == {"load": "place", "compile": "turn"}


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
    text = case.whole([*case.put(), *_uncounted(_growing(case.split())), *case.used()])
    assert _by_each(case, text) == {"load": "place", "compile": "turn"}


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
    assert _by_each(case, text) == {"load": "", "compile": ""}


def _with(count: int, lines: Sequence[str]) -> list[str]:
    """Lines that begin with a number in r9."""
    return [f"li r9, {count}", *lines]


@pytest.mark.parametrize(
    "how", [(ALL, SYMBOL, ALL), (ALL, TURN, ALL), (SYMBOL, HALF, SYMBOL), (ALL, HALF, ALL)], ids=str
)
def test_fewer_rows_than_are_put_are_refused(how: tuple[str, str, str]):
    """At the greatest number of rows all are gathered."""
    case = Case(6)
    text = case.whole(_in_turns(case, how))
    assert case.is_wrong(_with(3, text))
    assert all(_by_each(case, text).values())


def test_more_turns_than_are_looked_at_are_refused(monkeypatch: pytest.MonkeyPatch):
    for module in (loops, walk):
        monkeypatch.setattr(module, "MOST_TURNS", 50)
    for rows, found in (
        (50, {"compile": "", "load": ""}),
        (51, {"compile": "turn", "load": "place"}),
    ):
        case = Case(rows)
        text = case.whole([*case.put(), *case.split(), *case.used()])
        assert case.refused(text) == found
