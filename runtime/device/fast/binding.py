"""The fast path: what an instruction does, prepared once for each set of register values.

    step = bind(inst, slot=7, following=2)      # reads no device
    pc = step(device)

A data instruction looks up the values of its registers among the calls that the device remembers
under the instruction's `slot`, and what it finds is a numpy call with its arrays in place. What is
new is prepared: operands become arrays (`views`), and the instruction's maker, of the module of its
family, turns them into a call without arguments.

This path keeps registers, bounds, alignment, types, FIFO and read-only parameters as the
specification has them, and no knowledge of what was written: such memory reads as NaN.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from runtime.device.device import Device
from runtime.device.fast import elementwise, indexed, matrix, net, reduction, transfers
from runtime.device.fast.control import bind_control
from runtime.device.fast.making import Maker, Run
from runtime.device.fast.views import Resolver, resolver
from runtime.isa.spec import CtrlInst, DataInst, Inst
from runtime.traps import Trap, TrapKind

Step = Callable[[Device], int]
Find = Callable[[Device], Run]

MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {
    **elementwise.MAKERS, **indexed.MAKERS, **matrix.MAKERS, **net.MAKERS, **reduction.MAKERS,
    **transfers.MAKERS,
}  # fmt: skip
ELEMENTWISE = elementwise.ANY_RANK | net.ANY_RANK | transfers.ANY_RANK


def bind(inst: Inst, slot: int, following: int) -> Step:
    """A step that executes the instruction on a device and returns the next pc."""
    if isinstance(inst, CtrlInst):
        return bind_control(inst, following)
    assert isinstance(inst, DataInst)
    return bind_data(inst, slot, following).step


class Bound(NamedTuple):
    """A data instruction: `step` executes it, `find` gives the call that does."""

    step: Step
    find: Find


def bind_data(inst: DataInst, slot: int, following: int) -> Bound:
    """A data instruction, whose calls a device remembers under a slot."""
    registers_of = sorted({*inst.reads()} - {0})
    # r0 never changes; with two of them a single register's value is a tuple, too.
    read = itemgetter(*registers_of, *[0] * (2 - len(registers_of)))
    prepare = _preparer(inst)

    def step(device: Device) -> int:
        key = read(device.registers)
        run = device.ready[slot].get(key)
        if run is None:
            if None in key:
                refuse_unset(inst, device)
            run = prepare(device)
            run()
            device.remember(slot, key, run)
            return following
        run()
        return following

    def find(device: Device) -> Run:
        key = read(device.registers)
        run = device.ready[slot].get(key)
        if run is None:
            run = prepare(device)
            device.remember(slot, key, run)
        return run

    return Bound(step, find)


def refuse_unset(inst: Inst, device: Device) -> None:
    """Trap for the first register that the instruction reads and that holds nothing."""
    for register in inst.reads():
        if device.registers[register] is None:
            message = f"r{register} is read before it is written"
            raise Trap(TrapKind.UNINITIALISED, message)


def _preparer(inst: DataInst) -> Callable[[Device], Run]:
    """The call for the current register values."""
    general, direct = _by_arrays(inst), transfers.DIRECT.get(type(inst))
    if direct is None:
        return general
    find = direct(inst)

    def prepare(device: Device) -> Run:
        return find(device) or general(device)

    return prepare


def _by_arrays(inst: DataInst) -> Callable[[Device], Run]:
    """The same by the number of arrays that the maker takes."""
    make, shapes = MAKERS[type(inst)](inst), inst.shape_reader()
    is_elementwise = type(inst) in ELEMENTWISE
    resolvers = [resolver(inst, name, is_elementwise) for name in inst.viewed()]
    if len(resolvers) == 2:
        return _of_two(make, shapes, *resolvers)
    if len(resolvers) == 3:
        return _of_three(make, shapes, *resolvers)
    return partial(_of_any, make, shapes, resolvers)


Shapes = Callable[[Sequence[int]], tuple[Any, ...]]


def _of_any(make: Maker, shapes: Shapes, resolvers: Sequence[Resolver], device: Device) -> Run:
    pairs = zip(resolvers, shapes(device.registers), strict=True)
    return make(device, *[resolve(device, shape) for resolve, shape in pairs])


def _of_two(
    make: Maker, shapes: Shapes, first: Resolver, second: Resolver
) -> Callable[[Device], Run]:
    def prepare(device: Device) -> Run:
        a, b = shapes(device.registers)
        return make(device, first(device, a), second(device, b))

    return prepare


def _of_three(
    make: Maker, shapes: Shapes, first: Resolver, second: Resolver, third: Resolver
) -> Callable[[Device], Run]:
    def prepare(device: Device) -> Run:
        a, b, c = shapes(device.registers)
        return make(device, first(device, a), second(device, b), third(device, c))

    return prepare
