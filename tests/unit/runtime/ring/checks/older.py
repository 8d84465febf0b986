"""Programs that exchange, exchange fewer rows again and store them over the first, and read all.

The first exchange is of other numbers; read is by one instruction or row by row in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import OTHERS
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


def gather(count: str = ALL, source: int = NEW, aside: int = 0) -> list[str]:
    """As many rows of all devices, put side by side in the LMU and stored with one instruction."""
    view = f"[r0,r0,r{r.WIDTH},r4]"
    block = f"(r1,r1,r51,r{r.ELEMENTS}), f32 {{}}{view}"
    return [
        count, f"copy {block.format('r30')}, f32 r{source}{view}", *rings.hops(DEVICES, 30, block),
        f"li r55, {r.HOME + aside}",
        f"store (r1,r56,r51,r{r.ELEMENTS}), f32 r55[r0,r{r.LENGTH},r{r.WIDTH},r4], "
        f"f32 r21[r0,r57,r{r.WIDTH},r4]",
    ]  # fmt: skip


def put(source: int, rows: int = r.ROWS) -> list[str]:
    """So many rows of a device in its place in HBM."""
    lines = [line.replace(f"r{r.HEIGHT}", "r51") for line in r.put(source=source)]
    return [f"li r51, {rows}", *lines]


def in_one(rows: int = r.ROWS) -> list[str]:
    return r.in_one(DEVICES, rows)


def split(label: str, how: r.Split = LONG, source: int = r.OWN_PART) -> list[str]:
    lines = r.split(DEVICES, how, source)
    return [line.replace("A: ", f"{label}: ").replace(", A", f", {label}") for line in lines]


def unless_great(lines: Sequence[str]) -> list[str]:
    """Done unless r9 is great."""
    return ["li r92, 3", "bge r9, r92, E", *lines, "E: li r93, 0"]


def at_symbol(lines: Sequence[str]) -> list[str]:
    """A loop that begins at a number of a symbol."""
    return ["mov r5, r9" if line == "li r5, 0" else line for line in lines]


BEFORE = {
    "one message": [*gather(source=OLD), *r.used(DEVICES)],
    "parts in one message": [*put(OLD), *in_one(), *r.used(DEVICES)],
    "parts in a loop": [*put(OLD), *split("C"), *r.used(DEVICES)],
    "a loop": [*split("C", source=22), *r.used(DEVICES)],
}
THEN = {
    "one message": gather(FEWER),
    "as many as a symbol says": gather(BY_SYMBOL),
    "a row further": gather(FEWER, aside=r.ROW),
    "parts in one message": [*put(NEW, r.ROWS - 1), *in_one(r.ROWS - 1)],
    "parts in a loop": [*put(NEW, r.ROWS - 1), *split("A", SHORT)],
    "a loop": split("A", SHORT, 0),
    "a loop from a symbol on": at_symbol(split("A", source=0)),
}
READ = {
    "at once": r.used(DEVICES),
    "by two rows": r.used_by_rows(DEVICES),
    "row by row": r.used_by_rows(DEVICES, 1),
}
NEWER = {
    "one message": gather(),
    "parts in one message": [*put(NEW), *in_one()],
    "parts in a loop": [*put(NEW), *split("A")],
    "a loop": split("A", source=0),
}
