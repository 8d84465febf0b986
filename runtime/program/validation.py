"""Checks that code, interface and target agree, made before anything executes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.errors import Invalid
from runtime.isa.meant import Meant
from runtime.isa.spec import Inst
from runtime.program.bounds import Bounds, elements_of, memory_bytes
from runtime.program.interface import Interface, Port, device_symbols
from runtime.program.ports import check_interface
from runtime.program.provenance import Provenance
from runtime.program.structure import REGISTERS, Structure, structure_of
from runtime.sharding import MAX_DEVICES, is_ring
from runtime.target import Target

if TYPE_CHECKING:
    from runtime.ring.checks.load import Start

MOST_ENTRIES = 16


def validate(
    code: Sequence[Inst], entries: Sequence[tuple[str, Interface]], target: Target, devices: int = 1
) -> Bounds:
    """What a run can take at most; Invalid with one sentence unless every entry is sound."""
    if not is_ring(devices):
        raise Invalid(f"a program for {devices} devices: no power of two up to {MAX_DEVICES}")
    structure = structure_of(code, max(REGISTERS, target.registers))
    _check_registers(structure, target)
    _check_entries(entries)
    (_, step), *_ = entries
    for name, interface in entries:
        start = structure.index.get(interface.pc)
        if start is None:
            raise Invalid(f"entry {name!r} starts at {interface.pc}, where no instruction is")
        if structure.within[start] is not None:
            raise Invalid(f"entry {name!r} starts at {interface.pc}, within a loop")
        check_interface(interface, target, devices)
    most = {name: elements_of(structure, interface, target) for name, interface in entries}
    return Bounds(most, memory_bytes(step, target))


def _check_entries(entries: Sequence[tuple[str, Interface]]) -> None:
    """Names and memory of the entries, of which there are few."""
    if len(entries) > MOST_ENTRIES:
        raise Invalid(f"{len(entries)} entries are more than {MOST_ENTRIES}")
    names = [name for name, _ in entries]
    for name, interface in entries:
        if not name or names.count(name) > 1:
            raise Invalid(f"the entry {name!r} stands twice or has no name")
        if interface.memory != entries[0][1].memory:
            raise Invalid(f"entry {name!r} and {names[0]!r} differ in the size of memory")


def _check_registers(structure: Structure, target: Target) -> None:
    if target.registers == REGISTERS:
        return
    for at, inst in enumerate(structure.code):
        highest = max((*inst.reads(), *inst.writes()), default=0)
        if highest >= target.registers:
            raise Invalid(
                f"{structure.name(at)} uses r{highest}, {target.name} has {target.registers}"
            )


def check_ring(
    code: Sequence[Inst], entries: Sequence[tuple[str, Interface]], provenance: Provenance,
    target: Target, devices: int, meant: Meant,
) -> None:  # fmt: skip
    """Raise Unsafe unless devices in a ring can run every entry of a valid program."""
    from runtime.ring.checks.load import check

    starts = [_start(interface, devices, meant.get(name)) for name, interface in entries]
    check(code, starts, provenance.nodes_at, target, devices)


def _start(interface: Interface, devices: int, meant: Sequence[str] | None) -> Start:
    from runtime.ring.checks.load import Start

    registers = {symbol.name: symbol.register for symbol in interface.symbols}
    neighbours = device_symbols(interface, 0, devices)
    return Start(
        pc=interface.pc,
        numbers=dict(interface.registers),
        ranges={symbol.register: (symbol.lower, symbol.upper) for symbol in interface.symbols},
        neighbours={registers[name]: j for name, j in neighbours.items()},
        private=interface.arena_base,
        alike=[_bytes(port, interface) for port in interface.inputs if _is_alike(port)],
        names={register: name for name, register in registers.items()},
        meant=meant,
    )


def _is_alike(port: Port) -> bool:
    """Whether the host gives all devices the same."""
    return port.sharding is None or port.sharding.is_whole


def _bytes(port: Port, interface: Interface) -> tuple[int, int]:
    """The bytes of the arena in which an input lies at most."""
    extents = port.extents(interface.greatest)
    if 0 in extents:
        return port.address, port.address
    reach = sum((e - 1) * s for e, s in zip(extents, port.byte_strides(), strict=True))
    return port.address, port.address + reach + port.storage.itemsize
