"""One walk over the code of an entry, from top to bottom, for all devices and all runs at once.

Control flow is structured (`runtime.program.structure`): loops nest, their counters and bounds stay
what they are, branches go forward. Before a loop the registers that its turns write are forgotten,
and what was gathered is kept: what holds in the first turn holds in all, if a turn leaves nothing
more damaged than it found, as much in flight, and what it relied on; else it is walked again with
less. Where ways meet, what holds is what held on both.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter

from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Loop, Out, Sts
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.compile.content.areas import Area, Kind, is_within, left_of, of_kind
from runtime.ring.checks.compile.content.tiles import Turns
from runtime.ring.checks.compile.effects import Effects
from runtime.ring.checks.compile.flow import Flow
from runtime.ring.checks.compile.hbm.staged import Far
from runtime.ring.checks.compile.layers.repeats import Repeats
from runtime.ring.checks.compile.links import unlike
from runtime.ring.checks.compile.opened import Open, Turn
from runtime.ring.checks.compile.proof import Rule
from runtime.ring.checks.compile.state import State
from runtime.ring.checks.compile.values import ANYTHING, Origin, symbols_of
from runtime.ring.checks.compile.words import Word

MOST_VISITS = 64
"""How often the turns of a loop are walked again at most."""
MOST_TURNS = 1 << 13
"""Turns of a loop that are walked one by one where need be, and of all loops 8 times as many."""

_UNCOUNTED = "which HBM {0} has of what devices exchange depends on turns nobody counts"
LEAVING = (Bge, Jump, Halt)
"""Instructions behind which another may be left out."""

_counter: Callable[[Inst], int] = attrgetter("rd")


class Walk:
    """What is known at the instruction `at`; `state` is None where no way leads."""

    def __init__(self, flow: Flow, effects: Effects, state: State) -> None:
        self.flow = flow
        self.effects = effects
        self.symbols = effects.symbols
        self.report = effects.report
        self.state: State | None = state
        self.open: list[Open] = []
        self.visits: dict[int, int] = {}
        self.turns = self.runs = 0
        self.waiting: dict[int, State] = {}
        self.repeats = Repeats(flow.code, flow.words, flow.runs, flow.written, effects)

    def run(self, at: int) -> None:
        """Walk from an instruction to where every way ends."""
        flow = self.flow
        code, words, loops, runs = flow.code, flow.words, flow.loops, flow.runs
        is_entered = False
        while self.state is not None or self.waiting:
            if at in self.waiting:
                self._arrive(at)
            if at in loops and not is_entered:
                self._enter(at, loops[at])
            state, is_entered = self.state, False
            if state is not None:
                if at in runs:
                    at = self.repeats.leave_out(at, state)
                self._execute(at, code[at], words[at], state)
            if self.open and self.open[-1].tail == at:
                next_at = self._leave(at)
                is_entered = next_at <= at
                at = next_at
                continue
            at += 1

    def _execute(self, at: int, inst: Inst, word: Word, state: State) -> None:
        if word.compute is not None:
            word.compute(inst, state.registers, self.symbols)
        elif isinstance(inst, DataInst):
            self.effects.execute(at, inst, word, state)
        else:
            self._control(at, inst, state)

    def _control(self, at: int, inst: Inst, state: State) -> None:
        match inst:
            case Sts():
                self.effects.keep(at, inst, state)
            case Lds():
                self.effects.fetch(at, inst, state)
            case Out():
                self._same(at, "what it hands out,", inst.ra, state)
            case Bge():
                self._same(at, "the operand", inst.ra, state)
                self._same(at, "the operand", inst.rb, state)
                self._send(at, inst.target, state.copy())
            case Jump():
                self._send(at, inst.target, state)
                self.state = None
            case Halt():
                self._end(at, state)
            case Loop():
                self._same(at, "the counter", inst.rd, state)
                self._same(at, "the bound", inst.rb, state)
            case _:
                raise AssertionError(f"nobody said what {inst.MNEMONIC} does")

    def _same(self, at: int, what: str, register: int, state: State) -> None:
        self.effects.same(at, Rule.BRANCH, what, register, state)

    def _send(self, at: int, target: int, state: State) -> None:
        """A branch: what holds now may hold at its goal."""
        goal = self.flow.index[target]
        if self.open and goal > self.open[-1].tail:
            self._leave_early(self.open[-1], state)
        known = self.waiting.get(goal)
        if known is not None:
            self._join(at, state, known)
        self.waiting[goal] = state

    def _arrive(self, at: int) -> None:
        state = self.waiting.pop(at)
        if self.state is not None:
            self._join(at, state, self.state)
        self.state = state

    def _join(self, at: int, state: State, other: State) -> None:
        if state.queues != other.queues:
            words = "ways that meet at {0} have other messages in flight: {1} was sent on one alone"
            self.report.refuse(Rule.BALANCE, words, at, unlike(state.queues, other.queues))
        state.join(other, self.symbols)

    def _end(self, at: int, state: State) -> None:
        for message in (*state.queues[0], *state.queues[1]):
            words = "the program ends at {0} before what {1} sends is received"
            self.report.refuse(Rule.BALANCE, words, at, message.at)
        self.state = None

    def _enter(self, at: int, tails: list[int], again: Turn | None = None) -> None:
        """Begin loops: nothing is known of what their turns write, but of the counters."""
        state = self.state
        for tail in tails if state is not None else ():
            assert state is not None
            before, effects = state.copy(), self.effects
            counts = (effects.messages, effects.reading.gathered)
            self._forget(at, tail, state)
            if again is not None and tail == tails[0]:
                state.registers[:] = again.registers
                if again.kept is not None:
                    state.memory.keep(again.kept)
                state.memory.lose(again.lost)
                state.far = again.far.copy()
            loaded = {i.address for i in self.flow.controls(at, tail) if isinstance(i, Lds)}
            kept = {place: state.kept[place] for place in loaded & state.kept.keys()}
            areas = set(state.memory.areas)
            turn = Turn(list(state.registers), (), state.far.copy())
            tiles = len(effects.tiles.found)
            self.open.append(Open(at, tail, areas, state.queues, kept, before, turn, counts, tiles))

    def _forget(self, head: int, tail: int, state: State) -> None:
        loop = self.flow.code[tail]
        assert isinstance(loop, Loop)
        start = state.registers[loop.rd]
        self._same(tail, "the counter", loop.rd, state)
        registers, addresses = self.flow.written(head, tail)
        last = self.symbols.range(self.flow.bound(tail, state.registers, state.kept))[1] - 1
        low, high = self.symbols.range(start)
        turns = self.flow.turns(tail, state.registers, state.kept)
        values = range(low, max(high, last) + 1, loop.step if low == high else 1)
        state.forget(registers, addresses, self.symbols)
        counter = self.symbols.fresh((low, values[-1]), Origin.SAME)
        state.registers[loop.rd] = counter
        is_counted = turns is not None and len(turns) <= MOST_TURNS
        self.effects.staging.loops.enter(symbols_of(counter), values, is_counted)

    def _leave(self, at: int) -> int:
        """The end of a turn: the next one finds what this one found. Where to go on."""
        loop, state = self.open.pop(), self.state
        written = self.effects.tiles.leave(self.symbols, loop.tiles, self._tiling(loop))
        if state is None:
            return at + 1
        if state.queues != loop.queues:
            words = "a turn that ends at {0} has other messages in flight than at its start: {1}"
            self.report.refuse(Rule.BALANCE, words, at, unlike(state.queues, loop.queues))
        turns = loop.rest or self._turns(loop, state)
        if turns is not None:
            return self._turn(loop, turns)
        behind = state.memory.settled()
        for area in of_kind(behind, Kind.DAMAGED) - loop.areas:
            words = "a turn that ends at {0} leaves slots filled in part, last by {1}"
            self.report.refuse(Rule.TURN, words, at, area.at)
        lost = of_kind(behind, Kind.LOST)
        far = state.far if state.far.is_new_to(loop.turn.far) else loop.turn.far
        if far is state.far or any(not is_within(area, loop.areas) for area in lost):
            return self._again(loop, lost, far, loop.turn.kept)
        if (kept := self._left(loop, behind)) is not None:
            return self._again(loop, lost, loop.turn.far, kept)
        self._end_turns(loop, state)
        for base, shape in written:
            state.memory.write(at, base, shape, is_same=False)
        state.registers[_counter(self.flow.code[at])] = self.symbols.fresh(ANYTHING, Origin.SAME)
        return at + 1

    def _leave_early(self, loop: Open, state: State) -> None:
        """What all turns store together is nothing that is known where one may be the last."""
        counter = symbols_of(loop.turn.registers[_counter(self.flow.code[loop.tail])])
        if any(counter & symbols_of(late.view.base) for late in state.far.late):
            self.report.refuse(Rule.TURN, _UNCOUNTED, loop.tail)

    def _end_turns(self, loop: Open, state: State) -> None:
        """A loop ends: turns leave scalars as they were, and it is known what they stored."""
        if lost := [place for place in loop.kept if state.kept.get(place) != loop.kept[place]]:
            words = "a turn that ends at {0} writes over what {1} loads in the next one"
            self.report.refuse(
                Rule.TURN, words, loop.tail, self.flow.loading(loop.head, loop.tail, lost[0])
            )
        staging = self.effects.staging
        for symbol in symbols_of(loop.turn.registers[_counter(self.flow.code[loop.tail])]):
            if not staging.leave(state.far, symbol, self._tiling(loop)):
                self.report.refuse(Rule.TURN, _UNCOUNTED, loop.tail)

    def _tiling(self, loop: Open) -> Turns | None:
        """The turns of a loop, if none leaves anything out, and it is known where they begin."""
        tail = self.flow.code[loop.tail]
        assert isinstance(tail, Loop)
        start, counter = loop.before.registers[tail.rd], loop.turn.registers[tail.rd]
        if not isinstance(start, int) or isinstance(counter, int):
            return None
        if any(isinstance(i, LEAVING) for i in self.flow.controls(loop.head, loop.tail)):
            return None
        (symbol,) = symbols_of(counter)
        bound = self.flow.bound(loop.tail, loop.before.registers, loop.before.kept)
        return Turns(symbol, start, tail.step, bound)

    def _turns(self, loop: Open, state: State) -> Iterator[int] | None:
        """The turns of a loop that are to be walked one by one, since each has slots of its own."""
        counter = loop.turn.registers[_counter(self.flow.code[loop.tail])]
        if isinstance(counter, int):
            return None
        ((symbol, _),) = counter.terms
        self.effects.staging.pass_turn(state.far, symbol)
        is_asked = symbol in self.effects.staging.loops.asked
        families = state.memory.families
        if not is_asked and not any(symbol in symbols_of(family.base) for family in families):
            return None
        before, is_allowed = loop.before, self.turns <= MOST_TURNS * 8
        turns = self.flow.turns(loop.tail, before.registers, before.kept) if is_allowed else None
        if turns is None or len(turns) > MOST_TURNS:
            if symbol in self.effects.staging.loops.needed:
                self.report.refuse(Rule.TURN, _UNCOUNTED, loop.tail)
            return None
        self.turns += len(turns)
        self.state = loop.before
        if all(other.rest is None for other in self.open):
            self.runs += 1
            self.effects.staging.loops.run = self.runs
        return iter(turns)

    def _turn(self, loop: Open, rest: Iterator[int]) -> int:
        """Walk the next turn, or go on behind a loop whose turns are walked one by one."""
        state, turn, counter = self.state, next(rest, None), _counter(self.flow.code[loop.tail])
        assert state is not None
        if turn is None:
            if all(other.rest is None for other in self.open):
                self.effects.staging.leave_run(state.far)
            state.registers[counter] = self.symbols.fresh(ANYTHING, Origin.SAME)
            return loop.tail + 1
        state.registers[counter], self.repeats.before = turn, None
        self.effects.messages, self.effects.reading.gathered = loop.counts
        self.open.append(loop._replace(queues=state.queues, rest=rest))
        tails = self.flow.loops[loop.head]
        self._enter(loop.head, tails[tails.index(loop.tail) + 1 :])
        return loop.head

    def _left(self, loop: Open, behind: list[Area]) -> set[Area] | None:
        """The areas of which something is known in all turns; None if that is all it relied on."""
        used = loop.areas & self.effects.reading.used
        if not used:
            return None
        rests = {area: left_of(area, behind) for area in used}
        if all(rest == {area} for area, rest in rests.items()):
            return None
        return (loop.areas - used).union(*rests.values())

    def _again(self, loop: Open, lost: set[Area], far: Far, kept: set[Area] | None) -> int:
        """Walk a turn again that finds lost what the one before lost; where it begins.

        Of what is exchanged through HBM it finds `far`, of areas no others than are `kept`.
        """
        lost = lost | of_kind(loop.areas, Kind.LOST)
        self.visits[loop.tail] = self.visits.get(loop.tail, 0) + 1
        if self.visits[loop.tail] > MOST_VISITS:
            words = "the turns of the loop that ends at {0} do not become alike"
            self.report.refuse(Rule.TURN, words, loop.tail)
        self.state, self.repeats.before = loop.before, None
        self.effects.messages, self.effects.reading.gathered = loop.counts
        tails = self.flow.loops[loop.head]
        turn = Turn(loop.turn.registers, lost, far, kept)
        self._enter(loop.head, tails[tails.index(loop.tail) :], turn)
        return loop.head
