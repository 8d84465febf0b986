"""Structural checks that code, interface and target agree, made before anything executes."""

from collections.abc import Sequence

from runtime.errors import Invalid
from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.ctrl import Halt, Jump
from runtime.isa.kinds import Integer
from runtime.isa.spec import Inst
from runtime.program.interface import Interface, Port
from runtime.target import Target


def validate(
    code: Sequence[Inst], entries: Sequence[tuple[str, Interface]], target: Target
) -> None:
    """Raise Invalid with one sentence unless the program can start at every entry."""
    starts = set(addresses := word_addresses(code))
    _check_code(code, addresses, starts, target)
    names = [name for name, _ in entries]
    for name, interface in entries:
        if not name or names.count(name) > 1:
            raise Invalid(f"the entry {name!r} stands twice or has no name")
        if interface.pc not in starts:
            raise Invalid(f"entry {name!r} starts at {interface.pc}, where no instruction is")
        if interface.memory != entries[0][1].memory:
            raise Invalid(f"entry {name!r} and {names[0]!r} differ in the size of memory")
        _check_interface(interface, target)


def _check_interface(interface: Interface, target: Target) -> None:
    _check_memory(interface, target)
    _check_registers(interface, target)
    for port in (*interface.inputs, *interface.outputs):
        _check_port(port, interface)


def branch_target(inst: Inst) -> int | None:
    """The pc an instruction may branch to, None when it has no target field."""
    for field in inst.LAYOUT:
        if isinstance(field.kind, Integer) and field.kind.target:
            return getattr(inst, field.name)
    return None


def _check_code(
    code: Sequence[Inst], addresses: Sequence[int], starts: set[int], target: Target
) -> None:
    if not code or not isinstance(code[-1], Halt | Jump):
        raise Invalid("the last instruction is neither halt nor jump")
    for pc, inst in zip(addresses, code, strict=True):
        goal = branch_target(inst)
        if goal is not None and goal not in starts:
            raise Invalid(f"{inst.MNEMONIC} at pc {pc} branches to {goal}, where no instruction is")
        highest = max((*inst.reads(), *inst.writes()), default=0)
        if highest >= target.registers:
            raise Invalid(
                f"{inst.MNEMONIC} at pc {pc} uses r{highest}, {target.name} has {target.registers}"
            )


def _check_memory(interface: Interface, target: Target) -> None:
    base, size = interface.arena_base, interface.arena_size
    if min(interface.params_size, base, size) < 0 or base < interface.params_size or base % 64:
        raise Invalid(
            f"an arena of {size} bytes at {base} does not lie 64-byte aligned behind "
            f"{interface.params_size} bytes of parameters"
        )
    if base + size > target.hbm_bytes:
        raise Invalid(f"{base + size} bytes exceed the {target.hbm_bytes} bytes of HBM")


def _check_registers(interface: Interface, target: Target) -> None:
    ids = [r for r, _ in interface.registers] + [s.register for s in interface.symbols]
    for register in ids:
        if not 0 < register < target.registers or ids.count(register) > 1:
            raise Invalid(f"the interface sets r{register}, which it cannot or sets twice")


def _check_port(port: Port, interface: Interface) -> None:
    known = {symbol.name: symbol for symbol in interface.symbols}
    for dim in port.shape:
        if missing := [name for name, _ in dim.terms if name not in known]:
            raise Invalid(f"port {port.name!r} uses the unknown symbol {missing[0]!r}")
    extents = port.extents({symbol.name: symbol.upper for symbol in interface.symbols})
    pairs = zip(extents, port.strides, strict=True)
    reach = sum((extent - 1) * abs(stride) for extent, stride in pairs)
    low, size = port.address, port.storage.itemsize
    end = low + (reach + 1) * size if min(extents, default=1) > 0 else low
    inside = interface.arena_base <= low and end <= interface.arena_base + interface.arena_size
    if not inside or low % size or any(stride < 0 for stride in port.strides):
        raise Invalid(f"port {port.name!r} at bytes {low} to {end} does not lie in the arena")
