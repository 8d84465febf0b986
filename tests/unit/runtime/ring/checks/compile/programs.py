"""Programs for several devices, in assembly by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from runtime.isa.spec import Inst
from runtime.program.assembly import assemble
from runtime.program.file.canonical import to_text
from runtime.program.interface import Interface, Symbol
from runtime.program.interface_json import to_json
from runtime.program.program import Program
from runtime.target import Target

ONE, ELEMENT = 100, 101
"""Registers that hold 1 and 4, the bytes of an element."""
BLOCK, STEP = 102, 103
"""Registers that hold the elements of a block, and the bytes of a row."""
P, FIRST = 30, 40
"""The register of a symbol from 1 to 8, and the first one that addresses of slots are made in."""
X, Y, Z = 4096, 8192, 32768
"""LMU addresses: of what a device computes, of what is gathered, of what is made of it."""


def program(devices: int, lines: Iterable[str], depth: int = 8) -> Program:
    """A program whose registers r1 to rN hold d0 to d(N-1), and r30 a symbol.

    Instructions that are equal are one object, as in programs that were read.
    """
    start = [f"li r{ONE}, 1", f"li r{ELEMENT}, 4", f"li r{BLOCK}, 16", f"li r{STEP}, 64"]
    symbols = [Symbol(f"d{j}", 1 + j, 0, devices - 1) for j in range(devices)]
    interface = Interface((), (), (*symbols, Symbol("P", P, 1, 8)), 0, 0, 0)
    head = [f".interface {to_text(to_json(interface))}", ".no_weights"]
    target = dataclasses.replace(Target.load("lpu-4nm"), link_depth=depth)
    made = assemble("\n".join([*head, *start, *lines, "halt"]))
    known: dict[Inst, Inst] = {}
    code = tuple(known.setdefault(inst, inst) for inst in made.code)
    return dataclasses.replace(made, code=code, devices=devices, target=target)


def view(address: int, rows: int = 0, kind: str = "f32", row: int = STEP) -> str:
    """An operand at the address in a register, dense along axis 3; rows where `rows` is given."""
    return f"{kind} r{address}[r0,r0,r{row if rows else 0},r{ELEMENT}]"


def extents(rows: int = 0) -> str:
    """One row of a block, or rows: their number is in the register `rows`."""
    return f"(r{ONE},r{ONE},r{rows or ONE},r{BLOCK})"


def slots(devices: int, size: int = 64, base: int = Y, first: int = FIRST) -> list[str]:
    """Addresses of the slots: `base + size * dj` in the register `first + j`."""
    return [
        line
        for j in range(devices)
        for line in (
            f"muli r{first + j}, r{1 + j}, {size}",
            f"addi r{first + j}, r{first + j}, {base}",
        )
    ]


def produced(address: int = X, register: int = 60, rows: int = 0) -> list[str]:
    """What each device computes alone: here, values of a table that its parameters hold."""
    return [
        f"li r{register}, {address}",
        f"load {extents(rows)}, {view(register, rows)}, {view(0, rows)}",
    ]


def own(source: int = 60, first: int = FIRST, rows: int = 0) -> str:
    """Put the own block into its slot."""
    return f"copy {extents(rows)}, {view(first, rows)}, {view(source, rows)}"


def hops(devices: int, first: int = FIRST, rows: int = 0) -> list[str]:
    """The messages of an all-gather, half the way round on either side."""
    lines: list[str] = []
    for hop in range(1, devices // 2 + 1):
        for to, source, step in (("left", "right", 1), ("right", "left", -1)):
            if hop > (devices - (step < 0)) // 2:
                continue
            sent, got = first + step * (hop - 1) % devices, first + step * hop % devices
            lines.append(f"send.{to} {extents(rows)}, {view(sent, rows)}")
            lines.append(f"recv.{source} {extents(rows)}, {view(got, rows)}")
    return lines


def used(devices: int, address: int = Y, size: int = 16) -> list[str]:
    """Read all slots as one vector, on all devices the same."""
    return [
        f"li r70, {devices * size}", f"li r71, {address}", f"li r72, {Z}",
        f"map1.neg (r{ONE},r{ONE},r{ONE},r70), {view(72)}, {view(71)}",
    ]  # fmt: skip


def gather(devices: int) -> list[str]:
    """A whole all-gather, and its reader."""
    return [*produced(), *slots(devices), own(), *hops(devices), *used(devices)]


def by_rows(devices: int, count: str, first: int = 0) -> list[str]:
    """A gather into the LMU of four rows of four elements, one in each turn of a loop.

    The loop counts from `first` up to what the register `count` holds.
    """
    row = f"(r{ONE},r{ONE},r{ONE},r{ELEMENT})"
    return [
        *produced(), *slots(devices), f"li r90, {first}", "rows:", "muli r91, r90, 16",
        *(f"add r{50 + j}, r{FIRST + j}, r91" for j in range(devices)), "add r92, r60, r91",
        f"copy {row}, {view(50)}, {view(92)}",
        *(line.replace(extents(), row) for line in hops(devices, 50)),
        f"loop r90, {count}, 1, rows",
    ]  # fmt: skip
