"""
The bursts of HBM of a run, in program order, in the two forms that Ramulator 2 replays.

    *.ldst    LD 0x40020                  `LoadStoreTrace`: byte addresses, which it maps itself
    *.rw      R 3,1,0,2,1,17,5            `ReadWriteTrace`: where our mapping puts them

The second has the levels of HBM3: channel, pseudo-channel, stack identifier (always 0), bank group,
bank, row, column in bursts. What is read and written is read first. Rows that an index chooses are
not known; they lie evenly over what it may choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from lpuc.errors import UserError
from lpuc.files.disk import check_output, replacing
from runtime.isa.accesses import Access
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.mapping import places
from runtime.timing.hbm.requests import Pattern, bursts_of, pattern_of
from runtime.timing.model import FUEL
from runtime.timing.profiling.turns import Layers, Turns
from runtime.timing.walk import Walk

FORMS = (".ldst", ".rw")
MOST_LINES = 1 << 21
"""About 60 MB of text."""


@dataclass(frozen=True)
class Request:
    """An operand in HBM of an instruction that is executed; it begins at byte `low`."""

    pattern: Pattern
    low: int
    reads: bool

    @property
    def pieces(self) -> int:
        """How many runs of bytes it has."""
        return prod(extent for _, extent in self.pattern.outer)


def check_form(path: Path) -> None:
    """`UserError` unless an address trace can be written there."""
    check_output(path)
    if path.suffix not in FORMS:
        raise UserError("name an address trace *.ldst or *.rw", file=path)


def requests(
    program: Program, symbols: Mapping[str, int], entry: str, window: str = ""
) -> list[Request]:
    """What a run asks of HBM, of instructions from nodes whose names begin with the window."""
    walk, turns = Walk(program, symbols, entry), Turns(program)
    found: list[tuple[int, tuple[int, ...], Request]] = []
    for pc, inst, work, _ in walk.run(FUEL):
        at = turns.at(pc)
        if work.far.low < work.far.high:
            access = next(a for a in inst.accesses(walk.registers) if a.hbm)
            found.append((pc, at, _request(access, program.target)))
    layers = Layers(program, turns)
    return [
        request
        for pc, at, request in found
        if not window or any(name.startswith(window) for name in layers.nodes(pc, at))
    ]


def _request(access: Access, target: Target) -> Request:
    pattern = pattern_of(access, target)
    if pattern.indexed:
        *inner, (_, chosen) = pattern.outer
        apart = access.reach // max(1, chosen - 1) // access.itemsize * access.itemsize
        pattern = replace(pattern, outer=(*inner, (apart, chosen)))
    return Request(pattern, access.bounds()[0], access.reads)


def write_addresses(
    program: Program, symbols: Mapping[str, int], entry: str, path: Path, window: str = ""
) -> int:
    """Write a trace, whole or not at all; how many lines. `UserError` where that cannot be."""
    check_form(path)
    found = requests(program, symbols, entry, window)
    if not found:
        raise UserError(f"nothing from nodes that begin with {window!r} touches HBM", file=path)
    size = program.target.hbm_burst_bytes
    total = sum(r.pieces * -(-r.pattern.run // size) for r in found)
    if total > MOST_LINES:
        hint = "name a node with --window"
        raise UserError(f"{total} bursts are more than {MOST_LINES} lines; {hint}", file=path)
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as file:
        for request in found:
            lines = list(_lines(request, program.target, path.suffix))
            file.writelines(lines)
            count += len(lines)
    return count


def _lines(request: Request, target: Target, form: str) -> Iterator[str]:
    numbers, _ = bursts_of(request.pattern, request.pieces, target, request.low)
    where = _flat(numbers, target) if form == ".ldst" else _placed(numbers, target)
    directions = [False] * request.reads + [True] * request.pattern.writes
    read, write = ("LD", "ST") if form == ".ldst" else ("R", "W")
    for is_write in directions:
        yield from (f"{write if is_write else read} {text}\n" for text in where)


def _flat(numbers: Ints, target: Target) -> list[str]:
    return [f"0x{number * target.hbm_burst_bytes:x}" for number in numbers.tolist()]


def _placed(numbers: Ints, target: Target) -> list[str]:
    rows = zip(*(part.tolist() for part in places(numbers, target)), strict=True)
    return [f"{c // 2},{c % 2},0,{g},{b},{row},{column}" for c, g, b, row, column in rows]
