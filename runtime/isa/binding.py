"""How a data instruction meets its machine: decoded once, resolved per set of register values.

What an instruction does is one function, its `maker`: it takes the operands as strided arrays and
returns a call without arguments. Both paths call it, so they cannot differ in what they compute.

* The reference resolves operands to views by `strided`, checks before the first run of a set of
  register values that what it reads is initialised, and marks what it wrote. After a reset it
  checks again.
* The fast path keeps no shadow. It remembers the call for register values across runs, and lets
  numpy's constructor decide whether an operand stays within its memory. Alignment and signs are one
  test of all numbers together. Whatever is not plainly right goes to `strided`, which traps or,
  where the stride of a single element looked wrong, does not. Where only axis 3 has more than one
  element, element-wise instructions work on vectors, on which numpy needs no iterator.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from runtime.device.machine import Machine
from runtime.device.regions import POINT_LIMIT, Array, Region, View
from runtime.isa.fields import Four, Operand
from runtime.traps import Trap, TrapKind

# Register values for which an instruction remembers its call; an entry takes about 1 KiB.
PLAN_LIMIT = 4096

# Strides and positions from here on are left to `strided`: below, no sum over at most POINT_LIMIT
# points overflows in numpy.
PLAIN_LIMIT = 1 << 31
ONES = (1, 1, 1)

Step = Callable[[], int]
Run = Callable[[], None]
Maker = Callable[..., Run]
Resolver = Callable[[Four], Array]


def applying(call: Callable[..., None], *more: object) -> Maker:
    """A maker whose call takes the arrays in the order of their slots behind `more`."""
    return partial(partial, call, *more)


class Bound(Protocol):
    """What binding needs of a data instruction."""

    def reads(self) -> tuple[int, ...]:
        """Registers read."""
        ...

    def viewed(self) -> tuple[str, ...]:
        """Names of the operands that the maker takes as arrays."""
        ...

    def operand(self, name: str) -> Operand:
        """An operand by name."""
        ...

    def in_hbm(self, name: str) -> bool:
        """Whether an operand lies in HBM."""
        ...

    def direction(self, name: str) -> tuple[bool, bool]:
        """Whether an operand is read when the instruction executes, and whether it is written."""
        ...

    def is_elementwise(self) -> bool:
        """Whether the maker takes arrays of any rank, the same for all."""
        ...

    def shape_reader(self) -> Callable[[Sequence[int]], tuple[Four, ...]]:
        """The extents of the viewed operands for register values."""
        ...

    def maker(self, machine: Machine) -> Maker:
        """The function from arrays to a call."""
        ...


def bind(inst: Bound, machine: Machine, following: int) -> Step:
    """A step that executes the instruction and returns the next pc."""
    if machine.reference:
        return _bind_reference(inst, machine, following)
    return _bind_fast(inst, machine, following)


def _key_reader(inst: Bound) -> Callable[[Sequence[Any]], Any]:
    """The values that a call depends on; r0 never changes."""
    registers = sorted({*inst.reads()} - {0})
    return itemgetter(*registers, *[0] * (2 - len(registers)))


class Plan:
    """An instruction of the reference with its register values resolved to views."""

    __slots__ = ("results", "run", "sources")

    def __init__(self, run: Run, sources: Sequence[View], results: Sequence[View]) -> None:
        self.run = run
        self.sources = sources
        self.results = results

    def first(self) -> None:
        """Run with the checks that later runs need not repeat: memory never loses a value."""
        for view in self.sources:
            view.require_initialised()
        self.run()
        for view in self.results:
            view.mark()


def _bind_reference(inst: Bound, machine: Machine, following: int) -> Step:
    read = _key_reader(inst)
    registers = machine.registers
    ready: dict[Any, Run] = {}
    plans: dict[Any, Plan] = {}
    machine.ready.append(ready)
    make, shapes = inst.maker(machine), inst.shape_reader()

    def first(key: Any) -> None:
        plan = plans.get(key)
        if plan is None:
            if None in key:
                _refuse_unset(inst, machine)
            if len(plans) >= PLAN_LIMIT:
                plans.clear()
                ready.clear()
            plan = plans[key] = resolve(inst, machine, make, shapes(registers))
        plan.first()
        ready[key] = plan.run

    def step() -> int:
        key = read(registers)
        run = ready.get(key)
        if run is None:
            first(key)
        else:
            run()
        return following

    return step


def _refuse_unset(inst: Bound, machine: Machine) -> None:
    for register in inst.reads():
        if machine.registers[register] is None:
            raise Trap(TrapKind.UNINITIALISED, f"r{register} is read before it is written")


def resolve(inst: Bound, machine: Machine, make: Maker, shapes: tuple[Four, ...]) -> Plan:
    """The plan of the reference for the current register values."""
    names = inst.viewed()
    views = [_view(inst, machine, n, s) for n, s in zip(names, shapes, strict=True)]
    sources = [v for v, n in zip(views, names, strict=True) if inst.direction(n)[0]]
    results = [v for v, n in zip(views, names, strict=True) if inst.direction(n)[1]]
    return Plan(make(*(view.array for view in views)), sources, results)


def _view(inst: Bound, machine: Machine, name: str, shape: Four) -> View:
    """The elements of an operand, with every check."""
    operand, registers = inst.operand(name), machine.registers
    a, b, c, d = operand.strides
    strides: Four = (registers[a], registers[b], registers[c], registers[d])
    place = machine.hbm_view if inst.in_hbm(name) else machine.lmu_view
    view = place(registers[operand.base], shape, strides, operand.type)
    if inst.direction(name)[1]:
        view.require_writable()
    return view


def _bind_fast(inst: Bound, machine: Machine, following: int) -> Step:
    read = _key_reader(inst)
    registers = machine.registers
    ready: dict[Any, Run] = {}
    known = ready.get
    prepare = _preparer(inst, machine)

    def step() -> int:
        key = read(registers)
        run = known(key)
        if run is None:
            if None in key:
                _refuse_unset(inst, machine)
            if len(ready) >= PLAN_LIMIT:
                ready.clear()
            run = prepare()
            run()
            ready[key] = run
            return following
        run()
        return following

    return step


def _preparer(inst: Bound, machine: Machine) -> Callable[[], Run]:
    """The call for the current register values, by the number of arrays that the maker takes."""
    registers, make, shapes = machine.registers, inst.maker(machine), inst.shape_reader()
    resolvers = [_resolver(inst, machine, name) for name in inst.viewed()]

    def prepare_any() -> Run:
        pairs = zip(resolvers, shapes(registers), strict=True)
        return make(*[resolve(shape) for resolve, shape in pairs])

    def prepare_one() -> Run:
        (a,) = shapes(registers)
        return make(first(a))

    def prepare_two() -> Run:
        a, b = shapes(registers)
        return make(first(a), second(b))

    def prepare_three() -> Run:
        a, b, c = shapes(registers)
        return make(first(a), second(b), third(c))

    if len(resolvers) == 1:
        (first,) = resolvers
        return prepare_one
    if len(resolvers) == 2:
        first, second = resolvers
        return prepare_two
    if len(resolvers) == 3:
        first, second, third = resolvers
        return prepare_three
    return prepare_any


def _resolver(inst: Bound, machine: Machine, name: str) -> Resolver:
    """The array of an operand for given extents."""
    in_hbm, written = inst.in_hbm(name), inst.direction(name)[1]
    slow = partial(_slowly, inst, machine, name)
    if in_hbm and written:
        return _plain(inst, machine, name, machine.arena, slow)
    if in_hbm:
        arena = _plain(inst, machine, name, machine.arena, slow)
        params = _plain(inst, machine, name, machine.params, slow)
        registers, base, low = machine.registers, inst.operand(name).base, machine.arena.base
        return lambda shape: (arena if registers[base] >= low else params)(shape)
    return _plain(inst, machine, name, machine.lmu, slow)


def _slowly(inst: Bound, machine: Machine, name: str, shape: Four) -> Array:
    view = _view(inst, machine, name, shape)
    if inst.direction(name)[1] and view.array.size:
        view.region.touch(view.low, view.high)
    return view.array[0, 0, 0] if inst.is_elementwise() and shape[:3] == ONES else view.array


def _plain(inst: Bound, machine: Machine, name: str, region: Region, slow: Resolver) -> Resolver:
    """Views of one region where all is plain, otherwise what `slow` says."""
    operand, written = inst.operand(name), inst.direction(name)[1]
    dtype, base = operand.type.dtype, operand.base
    strides_of = itemgetter(*operand.strides)
    suspect = -PLAIN_LIMIT | (operand.type.itemsize - 1)
    registers, ndarray = machine.registers, np.ndarray
    buffer, origin, size = region.buffer, region.base, operand.type.itemsize
    elementwise, image = inst.is_elementwise(), region.image
    if not region.data.size:
        return slow

    def resolve(shape: Four) -> Array:
        a, b, c, d = strides = strides_of(registers)
        start = registers[base] - origin
        if (start | a | b | c | d) & suspect:
            return slow(shape)
        e, f, g, h = shape
        try:
            if elementwise and e == f == g == 1:
                array = ndarray(h, dtype, buffer, start, (d,))
            else:
                array = ndarray(shape, dtype, buffer, start, strides)
        except ValueError:
            return slow(shape)
        if not 0 < array.size <= POINT_LIMIT:
            return slow(shape)
        if written or image is not None:
            end = start + (e - 1) * a + (f - 1) * b + (g - 1) * c + (h - 1) * d + size
            if image is not None:
                image.require(start, end)
            elif start + origin < region.low or end + origin > region.high:
                region.touch(start + origin, end + origin)
        return array

    return resolve
