"""How much a run can execute and how much memory it takes, at most.

An instruction counts its points, one without points and one of the control processor count 1. The
bound of an entry is what one walk over its code adds up: each instruction that can be reached, as
often as the loops around it can turn, with the largest extents that the ranges of the symbols
allow. No run executes more, so the bound is also the fuel that every run may use.

Ranges follow registers, and scalars that `sts` keeps in the LMU for `lds` where no instruction on
data can write. What else `lds` loads is data, and may bound neither a loop nor an extent.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from runtime.errors import Invalid
from runtime.isa.accesses import Access
from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Li
from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import DataInst, Inst, Unit
from runtime.order.deadlock import Flow, refuse_deadlocks
from runtime.order.panels import panel_bytes
from runtime.order.ranges import Range as Bytes
from runtime.program.interface import Interface
from runtime.program.ranges import (
    ANYTHING,
    HIGHEST,
    LOWEST,
    ZERO,
    Range,
    State,
    execute,
    forget,
    join,
)
from runtime.program.structure import Counted, Structure
from runtime.target import Target

MOST_ELEMENTS = 1 << 62
LONGEST_EXTENT = 1 << 31
MOST_WAITING = 1 << 10
"""Branches that may cross each other; each holds the ranges of all registers."""


class Bounds(NamedTuple):
    """What a run of each entry executes at most, by name, and the bytes of device memory."""

    elements: dict[str, int]
    memory: int

    def to_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"elements": self.elements, "memory": self.memory}


def elements(inst: Inst, registers: Sequence[int]) -> int:
    """What one execution of an instruction counts, for the values of registers."""
    if not isinstance(inst, DataInst):
        return 1
    extents: tuple[int, ...] = getattr(inst, "extents")  # noqa: B009
    return max(1, prod(max(0, registers[r]) for r in extents))


def memory_bytes(interface: Interface, target: Target) -> int:
    """Bytes of device memory: parameters, arena and LMU."""
    return interface.hbm_bytes + target.lmu_bytes


def elements_of(structure: Structure, interface: Interface, target: Target) -> int:
    """The most elements that a run of an entry executes; Invalid when nothing bounds them.

    Invalid, too, when the run could block for ever on its way to memory (`runtime.order`).
    """
    walk = _Walk(structure, interface, structure.slots)
    if structure.slots and walk.overwritten:
        walk = _Walk(structure, interface, {})
    refuse_deadlocks(_flow(walk), structure.index[interface.pc], target)
    return walk.total


def _entered(structure: Structure, interface: Interface) -> State:
    state: State = [ANYTHING] * (structure.registers + len(structure.slots))
    state[0] = ZERO
    for register, value in interface.registers:
        state[register] = (value, value)
    for symbol in interface.symbols:
        state[symbol.register] = (symbol.lower, symbol.upper)
    return state


class _Walk:
    """One way over the code of an entry, from top to bottom, for all runs at once.

    Before a loop everything its body writes is forgotten, so that what holds in the first turn
    holds in all. `slots` are trusted to hold what `sts` put there; `overwritten` says whether an
    instruction on data may break that.
    """

    def __init__(self, structure: Structure, interface: Interface, slots: dict[int, int]) -> None:
        self.structure = structure
        self.slots = slots
        self.total = 0
        self.times = 1
        self.overwritten = False
        self.moved: dict[int, tuple[Bytes, int]] = {}
        self.drains: set[int] = set()
        self.turns: dict[int, int] = {}
        self.waiting: dict[int, State] = {}
        self.open: list[tuple[Counted, int, Range]] = []
        self.state: State | None = _entered(structure, interface)
        self._run(structure.index[interface.pc])

    def _run(self, at: int) -> None:
        code, loops = self.structure.code, self.structure.loops
        while self.state is not None or self.waiting:
            self._arrive(at)
            starting = loops.get(at, ())
            if starting and self.state is None:
                at = starting[0].tail + 1
                continue
            for loop in starting:
                self._enter(loop)
            if self.state is not None:
                self._execute(at, code[at], self.state)
            if self.open and self.open[-1][0].tail == at:
                self._leave()
            at += 1

    def _send(self, at: int, state: State) -> None:
        """A branch: what holds now may hold at its goal."""
        goal = self.structure.goals[at]
        known = self.waiting.get(goal)
        self.waiting[goal] = list(state) if known is None else join(known, state)
        if len(self.waiting) > MOST_WAITING:
            raise Invalid(f"{self.structure.name(at)} is one branch too many across each other")

    def _arrive(self, at: int) -> None:
        """Where branches end: what holds is what held at one of them, or before."""
        sent = self.waiting.pop(at, None)
        if sent is not None:
            self.state = sent if self.state is None else join(self.state, sent)

    def _execute(self, at: int, inst: Inst, state: State) -> None:
        self.total += self.times * self._elements(at, inst, state)
        if self.total > MOST_ELEMENTS:
            raise Invalid(f"a run may execute more than {MOST_ELEMENTS} elements")
        if isinstance(inst, Halt):
            self.state = None
        elif isinstance(inst, Bge | Jump):
            self._send(at, state)
            self.state = state if isinstance(inst, Bge) else None
        else:
            execute(inst, state, self.slots)

    def _elements(self, at: int, inst: Inst, state: State) -> int:
        if not isinstance(inst, DataInst):
            return 1
        extents: tuple[int, ...] = getattr(inst, "extents")  # noqa: B009
        most = [max(0, state[register][1]) for register in extents]
        if max(most) > LONGEST_EXTENT:
            register = next(r for r in extents if state[r][1] > LONGEST_EXTENT)
            raise Invalid(
                f"{self.structure.name(at)} has the extent r{register}, which nothing bounds"
            )
        if inst.HBM:
            self.moved[at] = _moved(inst, state)
        elif inst.UNIT is Unit.SXE:
            self.drains.add(at)
        if self.slots and not self.overwritten:
            self.overwritten = _overwrites(inst, state, self.slots)
        return max(1, prod(most))

    def _enter(self, loop: Counted) -> None:
        state, name = self.state, self.structure.name(loop.tail)
        assert state is not None
        counter, step = loop.loop.rd, loop.loop.step
        (low, high), (least, most) = state[counter], self._bound(loop, state)
        last = max(high, most - 1)
        is_lost = loop.is_kept and not self.slots
        if low == LOWEST or most == HIGHEST or last + step > HIGHEST or is_lost:
            register = loop.loop.rb if most == HIGHEST else counter
            raise Invalid(f"{name} may turn for ever: nothing bounds r{register}")
        self.open.append((loop, self.times, (max(low + step, least), last + step)))
        self.turns[loop.tail] = max(1, -(-(most - low) // step))
        self.times *= self.turns[loop.tail]
        forget(state, loop.written)
        state[counter] = (low, last)

    def _bound(self, loop: Counted, state: State) -> Range:
        if isinstance(loop.reload, Li):
            return (loop.reload.value, loop.reload.value)
        if isinstance(loop.reload, Lds):
            slot = self.slots.get(loop.reload.address)
            return ANYTHING if slot is None else state[slot]
        return state[loop.loop.rb]

    def _leave(self) -> None:
        loop, self.times, counter = self.open.pop()
        if self.state is not None:
            self.state[loop.loop.rd] = counter


def _flow(walk: _Walk) -> Flow:
    """What the walk found of memory and of control flow."""
    code, structure = walk.structure.code, walk.structure
    streams = {at for at in walk.moved if isinstance(code[at], Stream)}
    return Flow(
        [structure.name(at) for at in range(len(code))],
        {at: walk.moved[at][0] for at in streams},
        {at: walk.moved[at][1] for at in streams},
        {at: touched for at, (touched, _) in walk.moved.items() if touched.writes},
        frozenset(walk.drains),
        {head: [loop.tail for loop in loops] for head, loops in structure.loops.items()},
        walk.turns,
        structure.goals,
        frozenset(at for at, inst in enumerate(code) if isinstance(inst, Halt | Jump)),
    )


def _moved(inst: DataInst, state: State) -> tuple[Bytes, int]:
    """The bytes of HBM that an instruction may touch, and how many it moves at most."""
    lowest, highest = [low for low, _ in state], [high for _, high in state]
    (least,), (most,) = (
        [access for access in inst.accesses(registers) if access.hbm]
        for registers in (lowest, highest)
    )
    if least == most:
        return Bytes(*most.bounds(), most.writes), panel_bytes(most)
    if min(most.extents) <= 0:
        return Bytes(most.base, most.base, most.writes), 0
    low = _lowest(least, most)
    high = most.bounds()[1] + max(0, least.reach - most.reach)
    return Bytes(low, high, most.writes), min(prod(most.extents) * most.itemsize, high - low)


def _lowest(least: Access, most: Access) -> int:
    """The first byte that an operand may touch."""
    pairs = zip(most.extents, least.strides, strict=True)
    return least.base + sum(max(0, e - 1) * min(0, s) for e, s in pairs)


def _overwrites(inst: DataInst, state: State, slots: dict[int, int]) -> bool:
    """Whether an instruction may write an address that holds a scalar."""
    lowest, highest = [low for low, _ in state], [high for _, high in state]
    first, last = min(slots), max(slots) + 8
    for least, most in zip(inst.accesses(lowest), inst.accesses(highest), strict=True):
        written = most.writes and not most.hbm
        if written and _lowest(least, most) < last and first < most.bounds()[1]:
            return True
    return False
