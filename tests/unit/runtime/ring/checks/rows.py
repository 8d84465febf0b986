"""Messages that are split by rows: gathers into HBM, in a loop whose last turn has fewer rows.

Each device has a part of five rows of three elements. Rows pass through slots in the LMU, three in
a turn and then two, and the last instruction of a turn stores those of all devices in HBM, where
the parts lie one behind the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runtime.device.memory import Array
from runtime.program.interface import Interface, Symbol
from runtime.program.program import Program
from runtime.ring.checks.compile import Unproved, prove
from runtime.ring.checks.load import Unsafe
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.ring.checks.compile import programs
from tests.unit.runtime.ring.checks.load import rings

ROWS, COLUMNS, TILE = 5, 3, 3
ROW, PART = 4 * COLUMNS, 4 * COLUMNS * ROWS
HOME, SLOTS = 128, 4096
"""Where in HBM the parts of all devices lie, and the slots in the LMU."""
ELEMENTS, WIDTH, HEIGHT, LENGTH, PITCH = 24, 25, 26, 27, 28
"""Registers: elements and bytes of a row, rows and bytes of a part, more bytes than a row has."""
OWN_PART = 50
"""The register that says where in HBM a device has its part among those of all."""


@dataclass(frozen=True)
class Split:
    """How a gather is split: rows in all, and in a turn, as each instruction believes them to be.

    `counted` is what the number of rows that are left is made of, `bound` where the loop ends.
    `stored` are rows that a turn stores, `aside` bytes from where they belong. `pitch` is the
    register of the bytes between rows in a slot, `row` are the bytes of a row.
    """

    rows: int = ROWS
    tile: int = TILE
    counted: int = ROWS
    bound: int = ROWS
    stored: int = 0
    aside: int = 0
    home: int = HOME
    label: str = "A"
    pitch: int = WIDTH
    row: int = ROW


def constants() -> list[str]:
    """What all programs begin with: what the devices hold is in the LMU, at r20."""
    return [
        *rings.own(), f"li r{ELEMENTS}, {COLUMNS}", f"li r{WIDTH}, {ROW}", f"li r{HEIGHT}, {ROWS}",
        f"li r{LENGTH}, {PART}", f"li r{PITCH}, {ROW + 4}",
    ]  # fmt: skip


def put(home: int = HOME, source: int = 20) -> list[str]:
    """The part of each device in its place in HBM."""
    rows = f"(r1,r1,r{HEIGHT},r{ELEMENTS})"
    return [
        f"muli r{OWN_PART}, r10, {PART}", f"addi r{OWN_PART}, r{OWN_PART}, {home}",
        f"store {rows}, f32 r{OWN_PART}[r0,r0,r{WIDTH},r4], f32 r{source}[r0,r0,r{WIDTH},r4]",
    ]  # fmt: skip


def in_one(devices: int, rows: int = ROWS) -> list[str]:
    """A gather of so many rows through HBM, in no loop; addresses of slots are known."""
    view, block = f"[r0,r0,r{WIDTH},r4]", f"(r1,r1,r51,r{ELEMENTS}), f32 {{}}[r0,r0,r{WIDTH},r4]"
    return [
        f"li r51, {rows}", f"load (r1,r1,r51,r{ELEMENTS}), f32 r30{view}, f32 r{OWN_PART}{view}",
        *rings.hops(devices, 30, block), f"li r55, {HOME}",
        f"store (r1,r56,r51,r{ELEMENTS}), f32 r55[r0,r{LENGTH},r{WIDTH},r4], "
        f"f32 r21[r0,r57,r{WIDTH},r4]",
    ]  # fmt: skip


def split(devices: int, how: Split = Split(), source: int = OWN_PART) -> list[str]:
    """The gather of parts that lie in HBM from the address in a register on."""
    far, near = f"[r0,r0,r{WIDTH},r4]", f"[r0,r0,r{how.pitch},r4]"
    block = f"(r1,r1,r51,r{ELEMENTS}), f32 {{}}{near}"
    stored = f"li r61, {how.stored}" if how.stored else "mov r61, r51"
    return [
        *rings.places(devices, SLOTS), "li r57, 64", f"li r56, {devices}", f"li r21, {SLOTS}",
        "li r5, 0",
        f"{how.label}: li r51, {how.counted}", "sub r51, r51, r5", f"li r52, {how.tile}",
        "min r51, r51, r52", f"muli r53, r5, {how.row}", f"add r54, r{source}, r53",
        f"load (r1,r1,r51,r{ELEMENTS}), f32 r30{near}, f32 r54{far}",
        *rings.hops(devices, 30, block),
        f"addi r55, r53, {how.home + how.aside}", stored,
        f"store (r1,r56,r61,r{ELEMENTS}), f32 r55[r0,r{LENGTH},r{WIDTH},r4], "
        f"f32 r21[r0,r57,r{how.pitch},r4]",
        f"li r6, {how.bound}", f"loop r5, r6, {how.tile}, {how.label}",
    ]  # fmt: skip


def used(devices: int, rows: int = ROWS, home: int = HOME) -> list[str]:
    """One instruction reads so many rows of all parts, on all devices alike."""
    return [
        f"li r58, {home}", f"li r59, {rings.SEEN}", f"li r60, {rows}", f"li r56, {devices}",
        f"load (r1,r56,r60,r{ELEMENTS}), f32 r59[r0,r{LENGTH},r{WIDTH},r4], "
        f"f32 r58[r0,r{LENGTH},r{WIDTH},r4]",
    ]  # fmt: skip


def used_by_rows(devices: int, tile: int = 2, label: str = "B") -> list[str]:
    """The same in a loop, so many rows in a turn."""
    return [
        f"li r56, {devices}", "li r5, 0",
        f"{label}: li r51, {ROWS}", "sub r51, r51, r5", f"li r52, {tile}", "min r51, r51, r52",
        f"muli r53, r5, {ROW}", f"addi r58, r53, {HOME}", f"addi r59, r53, {rings.SEEN}",
        f"load (r1,r56,r51,r{ELEMENTS}), f32 r59[r0,r{LENGTH},r{WIDTH},r4], "
        f"f32 r58[r0,r{LENGTH},r{WIDTH},r4]",
        f"li r6, {ROWS}", f"loop r5, r6, {tile}, {label}",
    ]  # fmt: skip


def whole(lines: Sequence[str]) -> list[str]:
    """A program of lines."""
    return rings.whole([*constants(), *lines])


def program(devices: int, lines: Sequence[str]) -> Program:
    """What checker A judges."""
    first = rings.FIRST_DEVICE_REGISTER
    symbols = tuple(Symbol(f"d{j}", first + j, 0, devices - 1) for j in range(devices))
    code = tuple(rings.code_of(lines))
    made = replace(programs.program(devices, []), code=code)
    return replace(made, interface=Interface((), (), symbols, 0, 0, 0))


def by_proof(devices: int, lines: Sequence[str]) -> str:
    """The rule by which checker A refuses a program, or nothing."""
    try:
        prove(program(devices, lines))
    except Unproved as refused:
        return refused.rule.value
    return ""


def by_load(devices: int, lines: Sequence[str]) -> str:
    """The same of checker B."""
    try:
        rings.Ring(devices).check_lines(lines)
    except Unsafe as refused:
        return refused.rule
    return ""


CHECKS: dict[str, Callable[[int, Sequence[str]], str]] = {"compile": by_proof, "load": by_load}


def seen(devices: int, lines: Sequence[str]) -> Array:
    """What the devices read, each in a row."""
    found = rings.Ring(devices).run(rings.code_of(lines))
    return np.stack(found)[:, : PART * devices].view(np.float32)


def is_wrong(devices: int, lines: Sequence[str]) -> bool:
    """Whether the devices read other rows than those that they hold, or rows nobody wrote."""
    try:
        return not np.array_equal(seen(devices, lines)[0], expected(devices))
    except Trap as trap:
        if trap.kind is not TrapKind.UNINITIALISED:
            raise
        return True


def expected(devices: int) -> Array:
    """The parts of all devices one behind the other."""
    kept = [np.random.default_rng(d).standard_normal(16, np.float32) for d in range(devices)]
    return np.concatenate([values[: ROWS * COLUMNS] for values in kept])
