"""Gathers through HBM in loops, of many rows that all are one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runtime.program.interface import Symbol
from runtime.ring.checks.compile import Unproved, prove
from runtime.ring.checks.load import Unsafe
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.load import rings

ROW, TILE, HOME, OTHER = 4, 1, 128, 20480
ARENA = 1 << 17
OTHERS = [
    f"li r23, {OTHER}", "map1.neg (r1,r1,r1,r2), f32 r23[r0,r0,r0,r4], f32 r20[r0,r0,r0,r4]",
]  # fmt: skip
"""Other numbers than those that a device holds."""


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


def uncounted(lines: Sequence[str]) -> list[str]:
    """The bound of the loop is a number that the host gives, in r9."""
    return [line.replace("loop r5, r6", "loop r5, r9") for line in lines]


def by_each(case: Case, lines: Sequence[str]) -> dict[str, str]:
    """The rules by which the checks refuse a program that has a symbol in r9."""
    try:
        rings.Ring(case.devices, symbols={9: (1, case.rows)}).check_lines(lines)
        load = ""
    except Unsafe as refused:
        load = refused.rule
    return {"load": load, "compile": by_proof(case, lines)}


def by_proof(case: Case, lines: Sequence[str]) -> str:
    """The rule by which the check at compile alone refuses such a program."""
    program = r.program(case.devices, lines)
    symbols = (*program.interface.symbols, Symbol("n", 9, 1, case.rows))
    program = replace(program, interface=replace(program.interface, symbols=symbols))
    try:
        prove(program)
    except Unproved as refused:
        return refused.rule.value
    return ""
