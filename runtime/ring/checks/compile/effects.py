"""What one instruction on data does to what is known, and whether it may."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from operator import attrgetter

from runtime.isa.fields import Four, Operand
from runtime.isa.instructions.ctrl import Lds, Sts
from runtime.isa.instructions.gather import Gather, Scatter
from runtime.isa.instructions.memory import Load, Store, Stream
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.instructions.reduction import TopK
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.compile.content.reading import Reading, is_within
from runtime.ring.checks.compile.content.shapes import Shape, Shapes
from runtime.ring.checks.compile.content.tiles import Tiles
from runtime.ring.checks.compile.hbm.staging import Staging
from runtime.ring.checks.compile.hbm.stored import View
from runtime.ring.checks.compile.links import Links, Message, is_known, received, sent
from runtime.ring.checks.compile.operands import COUNTS, LYING, Extents, topk
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.state import SCALAR_BYTES, State
from runtime.ring.checks.compile.values import ANYTHING, Origin, Symbols, Value
from runtime.ring.checks.compile.words import Word

SCALAR = Shape(((SCALAR_BYTES, 1),), 0, SCALAR_BYTES, True, SCALAR_BYTES)

FAR = (Load, Stream, Gather, Store, Scatter)
FarInst = Load | Stream | Gather | Store | Scatter
"""Instructions that have an operand in HBM."""
_extents: Callable[[Inst], Four] = attrgetter("extents")
Lies = tuple[list[tuple[Value, Shape]], list[tuple[Value, Shape]], bool]
"""`operands.Lying` where it is known how operands lie."""


class Effects:
    """The instructions on data of one program; `messages` counts those that send."""

    def __init__(self, symbols: Symbols, depth: int, report: Report) -> None:
        self.symbols = symbols
        self.shapes = Shapes(symbols)
        self._shapes: defaultdict[Extents, dict[object, Shape]] = defaultdict(dict)
        self._lies: dict[tuple[Word, object], Lies] = {}
        self.links = Links(depth, report)
        self.reading = Reading(report)
        self.staging = Staging(self.shapes, report)
        self.tiles = Tiles()
        self.report = report
        self.messages = 0

    def execute(self, at: int, inst: DataInst, word: Word, state: State) -> None:
        """Apply an instruction on data."""
        if isinstance(inst, Send):
            self._send(at, inst, self._extents(inst, state), state)
        elif isinstance(inst, Recv):
            self._receive(at, inst, self._extents(inst, state), state)
        elif isinstance(inst, Stream):
            self._check(at, inst, state)
        else:
            assert word.lay is not None
            key = word, word.lay.firm(word.read(state.registers))
            lies = self._lies.get(key)
            if lies is None:
                lies = self._lies[key] = self._lying(at, inst, state)
            self._compute(at, lies, state)
        if isinstance(inst, FAR) and (isinstance(inst, Store | Scatter) or state.far.is_read):
            self._far(at, inst, self._extents(inst, state), state)

    def _extents(self, inst: DataInst, state: State) -> Extents:
        registers = state.registers
        a, b, c, d = _extents(inst)
        return registers[a], registers[b], registers[c], registers[d]

    def _lying(self, at: int, inst: DataInst, state: State) -> Lies:
        """Where the operands of an instruction lie, of which there are as many on all devices."""
        extents = self._extents(inst, state)
        for name in COUNTS.get(type(inst), ()):
            self.same(at, Rule.EXTENT, f"the {name}", getattr(inst, name), state)
        if isinstance(inst, TopK):
            read, written, is_same = topk(inst, extents, state.registers[inst.k])
        else:
            assert type(inst) in LYING, f"nobody said what {inst.MNEMONIC} touches"
            read, written, is_same = LYING[type(inst)](inst, extents)
        return (
            [self._located(at, operand, of, state) for operand, of in read],
            [self._located(at, operand, of, state) for operand, of in written],
            is_same,
        )

    def _far(self, at: int, inst: FarInst, extents: Extents, state: State) -> None:
        """Operands in HBM, where something is exchanged through it."""
        is_stored = isinstance(inst, Store | Scatter)
        operand = inst.dst if isinstance(inst, Store | Scatter) else inst.src
        base = state.registers[operand.base]
        is_put = is_stored and self.symbols.origin(base) is Origin.DEVICE
        is_whole = isinstance(inst, Store) and self._is_whole(at, inst, extents, state)
        if not (state.far.is_read or state.far.wholes.found or is_put or is_whole):
            return
        strides = tuple(state.registers[register] for register in operand.strides)
        if isinstance(inst, Gather | Scatter):
            rows = (state.registers[inst.limit], state.registers[inst.rowstride])
            extents, strides = (rows[0], *extents), (rows[1], *strides)
        shape = self.shapes.made(operand.type.itemsize, extents, strides)
        view = View(base, shape, (*extents, *strides))
        if not is_stored:
            self.staging.reads.read(state.far, at, view)
        else:
            self.staging.write(state.far, at, view, is_whole)

    def _is_whole(self, at: int, inst: Store, extents: Extents, state: State) -> bool:
        """Whether what is stored is what all devices have exchanged."""
        base, shape = self._located(at, inst.src, extents, state)
        found = state.memory.families_in(*state.memory.hull(base, shape))
        is_same = self.symbols.origin(base) is Origin.SAME
        return is_same and any(is_within(state.memory, f, base, shape) for f in found)

    def hull(self, inst: Inst, operand: Operand, registers: Mapping[int, Value]) -> tuple[int, int]:
        """The addresses that an operand in the LMU may touch; its like was met before."""
        a, b, c, d = _extents(inst)
        extents = (registers[a], registers[b], registers[c], registers[d])
        read, written, _ = (
            topk(inst, extents, registers[inst.k])
            if isinstance(inst, TopK)
            else LYING[type(inst)](inst, extents)
        )
        _, extents = next(view for view in (*read, *written) if view[0] is operand)
        strides = (registers[register] for register in operand.strides)
        shape = self._shapes[extents][*strides, operand.type.itemsize]
        low, high = self.symbols.range(registers[operand.base])
        return low + shape.low, high + shape.low + shape.span

    def keep(self, at: int, inst: Sts, state: State) -> None:
        """`sts` keeps a scalar in the LMU."""
        value = state.registers[inst.ra]
        self._write(at, inst.address, SCALAR, state, self.symbols.origin(value) is Origin.SAME)
        state.kept[inst.address] = value

    def fetch(self, at: int, inst: Lds, state: State) -> None:
        """`lds` loads what was kept, or else data."""
        value = state.kept.get(inst.address)
        if value is None:
            is_same = self.reading.check(state.memory, at, inst.address, SCALAR)
            value = self.symbols.fresh(ANYTHING, Origin.SAME if is_same else Origin.DATA)
        state.registers[inst.rd] = value

    def _compute(self, at: int, lies: Lies, state: State) -> None:
        read, written, is_same = lies
        memory = state.memory
        for base, shape in read:
            if not memory.knows(base, shape) or not self.reading.check(memory, at, base, shape):
                is_same = False
        for base, shape in written:
            self._write(at, base, shape, state, is_same)

    def _write(self, at: int, base: Value, shape: Shape, state: State, is_same: bool) -> None:
        memory = state.memory
        if state.kept:
            state.drop(*memory.hull(base, shape))
        if is_same or type(base) is not int or memory.knows(base, shape):
            memory.write(at, base, shape, is_same)
            self.tiles.add(memory, base, shape)

    def _send(self, at: int, inst: Send, extents: Extents, state: State) -> None:
        base, shape = self._located(at, inst.src, extents, state)
        if is_known(state.memory, base, shape, inst.side):
            before = (k for k in range(at - 1, -1, -1) if isinstance(self.report.code[k], Recv))
            words = "{0} sends what its neighbour has since {1}: nothing new was put there"
            self.report.refuse(Rule.CONTENT, words, at, next(before, at))
        message = Message(at, inst, extents, shape, sent(state.memory, base, shape))
        state.queues = self.links.push(state.queues, message)
        self.messages += 1

    def _receive(self, at: int, inst: Recv, extents: Extents, state: State) -> None:
        base, shape = self._located(at, inst.dst, extents, state)
        state.queues, message = self.links.pull(state.queues, at, inst, extents)
        if not shape.span:
            return
        if state.kept:
            state.drop(*state.memory.hull(base, shape))
        self.tiles.found.append(None)
        pieces = received(at, message, inst.side, shape, self.symbols.devices)
        state.memory.put(at, base, shape, pieces)

    def _located(
        self, at: int, operand: Operand, extents: Extents, state: State
    ) -> tuple[Value, Shape]:
        """The base of an operand and its shape."""
        registers = state.registers
        base = registers[operand.base]
        a, b, c, d = operand.strides
        key = (registers[a], registers[b], registers[c], registers[d], operand.type.itemsize)
        shape = self._shapes[extents].get(key)
        if shape is None:
            shape = self._shape(at, operand, extents, state)
        return base, shape

    def _shape(self, at: int, operand: Operand, extents: Extents, state: State) -> Shape:
        """A shape that was not met before; all devices have the same."""
        inst = self.report.code[at]
        self._check(at, inst, state)
        for register in operand.strides:
            self.same(at, Rule.EXTENT, "the stride", register, state)
        strides = tuple(state.registers[register] for register in operand.strides)
        size = operand.type.itemsize
        shape = self.shapes.made(size, extents, strides)
        self._shapes[extents][*strides, size] = shape
        return shape

    def _check(self, at: int, inst: Inst, state: State) -> None:
        """Refuse extents that are not the same on all devices."""
        for register in _extents(inst):
            self.same(at, Rule.EXTENT, "the extent", register, state)

    def same(self, at: int, rule: Rule, what: str, register: int, state: State) -> Value:
        """The value of a register, which devices must agree in."""
        value = state.registers[register]
        origin = self.symbols.origin(value)
        if origin is Origin.DEVICE and self.symbols.range(value) == ANYTHING:
            self.report.refuse(rule, f"{what} r{register} of {{0}} may be anything", at)
        if origin is not Origin.SAME:
            why = "the device" if origin is Origin.DEVICE else "what one device computed"
            words = f"{what} r{register} of {{0}} depends on {why}"
            writer = self.report.writer(at, register)
            if writer is None:
                self.report.refuse(rule, words, at)
            self.report.refuse(rule, words + ": it comes from {1}", at, writer)
        return value
