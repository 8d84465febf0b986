"""Layers that do what the one before them did are not executed.

Where a stretch of code (`finding`) begins in a state that is that of the stretch before it, but for
the events since, and its instructions on data are those of that stretch (`rows`), it leaves the
state that the other one left, but for the events since. Of what differs from layer to layer,
addresses in HBM, and in the LMU such as of weights that each layer has elsewhere, what stands there
is executed, and has to be of the same kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.load.control import COMPUTE
from runtime.ring.checks.load.data import Data, Note
from runtime.ring.checks.load.forms import Form, Values
from runtime.ring.checks.load.layers.comparing import Compared, Comparison
from runtime.ring.checks.load.layers.finding import Layers, Places
from runtime.ring.checks.load.layers.groups import Groups, Steps
from runtime.ring.checks.load.layers.rows import NO_NOTE, Bounds, Fill, Row
from runtime.ring.checks.load.layers.story import facts, moved, seen
from runtime.ring.checks.load.memory.blocks import is_own
from runtime.ring.checks.load.memory.events import Block
from runtime.ring.checks.load.memory.ranges import Ranges
from runtime.ring.checks.load.memory.runs import Kind, Runs
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.values import Value

OWN = Kind.OWN
MOST_TRIES = 6
"""Stretches in a row that are compared with the one before in vain."""
FIRST = 2
"""The first stretch that others are compared with: before a row stands something else."""


class Unlike(Exception):
    """A layer was left out that does something else: the program is to be executed whole."""


@dataclass
class Start:
    """What was known where a stretch began; `window` is how many events there were one earlier."""

    layers: Layers
    number: int
    window: int
    events: int
    registers: list[Value]
    lmu: Runs
    blocks: list[tuple[object, ...]]
    is_quiet: bool
    notes: dict[int, Note] = field(default_factory=dict[int, Note])


class Again:
    """Leaves out what is done again, for one walk over a program."""

    def __init__(
        self, code: Sequence[Inst], steps: Steps, groups: Groups, places: Places, data: Data
    ) -> None:
        self.code = code
        self.steps = steps
        self.groups = groups
        self.data = data
        self.known = data.tags.known
        self.places = places
        self.before: Start | None = None
        self.tries = 0

    def leave_out(self, at: int, state: State) -> int:
        """Where to go on from the beginning of a stretch; what is alike from there is left out."""
        layers, number = self.places[at]
        before, data = self.before, self.data
        self.before = data.noted = None
        is_next = before is not None and (before.layers, before.number) == (layers, number - 1)
        self.tries = self.tries + 1 if number else 0
        is_last = number >= len(layers.starts) - 2
        if self.tries >= MOST_TRIES or is_last or state.hbm.is_marked or state.hbm.is_mixed:
            return at
        now = self._started(layers, number, before.events if before and is_next else None, state)
        if before is not None and is_next and before.number >= FIRST:
            count = self._left_out(before, now, state)
            if count:
                self.tries = 0
                return layers.starts[number + count]
        self.before, data.noted = now, now.notes
        return at

    def _started(self, layers: Layers, number: int, window: int | None, state: State) -> Start:
        events = self.known.count
        window = events if window is None else window
        blocks = [facts(e, b, window) for e, b in self.known.blocks.items() if e >= window]
        return Start(
            layers, number, window, events, state.registers[:], state.lmu.copy(), blocks,
            not state.in_flight(),
        )  # fmt: skip

    def _left_out(self, before: Start, now: Start, state: State) -> int:
        """How many stretches from `now` on are left out; the state becomes what they leave."""
        if not (before.is_quiet and now.is_quiet) or before.blocks != now.blocks:
            return 0
        starts = before.layers.starts
        stretches = [range(*pair) for pair in pairwise(starts[now.number :])]
        rows = self._rows(
            before, range(starts[before.number], starts[now.number]), now, stretches[0]
        )
        if rows is None:
            return 0
        alike = Ranges(
            [hull for row in rows for view in row.near for hull in view.hull(row.values)]
        )
        bounds = alike.all
        if not all(_are_apart(row, row.values, alike) for row in rows):
            return 0
        if seen(before.lmu, before.window, bounds) != seen(state.lmu, now.window, bounds):
            return 0
        comparison = Comparison(self.steps, self.groups, rows)
        count, last = 0, stretches[0]
        for stretch in stretches:
            found = comparison.compared(stretch, state.registers)
            if found is None or not all(
                [_are_apart(r, v, alike) for r, _, v, _ in found.later if r.aside]
            ):
                break
            self._execute(found, state)
            count, last = count + 1, stretch
        data = (at for at in last if isinstance(self.code[at], DataInst))
        places = dict(zip((row.at for row in rows), data, strict=True))
        self._move(before, now, state.lmu, bounds, count, places)
        return count

    def _through(self, span: range, registers: list[Value]) -> list[tuple[int, Form, Values]]:
        """The instructions on data of a stretch, each with what it finds in its registers."""
        found: list[tuple[int, Form, Values]] = []
        registers = registers[:]
        for at, step in enumerate(self.steps[span.start : span.stop], span.start):
            if isinstance(step, Form):
                found.append((at, step, step.get(registers)))
            else:
                COMPUTE[type(step)](step, registers)
        return found

    def _rows(self, start: Start, span: range, now: Start, first: range) -> list[Row] | None:
        """A stretch, and what of it is loose, as the first one behind it shows."""
        found = self._through(span, start.registers)
        others = self._through(first, now.registers)
        if len(found) != len(others):
            return None
        rows: list[Row] = []
        for (at, form, values), (_, its, other) in zip(found, others, strict=True):
            inst = self.code[at]
            assert isinstance(inst, DataInst)
            row = Row(at, inst, form, values, start.notes.get(at, NO_NOTE))
            if its.kind.what != form.kind.what or not row.loosen(other):
                return None
            row.bind(self.data)
            rows.append(row)
        return rows

    def _execute(self, found: Compared, state: State) -> None:
        """Execute what is not left out of a stretch."""
        tags, lmu, events = self.data.tags, state.lmu, self.known.at
        for row, at, values, left_out in found.later:
            events += left_out
            for view, kind in row.reads:
                base, parts = values[view.place], view.parts
                assert isinstance(base, int)
                if not parts or (kind is OWN and tags.is_own(lmu, base, parts)):
                    continue
                if tags.read(lmu, at, base, parts, view.grown(base)) is not kind:
                    raise Unlike
            if not row.is_more:
                events += [at] * row.note.made
            elif not (row.fill and self._is_filled(row.fill, at, values, state)):
                self._execute_more(row, at, values, state)
        events += found.events
        state.registers = found.registers

    def _is_filled(self, fill: Fill, at: int, values: Values, state: State) -> bool:
        """Load what each device has of its own, if it is that."""
        source, base = values[fill.source], values[fill.place]
        if not isinstance(source, int) or not is_own(state.hbm, source, fill.loaded, None):
            return False
        assert isinstance(base, int)
        self.data.tags.put(state.lmu, at, base, fill.parts, OWN, None)
        return True

    def _execute_more(self, row: Row, at: int, values: Values, state: State) -> None:
        """What is read in HBM, and what is written."""
        tags, hbm, lmu, note = self.data.tags, self.data.hbm, state.lmu, row.note
        events = self.known.at
        before = len(events)
        for view, kind in row.far_reads:
            base = values[view.place]
            if kind is OWN and is_own(state.hbm, base, view.parts, view.rows):
                continue
            if hbm.read(state.hbm, at, base, view.block(values)) is not kind:
                raise Unlike
        for view in row.writes:
            base = values[view.place]
            assert isinstance(base, int)
            if view.parts:
                tags.put(lmu, at, base, view.parts, note.kind, view.growing(base))
        events += [at] * (before + note.near - len(events))
        for view in row.far_writes:
            base, far = values[view.place], note.far
            if far is not OWN:
                hbm.write(state.hbm, at, base, view.block(values), far)
            elif hbm.turning or not is_own(state.hbm, base, view.parts, view.rows):
                hbm.write_own(state.hbm, at, base, view.block(values))
        is_followed = state.hbm.is_marked or state.hbm.is_mixed
        if len(events) - before != note.made or is_followed:
            raise Unlike

    def _move(
        self, before: Start, now: Start, lmu: Runs, bounds: Bounds, count: int,
        places: dict[int, int],
    ) -> None:  # fmt: skip
        """What the stretch before `now` left is what the last one left out leaves."""
        first, end = before.events, now.events
        by, known = count * (end - first), self.known
        for low, high in bounds if by else ():
            for index, _, _, held in lmu.within(low, high):
                lmu.held[index] = moved(held, first, end, by)
        for event in [e for e in known.blocks if first <= e < end] if by else ():
            old = known.blocks[event]
            read, sent = old.read, old.sent
            known.blocks[event + by] = Block(
                known.at[event + by], old.grown,
                sent if sent is None else places.get(sent, sent),
                old.received + by * (old.received >= first),
                read if read is None else read + by * (read >= first),
            )  # fmt: skip
            if read is None:
                del known.blocks[event]


def _are_apart(row: Row, values: Values, bounds: Ranges) -> bool:
    """Whether loose operands in the LMU have no byte of what all stretches touch alike."""
    for number, low, high in row.aside:
        base = values[number]
        assert isinstance(base, int)
        if bounds.meet(base + low, base + high):
            return False
    return True
