"""Maps of the memories of a program: what lies where in HBM, and the LMU in the course of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np

from lpuc.errors import printable
from lpuc.reports.lines import size
from lpuc.reports.liveness import Liveness, liveness
from lpuc.reports.prediction import FUEL, ends
from lpuc.reports.program import clipped, pattern
from runtime.program.interface import Interface, Port
from runtime.program.program import Program
from runtime.traps import Trap

COLUMNS = 64
ROWS = 8
HOLDERS = 5
CACHE = ("past", "present")
Row = tuple[int, int, str]
"""Address, bytes and what lies there."""


def memory_maps(program: Program, most: int | None = None) -> str:
    """Both maps, for a terminal."""
    return "\n".join([*hbm_map(program), "", *lmu_map(program, most)])


def hbm_map(program: Program) -> list[str]:
    """Lines: parameters, cache, other ports, temporaries, and what is free."""
    interface, target = program.interface, program.target
    taken = [(0, interface.params_size, "parameters")] if interface.params_size else []
    ports = _port_rows(interface)
    for name, other in program.others:
        ports += [row for row in _port_rows(other, f"{name}: ") if not _meets(row, ports)]
    end = interface.hbm_bytes
    rest = interface.arena_size - sum(nbytes for _, nbytes, _ in ports)
    lines = [f"HBM, {size(target.hbm_bytes)}", _line("address", "bytes", "")]
    lines += [_line(str(at), size(nbytes), text) for at, nbytes, text in sorted([*taken, *ports])]
    lines += [_line("", size(rest), "temporaries, and gaps between what is above")] * (rest > 0)
    return [*lines, _line("", size(target.hbm_bytes - end), f"free, from {end} on")]


def _line(at: str, nbytes: str, text: str) -> str:
    return clipped(f"  {at:>12}  {nbytes:>10}  {text}".rstrip())


def _meets(row: Row, others: Iterable[Row]) -> bool:
    at, nbytes, _ = row
    return any(at < first + count and first < at + nbytes for first, count, _ in others)


def _port_rows(interface: Interface, prefix: str = "") -> list[Row]:
    """Ports at the same place are one row, and so are those whose names differ in numbers alone."""
    upper = interface.greatest
    places: dict[int, list[Port]] = {}
    for port in (*interface.inputs, *interface.outputs):
        places.setdefault(port.address, []).append(port)
    groups: dict[str, list[list[Port]]] = {}
    for ports in places.values():
        named = ports[:1] if ports[0].role in CACHE else ports
        names = " and ".join(dict.fromkeys(pattern(port.name) for port in named))
        groups.setdefault(names, []).append(ports)
    return [_group(prefix + names, members, upper) for names, members in groups.items()]


def _group(names: str, members: Sequence[Sequence[Port]], upper: dict[str, int]) -> Row:
    largest = max(members[0], key=lambda port: port_bytes(port, upper))
    extents = ", ".join(map(str, largest.local(largest.extents(upper))))
    times = f"{len(members)} x " if len(members) > 1 else ""
    kept = "cache " if largest.role in CACHE else ""
    nbytes = sum(max(port_bytes(port, upper) for port in ports) for ports in members)
    text = f"{kept}{names}: {times}{largest.storage.value}[{extents}]"
    return (min(ports[0].address for ports in members), nbytes, text)


def port_bytes(port: Port, symbols: dict[str, int]) -> int:
    """Bytes from the first to behind the last element of a port, or of the part of a device."""
    extents = port.local(port.extents(symbols))
    if 0 in extents:
        return 0
    pairs = zip(extents, port.byte_strides(), strict=True)
    return sum((extent - 1) * abs(stride) for extent, stride in pairs) + port.storage.itemsize


def lmu_map(program: Program, most: int | None = None) -> list[str]:
    """Lines: how full the LMU is, with what at the peak, and a picture over the run."""
    symbols = ends(program)[-1]
    title = f"LMU, {size(program.target.lmu_bytes)}"
    try:
        found = liveness(program, symbols, FUEL, most)
    except Trap as trap:
        return [f"{title}: nothing, {printable(trap.message)}"]
    if not found.born.size:
        return [f"{title}: not used"]
    values = ", ".join(f"{printable(name)} = {value}" for name, value in symbols.items())
    run = f"one run of step{', ' if values else ''}{values}: {len(found.steps)} instructions use it"
    return [f"{title}, {run}", *_peak(program, found), "", *_picture(found)]


def _peak(program: Program, found: Liveness) -> list[str]:
    step, lmu = found.peak, program.target.lmu_bytes
    most, (pc, inst) = int(found.in_use[step]), found.steps[step]
    resident, spilled = found.resident(step), found.spilled(step)
    where = f"at number {step + 1}: {inst.MNEMONIC} of word {pc}"
    lines = [
        f"  peak        {size(most)}, {most / lmu:.1%}, {where}",
        f"  of which    {_shares(most, resident, spilled)}",
    ]
    mnemonics = dict(found.steps)
    for i, (writer, nbytes) in enumerate(found.bytes_by_writer(step).most_common(HOLDERS)):
        nodes = ", ".join(map(printable, program.provenance.nodes_at(writer))) or "no node"
        text = f"{mnemonics[writer].MNEMONIC} of word {writer}: {nodes}"
        lines.append(clipped(f"  {'' if i else 'written by':10}  {size(nbytes):>10}  {text}"))
    return lines


def _shares(most: int, resident: int, spilled: int) -> str:
    parts = [
        (resident, "resident, for over half of the run"),
        (spilled, "spilled scalars"),
        (most - resident - spilled, "tiles"),
    ]
    return ", ".join(f"{size(nbytes)} {name}" for nbytes, name in parts if nbytes)


def _picture(found: Liveness) -> list[str]:
    """Ranges of addresses from top to bottom, the run from left to right."""
    each = ceil(found.extent / ROWS)
    steps = len(found.steps)
    starts = np.unique(np.arange(COLUMNS) * steps // COLUMNS)
    lines = [
        f"  {'address':>10}  from first to last; in use: . up to a half, - more, # all of a range"
    ]
    for low in range(0, found.extent, each):
        high = min(low + each, found.extent)
        most = np.maximum.reduceat(found.within(low, high), starts)
        cells = "".join(_cell(int(count) / (high - low)) for count in most)
        lines.append(f"  {size(low * found.granule):>10} |{cells}|")
    return lines


def _cell(share: float) -> str:
    if share in (0, 1):
        return "#" if share else " "
    return "." if share <= 0.5 else "-"
