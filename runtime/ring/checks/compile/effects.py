"""What one instruction on data does to what is known, and whether it may."""

from typing import Any

from runtime.isa.fields import Operand
from runtime.isa.instructions.ctrl import Lds, Sts
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.instructions.reduction import TopK
from runtime.ring.checks.compile.links import Links, Message, received, sent
from runtime.ring.checks.compile.operands import LYING, Extents, Lying, topk
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.reading import Reading
from runtime.ring.checks.compile.shapes import Shape, Shapes
from runtime.ring.checks.compile.state import SCALAR_BYTES, State
from runtime.ring.checks.compile.values import HIGHEST, LOWEST, Origin, Symbols, Value

SCALAR = Shape(((SCALAR_BYTES, 1),), 0, SCALAR_BYTES, True, SCALAR_BYTES)
ANYTHING = (LOWEST, HIGHEST)


class Effects:
    """The instructions on data of one program; `messages` counts those that send."""

    def __init__(self, symbols: Symbols, depth: int, report: Report) -> None:
        self.symbols = symbols
        self.shapes = Shapes(symbols)
        self.links = Links(depth, report)
        self.reading = Reading(report)
        self.report = report
        self.messages = 0

    def execute(self, at: int, inst: Any, state: State) -> None:
        """Apply an instruction on data."""
        extents = self._extents(at, inst, state)
        if isinstance(inst, Send):
            self._send(at, inst, extents, state)
        elif isinstance(inst, Recv):
            self._receive(at, inst, extents, state)
        else:
            self._compute(at, self._lying(at, inst, extents, state), state)

    def keep(self, at: int, inst: Sts, state: State) -> None:
        """`sts` keeps a scalar in the LMU."""
        value = state.registers[inst.ra]
        known = self.symbols.unknown if value is None else value
        self._write(at, inst.address, SCALAR, state, self.symbols.origin(known) is Origin.SAME)
        state.kept[inst.address] = known

    def fetch(self, at: int, inst: Lds, state: State) -> None:
        """`lds` loads what was kept, or else data."""
        value = state.kept.get(inst.address)
        if value is None:
            is_same = self.reading.check(state.memory, at, inst.address, SCALAR)
            value = self.symbols.fresh(ANYTHING, Origin.SAME if is_same else Origin.DATA)
        state.registers[inst.rd] = value

    def _compute(self, at: int, lying: Lying, state: State) -> None:
        read, written, is_same = lying
        memory = state.memory
        for operand, extents in read if memory.hulls else ():
            base, shape = self.located(at, operand, extents, state)
            low, high = memory.hull(base, shape)
            is_known = memory.meets(low, high) and self.reading.check(memory, at, base, shape)
            is_same = is_same and is_known
        for operand, extents in written:
            base, shape = self.located(at, operand, extents, state)
            self._write(at, base, shape, state, is_same and bool(memory.hulls))

    def _write(self, at: int, base: Value, shape: Shape, state: State, is_same: bool) -> None:
        memory = state.memory
        low, high = memory.hull(base, shape)
        if state.kept:
            state.drop(low, high)
        if is_same or not isinstance(base, int) or memory.meets(low, high):
            memory.write(at, base, shape, is_same)

    def _send(self, at: int, inst: Send, extents: Extents, state: State) -> None:
        base, shape = self.located(at, inst.src, extents, state)
        message = Message(at, inst, extents, shape, sent(state.memory, base, shape))
        state.queues = self.links.push(state.queues, message)
        self.messages += 1

    def _receive(self, at: int, inst: Recv, extents: Extents, state: State) -> None:
        base, shape = self.located(at, inst.dst, extents, state)
        state.queues, message = self.links.pull(state.queues, at, inst, extents)
        if not shape.span:
            return
        low, high = state.memory.hull(base, shape)
        state.drop(low, high)
        pieces = received(at, message, inst.side, shape, self.symbols.devices)
        state.memory.put(at, base, shape, pieces)

    def _extents(self, at: int, inst: Any, state: State) -> Extents:
        a, b, c, d = self.values(at, "the extent", inst.extents, state)
        return a, b, c, d

    def _lying(self, at: int, inst: Any, extents: Extents, state: State) -> Lying:
        if not isinstance(inst, TopK):
            return LYING[type(inst)](inst, extents)
        (count,) = self.values(at, "the number", (inst.k,), state)
        return topk(inst, extents, count)

    def values(
        self, at: int, what: str, registers: tuple[int, ...], state: State
    ) -> tuple[Value, ...]:
        """Values of registers that are the same on all devices."""
        found: list[Value] = []
        for register in registers:
            value = state.registers[register]
            if type(value) is not int:
                value = self.same(at, Rule.EXTENT, what, register, state)
            found.append(value)
        return tuple(found)

    def located(
        self, at: int, operand: Operand, extents: Extents, state: State
    ) -> tuple[Value, Shape]:
        """The base of an operand and its shape."""
        strides = self.values(at, "the stride", operand.strides, state)
        base = state.registers[operand.base]
        shape = self.shapes.of(operand.type.itemsize, extents, strides)
        return self.symbols.unknown if base is None else base, shape

    def same(self, at: int, rule: Rule, what: str, register: int, state: State) -> Value:
        """The value of a register, which devices must agree in."""
        value = state.registers[register]
        if value is None:
            self.report.refuse(rule, f"{what} r{register} of {{0}} was never written", at)
        origin = self.symbols.origin(value)
        if origin is not Origin.SAME:
            why = "the device" if origin is Origin.DEVICE else "what one device computed"
            words = f"{what} r{register} of {{0}} depends on {why}"
            writer = self.report.writer(at, register)
            if writer is None:
                self.report.refuse(rule, words, at)
            self.report.refuse(rule, words + ": it comes from {1}", at, writer)
        return value
