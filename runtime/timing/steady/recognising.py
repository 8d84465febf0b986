"""A machine that goes through a run by turns, and stands still where a turn goes as one before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from runtime.isa.instructions.ctrl import Loop
from runtime.order.ranges import Range
from runtime.target import Target
from runtime.timing.batches import Batches, engines_of
from runtime.timing.events import Event, Reason
from runtime.timing.hbm import Border, rates
from runtime.timing.scoreboard import NEVER
from runtime.timing.steady.filling import REST, Ended
from runtime.timing.steady.phases import Phase, now_of, phase_of, ranges_of, resumed
from runtime.timing.steady.since import Now
from runtime.timing.steady.turns import Foreseen, Order, Step, Told, Turn, order_of, turn_of
from runtime.timing.walk import Walk
from runtime.timing.work import Work
from runtime.traps import Trap

SHORTEST, LONGEST = 16, 1 << 12
"""Instructions of a turn: fewer go with the next one, more are not remembered."""
MOST = 1 << 12
"""Turns that are remembered; with more all are forgotten."""


class Known(NamedTuple):
    """What was seen of a turn: its events from `begun` to `over`, and the phase behind it.

    `last` and `paid` are those of `Ended` behind it, None where they are what they were before.
    """

    begun: Now
    over: Now
    events: tuple[Event, ...]
    phase: Phase
    last: int | None
    paid: int | None


class Standing(NamedTuple):
    """Where a machine is in a run; `ranges` are those of the accesses of its phase."""

    phase: Phase
    now: Now
    ranges: dict[int, Range]
    ended: Ended


class Steady:
    """The engines of a device; `take` and `leave` give the events that instructions complete.

    Of `still` instructions they did nothing. `told` are borders of requests.
    """

    def __init__(self, target: Target, told: Told | None = None) -> None:
        self.target, self.unit, self.still = target, rates(target).units, 0
        self._foreseen = Foreseen(target, told)
        self._engines = engines_of(target, self._foreseen.borders)
        self._is_behind = False
        self._steps: list[Step] = []
        self._standing: Standing | None = None
        self._works: dict[int, Work] = {}
        self._seen: set[Turn] = set()
        self._known: dict[tuple[Phase, Turn, Order], Known] = {}

    @property
    def engines(self) -> Batches:
        """The engines behind all turns that were gone through, of which all is known."""
        engines = self._awake()
        engines.settle()
        return engines

    def _awake(self) -> Batches:
        """The engines behind all turns that were gone through."""
        if self._is_behind:
            assert self._standing is not None
            self._engines = resumed(self.target, *self._standing, self._foreseen.borders)
            self._is_behind = False
        return self._engines

    def take(self, step: Step) -> Iterable[Event]:
        """Go on with an instruction; its events come when its turn is known."""
        self._steps.append(step)
        if len(self._steps) >= LONGEST:
            return self.leave()
        is_over = isinstance(step.inst, Loop) and step.work.jumps
        return self._turn() if is_over and len(self._steps) >= SHORTEST else ()

    def leave(self) -> Iterator[Event]:
        """Go through the instructions that were taken, one by one."""
        steps, self._steps = self._steps, []
        yield from self._execute(steps, self._foreseen.foresee(steps))

    def _execute(self, steps: Sequence[Step], borders: Sequence[Border | None]) -> Iterator[Event]:
        engines = self._awake()
        self._standing = None
        return engines.several(steps, borders)

    def _turn(self) -> Iterator[Event]:
        steps, self._steps = self._steps, []
        borders = self._foreseen.foresee(steps)
        turn = turn_of(steps, borders)
        if not self._is_again(turn, steps):
            yield from self._execute(steps, borders)
            return
        begun = self._standing or self._stand()
        key = begun.phase, turn, _order(steps, begun)
        known = self._known.get(key)
        if known is None:
            events = tuple(self._execute(steps, borders))
            over = self._standing = self._stand()
            self._known[key] = _known(begun, over, events)
            yield from events
        else:
            self._standing, self._is_behind = _over(known, begun, steps, self.unit), True
            self.still += len(steps)
            by = begun.now.behind(known.begun)
            yield from (_moved(event, by) for event in known.events)

    def _is_again(self, turn: Turn, steps: Iterable[Step]) -> bool:
        """Whether a turn was seen before, and is one to remember."""
        if turn in self._seen:
            return all(border is None or border.total <= REST * self.unit for *_, border in turn)
        if len(self._seen) >= MOST:
            self._seen.clear()
            self._works.clear()
            self._known.clear()
        self._seen.add(turn)
        self._works.update((id(step.work), step.work) for step in steps)
        return False

    def _stand(self) -> Standing:
        engines = self.engines
        ranges, ended = ranges_of(engines), Ended.of(engines.fifo)
        return Standing(phase_of(engines), now_of(engines), ranges, ended)


def _order(steps: Sequence[Step], begun: Standing) -> Order:
    phase, now, ranges, _ = begun
    writes, streams = (
        [(wait.number, ranges[now.number_of(wait.number)]) for wait in part.pending]
        for part in (phase.writes, phase.streams)
    )
    unsent = [held.number for held in phase.filling.held if held.unsent is not None]
    streams += [(number, ranges[now.number_of(number)]) for number in unsent]
    return order_of(steps, 1, writes, streams)


def _known(begun: Standing, over: Standing, events: tuple[Event, ...]) -> Known:
    last, paid = (
        None if new == old else new for new, old in zip(over.ended, begun.ended, strict=True)
    )
    return Known(begun.now, over.now, events, over.phase, last, paid)


def _over(known: Known, begun: Standing, steps: Iterable[Step], unit: int) -> Standing:
    """Where a machine stands behind a turn that is known."""
    by = begun.now.behind(known.begun)
    now, fine = known.over.moved(by), by.time * unit
    fars = ((number, step.far) for number, step in enumerate(steps, begun.now.number + 1))
    ranges = begun.ranges | {number: far for number, far in fars if far is not None}
    ended = Ended(
        *(
            before if behind is None else behind + fine
            for before, behind in zip(begun.ended, (known.last, known.paid), strict=True)
        )
    )
    accesses = known.phase.accesses(now)
    return Standing(known.phase, now, {n: ranges[n] for n in accesses}, ended)


def _moved(event: Event, by: Now) -> Event:
    """An event of a turn that goes as another one, so much later."""
    number, pc, engine, issued, start, ready, left, end, *same, cause, waited, first = event
    time = by.time
    busy, size = same
    return Event(
        number + by.number, pc, engine, issued + time, start + time, ready + time, left + time,
        end + time, busy, size, cause, _named(waited, by),
        Reason(first.time + time, first.cause, _named(first.waited, by)),
    )  # fmt: skip


def _named(number: int, by: Now) -> int:
    return NEVER if number == NEVER else number + by.number


def happening(
    walk: Walk, machine: Steady, note: Callable[[Step], object], fuel: int, most: int | None = None
) -> Iterator[Event]:
    """The events of a run; `note` is told each instruction before it takes effect.

    Trap, with its place, where the program cannot run.
    """
    steps = walk.run(fuel, most)
    try:
        while True:
            try:
                step = Step(*next(steps))
            except StopIteration:
                break
            except Trap:
                yield from machine.leave()
                raise
            note(step)
            yield from machine.take(step)
        yield from machine.leave()
    except Trap as trap:
        raise walk.located(trap, trap.pc or 0) from None
