"""
Change what a function takes and gives: its interface, its type, its arguments and results at once.

Who retypes arguments or results of a function calls `sign`; who moves some of them into states
calls `keep_in_states`; who lowers it to another level calls `become`. Nothing else writes the
interface or the type of a function.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from xdsl.dialects.builtin import FunctionType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from dialects.lpu.interface import (
    Interface,
    InterfaceAttr,
    Resident,
    Value,
    check_interface,
    interface_of,
)
from passes.rewriting.kernel import (
    drop_arguments,
    erase,
    insert,
    locate,
    set_attribute,
    set_operands,
    set_property,
)


def terminator_of(func: FuncOp) -> ReturnOp:
    """The operation that gives the results."""
    last = func.body.block.last_op
    assert isinstance(last, ReturnOp), "a function returns"
    return last


def declare(func: FuncOp, interface: Interface) -> None:
    """Give a function an interface; it must fit."""
    set_attribute(func, "lpu.interface", InterfaceAttr(interface))
    sign(func)


def sign(func: FuncOp) -> None:
    """Give a function the type of its arguments and of what it returns; its interface must fit."""
    check_interface(func)
    results = [value.type for value in terminator_of(func).operands]
    kind = FunctionType.from_lists([a.type for a in func.args], results)
    set_property(func, "function_type", kind)


def become(func: FuncOp, body: Block) -> FuncOp:
    """
    Put in the place of a function what it is at the next level: a body that gives nothing.

    Name, location and attributes stay.
    """
    kind = FunctionType.from_lists([argument.type for argument in body.args], [])
    new = FuncOp(func.sym_name.data, kind, Region(body))
    locate(new, func.location)
    for name, value in func.attributes.items():
        set_attribute(new, name, value)
    insert(new, func)
    erase(func)
    return new


def assign_roles(func: FuncOp, roles: Sequence[str]) -> None:
    """Say what each argument is."""
    interface, given = interface_of(func), iter(roles)
    inputs = [replace(p, role=next(given)) if isinstance(p, Value) else p for p in interface.inputs]
    declare(func, replace(interface, inputs=tuple(inputs)))


def keep_in_states(func: FuncOp, arguments: Collection[int], results: Collection[int]) -> None:
    """Arguments that nothing reads, and results, have become ports of states: remove them."""
    interface, terminator = interface_of(func), terminator_of(func)
    changed = Interface(
        _resident(interface.inputs, arguments), _resident(interface.outputs, results)
    )
    set_operands(terminator, [v for i, v in enumerate(terminator.operands) if i not in results])
    drop_arguments(func.body.block, [func.args[index] for index in arguments])
    declare(func, changed)


def _resident(
    ports: Sequence[Value | Resident], chosen: Collection[int]
) -> tuple[Value | Resident, ...]:
    values = [port for port in ports if isinstance(port, Value)]
    moved = {values[index].name for index in chosen}
    return tuple(Resident(port.name) if port.name in moved else port for port in ports)
