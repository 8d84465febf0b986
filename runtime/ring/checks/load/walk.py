"""One way over the code of an entry, with all devices together.

Programs are valid before they are checked here: loops nest, branches go forward, never into a loop.
A branch whose outcome is not known is taken and not taken, and what is known meets where the ways
do. The body of a loop is executed once, with its counter as the range of all its turns and nothing
known of other registers that it writes. Then every run of bytes that it read from before its turn
must hold at its end what the next turn expects; where it does not, the turn is repeated with what
is known of both. Where an address in the LMU depends on the turn, or bytes in HBM of what is
exchanged, all turns are executed.

    left over a message is not received at the end of a loop's turn, of a branch, of the program
    unread    nobody reads what was exchanged
    settle    the turns of a loop do not become alike
"""

from bisect import bisect_left, bisect_right
from dataclasses import replace

from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Loop
from runtime.isa.spec import CtrlInst, Inst
from runtime.ring.checks.load.control import COMPUTE, Control
from runtime.ring.checks.load.data import Data
from runtime.ring.checks.load.forms import Form, steps_of
from runtime.ring.checks.load.layers.again import Again
from runtime.ring.checks.load.layers.exchanges import Exchanges, exchanges_of
from runtime.ring.checks.load.layers.finding import (
    DATA,
    OTHERS,
    SCALAR,
    SETTING,
    layers_of,
    others_than,
)
from runtime.ring.checks.load.layers.groups import Groups
from runtime.ring.checks.load.loops import MOST_TURNS, Bodies, Counted, Older, is_settled
from runtime.ring.checks.load.memory.blocks import places
from runtime.ring.checks.load.memory.late import Turning
from runtime.ring.checks.load.memory.runs import meet
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.values import (
    FIRST_LOOP,
    HIGHEST,
    UNKNOWN,
    Span,
    Turns,
    counter,
    ends,
)
from runtime.target import Target

MOST_VISITS = 8


class Walk:
    """Executes entries of a program on tags; its steps serve all of them."""

    def __init__(
        self, narrator: Narrator, devices: int, target: Target, shortens: bool = True
    ) -> None:
        code = narrator.code
        self.code = code
        self.narrator = narrator
        self.data = Data(narrator, devices, target)
        self.control = Control(narrator, self.data.tags)
        self.tails: dict[int, list[int]] = {}
        self.goals: dict[int, int] = {}
        kinds = narrator.kinds
        controls = others_than(SCALAR | DATA, kinds)
        for at in controls:
            inst = code[at]
            if isinstance(inst, Loop):
                self.tails.setdefault(narrator.at(inst.target), []).insert(0, at)
            elif isinstance(inst, Bge | Jump):
                self.goals[at] = narrator.at(inst.target)
        tails = sorted(tail for known in self.tails.values() for tail in known)
        self.numbers = {tail: number for number, tail in enumerate(tails)}
        self.joints = {*self.tails, *self.goals.values()}
        self.steps = steps_of(narrator.distinct, narrator.numbers)
        self.breaks = sorted(self.joints.union(controls))
        self.groups = Groups(self.steps, kinds)
        self.exchanges = Exchanges(self.steps, exchanges_of(kinds, self.breaks), self.data)
        self.bodies = Bodies(code, others_than(OTHERS - SETTING, kinds), self.breaks)
        places = layers_of(kinds, self.breaks) if shortens else {}
        self.again = Again(code, self.steps, self.groups, places, self.data)
        self.stops = self.joints.union(places)
        self.ends = sorted({*self.breaks, *places, len(code)})
        self.controls = set(controls)
        self.waiting: dict[int, State] = {}
        self.state: State | None = None
        self.turns = 0

    def run(self, start: int, state: State) -> None:
        """Execute an entry from an instruction on."""
        known = self.data.tags.known
        self.state, known.blocks = state, {}
        self._span(start, len(self.code), 0)
        for block in known.blocks.values():
            if block.sent is not None and block.read is None:
                name, sent = self.narrator.name(block.at), self.narrator.name(block.sent)
                what = f"no instruction reads what {name} put and {sent} sent"
                self.narrator.refuse("unread", what, block.at, block.sent)

    def _span(self, low: int, high: int, opened: int) -> None:
        """Execute instructions up to `high`; of the loops that begin at the first some are open."""
        at, stops = low, self.stops
        while at < high:
            if at in stops:
                self._arrive(at)
                tails = self.tails.get(at, ())
                inside = opened if at == low else 0
                if self.state is not None and inside < len(tails):
                    self._loop(at, tails[inside], inside + 1)
                    at = tails[inside] + 1
                    continue
                if self.state is not None and at in self.again.places:
                    at = self.again.leave_out(at, self.state)
            end = min(high, self.ends[bisect_right(self.ends, at)])
            if self.state is not None and at in self.controls:
                self._control(at, self.code[at], self.state)
                end = at + 1
            elif self.state is not None:
                self._straight(at, end, self.state)
            at = end

    def _straight(self, at: int, end: int, state: State) -> None:
        """Execute instructions that only compute, or are on data."""
        first = bisect_left(self.exchanges.starts, at)
        for start in self.exchanges.starts[first : bisect_left(self.exchanges.starts, end)]:
            self._one_by_one(at, start, state)
            at = self.exchanges.execute(start, state)
        self._one_by_one(at, end, state)

    def _one_by_one(self, at: int, end: int, state: State) -> None:
        registers, execute = state.registers, self.data.execute
        for at, step in enumerate(self.steps[at:end], at):  # noqa: B020
            if type(step) is Form:
                execute(state, at, step)
            else:
                COMPUTE[type(step)](step, registers)

    def _control(self, at: int, inst: Inst, state: State) -> None:
        if isinstance(inst, Bge):
            self._fork(at, inst, state)
        elif isinstance(inst, Jump | Halt):
            self._stop(at, inst, state)
        else:
            assert isinstance(inst, CtrlInst) and not isinstance(inst, Loop)
            self.control.execute(at, inst, state)

    def _fork(self, at: int, inst: Bge, state: State) -> None:
        for register in (inst.ra, inst.rb):
            self.control.require_uniform(at, state.registers, register)
        (least, most), (low, high) = (ends(state.registers[r]) for r in (inst.ra, inst.rb))
        stays = least < high
        if most >= low:
            self._send(self.goals[at], state.copy() if stays else state)
        self.state = state if stays else None

    def _stop(self, at: int, inst: Jump | Halt, state: State) -> None:
        if isinstance(inst, Jump):
            self._send(self.goals[at], state)
        else:
            self.data.ends.refuse_left_over(state, at, "when the program ends")
        self.state = None

    def _send(self, goal: int, state: State) -> None:
        known = self.waiting.get(goal)
        self.waiting[goal] = state if known is None else self._met(goal, known, state)

    def _arrive(self, at: int) -> None:
        sent = self.waiting.pop(at, None)
        if sent is not None:
            self.state = sent if self.state is None else self._met(at, self.state, sent)

    def _met(self, at: int, one: State, other: State) -> State:
        if one.links != other.links:
            for state in (one, other):
                self.data.ends.refuse_left_over(state, at, "on every way that a branch takes")
        return one.met(other)

    def _loop(self, head: int, tail: int, opened: int) -> None:
        inst, first = self.code[tail], self.state
        assert isinstance(inst, Loop) and first is not None
        self.control.require_uniform(tail, first.registers, inst.rd)
        loop = Counted(head, tail, opened, inst.rd, inst.step, first.registers[inst.rd])
        if not loop.bind(self.bodies.bound(loop, inst.rb, first)):
            self.narrator.refuse(
                "branch", f"{self.narrator.name(tail)} depends on the device", tail
            )
        may_split = loop.may_split and self.turns <= MOST_TURNS * 8
        if loop.last == loop.most and not may_split:
            self._turn(loop, first)
            self._end(loop)
            return
        whole, known = self.data.ends.loops, self.data.tags.known
        count, bit = known.count, FIRST_LOOP << self.numbers[tail]
        self.data.ends.counted = self.data.ends.counted & ~bit | bit * loop.is_counted
        blocks = {event: replace(block) for event, block in known.blocks.items() if loop.is_one}
        try:
            self.data.ends.loops = whole | bit * may_split
            self._together(loop, bit, first)
        except Turns as turns:
            if not turns.loops & bit:
                raise
            self.data.ends.loops = whole
            self._forget(loop, count)
            known.blocks |= blocks
            self._each_turn(loop, first.copy())
        finally:
            self.data.ends.loops = whole
        self._end(loop)

    def _together(self, loop: Counted, bit: int, first: State) -> None:
        """Execute a body for all turns at once; an address must not depend on which it is.

        Where there is one turn, the other registers are what they are.
        """
        together = first.copy() if loop.is_one else replace(first, registers=first.registers[:])
        for register in () if loop.is_one else self.bodies.written(loop.head, loop.tail):
            together.registers[register] = UNKNOWN
        together.registers[loop.counter] = counter(loop.least, loop.last, bit)
        if loop.is_one:
            self._turn(loop, together)
        else:
            self._settle(loop, together)

    def _forget(self, loop: Counted, event: int) -> None:
        """Forget what was found in a body from an event on."""
        self.data.tags.known.forget(event)
        goals = list(self.waiting)
        for goal in goals:
            if loop.head < goal <= loop.tail:
                del self.waiting[goal]

    def _each_turn(self, loop: Counted, state: State) -> None:
        """Execute a body turn by turn, since where something lies depends on the turn."""
        behind: State | None = state
        with self.data.hbm.one_by_one(loop.is_counted):
            for turn in range(loop.least, loop.last + 1, loop.step):
                self.turns += 1
                if behind is not None:
                    behind.registers[loop.counter] = turn
                    self._turn(loop, behind)
                    self._end(loop)
                    behind = self.state
                    if behind is not None and behind.hbm.is_marked and not loop.is_counted:
                        self.data.tags.wording.refuse_unknown(loop.tail, 0, HIGHEST)

    def _end(self, loop: Counted) -> None:
        if self.state is not None:
            where = "at the end of a turn of its loop"
            self.data.ends.refuse_left_over(self.state, loop.tail, where)
            bit = FIRST_LOOP << self.numbers[loop.tail]
            self.data.hbm.pass_turn(bit)
            self.data.tags.pass_turn(self.state.lmu, bit)
            self.state.registers[loop.counter] = loop.after

    def _turn(self, loop: Counted, state: State) -> None:
        """Execute a body once."""
        self.state = state
        self._span(loop.head, loop.tail, loop.opened)
        if loop.tail in self.joints and loop.tail != loop.head:
            self._arrive(loop.tail)

    def _settle(self, loop: Counted, first: State) -> None:
        """Execute a body until the next turn finds what this one found."""
        hbm, counter = self.data.hbm, first.registers[loop.counter]
        assert isinstance(counter, Span)
        for _ in range(MOST_VISITS):
            outer = self._swap(Older(self.data.tags.known.count, {}, {}))
            turning = Turning(counter, loop.start, loop.bound, loop.step, loop.after)
            try:
                with turning.within(hbm.turning):
                    self._turn(loop, first.copy())
            finally:
                found = self._swap(outer)
            outer.take(found)
            if self.state is None:
                return
            is_kept = self.state.registers[loop.counter] == counter
            turning.is_whole = is_kept and not self.bodies.leaves(loop.head, loop.tail)
            self._end(loop)
            is_new = hbm.is_new_to(first.hbm, self.state.hbm)
            if is_settled(self.state, found, hbm, loop.tail) and not is_new:
                hbm.leave(self.state.hbm, turning)
                return
            first.lmu = meet(first.lmu, self.state.lmu)
            is_kept = is_new or bool(places(self.state.hbm))
            first.hbm = self.state.hbm.copy() if is_kept else meet(first.hbm, self.state.hbm)
        name = self.narrator.name(loop.tail)
        self.narrator.refuse("settle", f"the turns of {name} do not become alike", loop.tail)

    def _swap(self, older: Older) -> Older:
        """Begin to remember what is read and older than an event; what was remembered so far."""
        tags, data = self.data.tags, self.data
        before = Older(tags.oldest, tags.older, data.hbm.older)
        tags.oldest, tags.older, data.hbm.older = older.event, older.near, older.far
        return before
