"""Judges what the library does of the event model by what numpy does of it: the same events."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import accumulate, cycle, islice, zip_longest
from random import Random
from typing import Any

import numpy as np

from runtime.native.library import Kernel
from runtime.order.ranges import Range
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.batches import Batches, NativeEngines
from runtime.timing.chaining import Touch
from runtime.timing.engines import Engines
from runtime.timing.events import Event
from runtime.timing.granules import NativeLmuScoreboard
from runtime.timing.hbm import borders_of
from runtime.timing.scoreboard import LmuScoreboard, Needs, Wait, needs
from runtime.timing.steady import Step as Taken
from runtime.timing.steady import phase_of
from runtime.timing.steady.turns import Foreseen
from runtime.timing.streams import Fifo, NativeFifo, Panel, WindowedFifo
from runtime.timing.walk import Walk
from runtime.traps import Trap
from tests.unit.runtime.timing.fixed_programs import fixed
from tests.unit.runtime.timing.looping import random_loops
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled
from tests.unit.runtime.timing.random_programs import random_exchange, random_program

Step = tuple[Event, ...] | str
"""The events that an instruction completes, or how it traps."""


def numpy_engines(target: Target) -> Batches:
    """A machine whose LMU and streams numpy serves."""
    engines = Batches(target)
    engines.lmu = LmuScoreboard(target.lmu_bytes, target.lmu_granule)
    engines.fifo = WindowedFifo(target)
    return engines


def native_engines(target: Target, kernel: Kernel) -> Engines:
    """The same, served by a library."""
    engines, library = Engines(target), kernel.library
    engines.lmu = NativeLmuScoreboard(target.lmu_bytes, target.lmu_granule, library)
    engines.fifo = NativeFifo(target, library)
    return engines


def steps(
    program: Program, engines: Engines, symbols: Mapping[str, int], entry: str, most: int
) -> Iterator[Step]:
    """What `most` instructions of a run make of a machine, one after the other."""
    walk = Walk(program, symbols, entry)
    try:
        for count, step in enumerate(walk.run(1 << 20)):
            if count == most:
                return
            yield tuple(engines.execute(*step))
    except Trap as trap:
        yield str(trap)


BATCHES = (1, 2, 50, 3, 7, 1200)
"""Instructions that the library goes through at once, in turns."""


def batches(
    program: Program, symbols: Mapping[str, int], entry: str, most: int
) -> Iterator[list[Taken] | Trap]:
    """The first instructions of a run, some at a time, and the trap that ends it."""
    walk, sizes = Walk(program, symbols, entry).run(1 << 20), cycle(BATCHES)
    batch, size = list[Taken](), next(sizes)
    try:
        for step in islice(walk, most):
            batch.append(Taken(*step))
            if len(batch) == size:
                yield batch
                batch, size = list[Taken](), next(sizes)
        yield batch
    except Trap as trap:
        yield batch
        yield trap


def until_trap(events: Iterable[Event]) -> list[Event | str]:
    """Events, and the trap that ends them."""
    found = list[Event | str]()
    try:
        found.extend(events)
    except Trap as trap:
        found.append(str(trap))
    return found


def unlike(
    program: Program, kernel: Kernel, symbols: Mapping[str, int] | None = None,
    entry: str = "step", most: int = 1 << 20,
) -> str:  # fmt: skip
    """The first of some instructions of which engines that the library drives, as far as it can,
    make other events than numpy, or are in another phase behind them.
    """
    target = program.target
    mine = NativeEngines(target, borders_of(target), kernel.library)
    other, foreseen = numpy_engines(target), Foreseen(target, None)
    for number, batch in enumerate(batches(program, symbols or {}, entry, most)):
        if isinstance(batch, Trap):
            break
        borders = foreseen.foresee(batch)
        found, expected = (
            until_trap(mine.several(batch, borders)),
            until_trap(other.several(batch, borders)),
        )
        if found != expected:
            pairs = zip_longest(found, expected)
            return next(f"{one}, not {two}" for one, two in pairs if one != two)
        if expected and isinstance(expected[-1], str):
            break
        if number % 5 == 0:
            mine.settle()
            if phase_of(mine) != phase_of(other):
                return f"{phase_of(mine)}, not {phase_of(other)} behind {len(batch)}"
    return ""


def differs(
    program: Program, kernel: Kernel, symbols: Mapping[str, int] | None = None,
    entry: str = "step", most: int = 1 << 20,
) -> str:  # fmt: skip
    """The first instruction of a run of which both do not make the same, all fields of events."""
    if wrong := unlike(program, kernel, symbols, entry, most):
        return wrong
    target, values = program.target, symbols or {}
    machines = native_engines(target, kernel), numpy_engines(target)
    runs = [list(steps(program, engines, values, entry, most)) for engines in machines]
    pairs = enumerate(zip(*runs, strict=False))
    first = (f"{n}: {one}, not {two}" for n, (one, two) in pairs if one != two)
    return next(first, "" if len(runs[0]) == len(runs[1]) else "one of the runs ends before")


LPU = Target.load("lpu-4nm")
LONG = (
    "stream (@1,@1,@140000,@64), f16 @33554432[@0,@0,@128,@2]\n"
    "vecmat (@1,@1,@140000,@64), f16 @65536[@0,@128,@0,@2], f16 @1048576[@0,@0,@2,@0], 0\n"
)
"""A panel of more beats than arrays have room for at first."""


SHORT = (
    "stream (@1,@1,@64,@64), f16 @33554432[@0,@0,@128,@2]\n"
    "vecmat (@1,@1,@64,@64), f16 @65536[@0,@128,@0,@2], f16 @1048576[@0,@0,@2,@0], 0\n"
)
STORE = "store (@1,@1,@1,@64), f16 @33554432[@0,@0,@0,@2], f16 @131072[@0,@0,@0,@2]\n"
"""More panels and stores, one after the other, than there is room for at first."""
EMPTY = SHORT.replace("@64,@64", "@0,@64")


@cache
def _programs() -> tuple[Program, ...]:
    """Some in which all is scarce, and some whose panels have many beats."""
    random = [kind(seed) for seed in range(8) for kind in (random_program, random_exchange)]
    loops = [_near(random_loops(seed, 5), seed) for seed in range(6)]
    layer, chunk = (fixed(name, Target.load("lpu-4nm")) for name in ("layer", "chunk"))
    slow = replace(layer, target=replace(layer.target, mac_trees=64, fifo_bytes=1 << 14))
    wide = replace(LPU, registers=256, mac_trees=64, fifo_bytes=1 << 22, lmu_bytes=1 << 22)
    long = assembled(4 * LONG, wide)
    short = assembled(3 * EMPTY + 400 * (STORE + SHORT), wide)
    return (*random, *loops, layer, chunk, slow, long, short)


def _near(program: Program, seed: int) -> Program:
    """The same on a machine where more is over at the same time, and words come late."""
    few = {"hbm_nrtw": 1, "hbm_nwtr": 1, "hbm_latency": 0, "fetch_cycles": 3 if seed % 2 else 40}
    return replace(program, target=replace(program.target, **few))


def _wrong_programs(kernel: Kernel) -> str:
    return next(filter(None, (differs(program, kernel) for program in _programs())), "")


ENTRIES, GRANULE = 24, 64
"""Granules of a small LMU."""


def _needs(drawn: Random, steps: int) -> Needs:
    """Needs of a pass with so many steps; some granules do not follow each other."""
    touches: list[list[Touch]] = [[], []]
    for kind in drawn.choices((0, 1), k=drawn.randrange(5)) if steps else ():
        chosen = np.array(sorted(drawn.sample(range(ENTRIES), drawn.randint(1, 6))))
        low = drawn.randrange(ENTRIES - 6)
        where = chosen if drawn.random() < 0.4 else slice(low, low + chosen.size)
        begin = np.array([drawn.randrange(steps) for _ in chosen])
        end = np.array([drawn.randint(int(first) + 1, steps) for first in begin])
        touches[kind].append(Touch(where, begin, end))
    return needs(*touches)


def _as(board: LmuScoreboard) -> list[list[int]]:
    return [board.times.tolist(), board.numbers.tolist()]


def _wrong_granules(kernel: Kernel, seed: int) -> str:
    """What passes make of granules whose times are so near that several are the last."""
    drawn, size = Random(seed), ENTRIES * GRANULE
    mine = NativeLmuScoreboard(size, GRANULE, kernel.library)
    other = LmuScoreboard(size, GRANULE)
    for number in range(30):
        of, start = _needs(drawn, drawn.randint(1, 9)), drawn.randrange(12) + number
        more = number, start, drawn.randrange(3), drawn.randrange(3)
        found = [board.passed(of, *more) for board in (mine, other)]
        delays = [board.delays(of).tolist() for board in (mine, other)]
        if found[0] != found[1] or delays[0] != delays[1] or _as(mine) != _as(other):
            return f"pass {number} of {seed}: {found[0]}, not {found[1]}"
    return ""


def _panel(drawn: Random, number: int, fifo: Fifo) -> Panel:
    """A panel of beats that fit into the FIFO, now and then more than one call takes."""
    beats = drawn.choice((0, 1, 2, 7, 40, 300, 40 if number % 8 else 5000))
    size = beats and drawn.randint(1, beats * drawn.randint(1, fifo.depth))
    units = drawn.randint(0, drawn.choice((2, 9)) * beats * fifo.unit)
    issued, hazard = 9 * number, Wait(drawn.choice((0, 9 * number + drawn.randrange(300))))
    border = drawn.choice((0, 0, 5, -min(3, units)))
    bills = fifo.bills.count
    span = Range(0, size, False)
    return Panel(
        number, 0, size, beats, units, span, issued, fifo.total, bills, hazard, border
    )  # fmt: skip


def _state(fifo: Fifo) -> list[Any]:
    """All that is known of a FIFO behind a product or a stream."""
    came, paid = fifo.arrivals.column(0).tolist(), (fifo.bills.idle, fifo.bills.served)
    return [[vars(panel) for panel in (*fifo.undrained, *fifo.done)], came, paid]


def _wrong_streams(kernel: Kernel, seed: int) -> str:
    """What streams, transfers and products make of a FIFO, in any order in which they can come."""
    drawn, base = Random(seed), Target.load("lpu-tiny")
    depth, bandwidth = drawn.choice((7, 30, 20_001)), drawn.choice((64e9, 100e9, 128e9))
    target = replace(base, fifo_bytes=depth, hbm_latency=17, hbm_bandwidth=bandwidth)
    fifos: tuple[Fifo, ...] = (NativeFifo(target, kernel.library), WindowedFifo(target))
    time = 0
    for number in range(40):
        time += drawn.randrange(50)
        kind, again = drawn.random(), drawn.random()
        drains = list[Any]()
        for fifo in fifos:
            own = Random(again)
            if kind < 0.2:
                fifo.bills.owe(9 * number * fifo.unit, own.randrange(40 * fifo.unit))
            elif kind < 0.6 or not fifo.undrained:
                fifo.push(_panel(own, number, fifo))
            else:
                drains.append(_drained(own, fifo, number, time))
        one, two = map(_state, fifos)
        if one != two or drains[:1] != drains[1:]:
            return f"{number} of {seed}: {drains[:1]} {one}, not {drains[1:]} {two}"
        time = max(time, drains[0][0]) if drains else time
    return ""


def _drained(drawn: Random, fifo: Fifo, number: int, start: int) -> tuple[Any, ...]:
    beats = fifo.oldest().beats
    tiles = max(1, drawn.choice((beats, beats // 3, 3 * beats)) + drawn.randrange(3))
    of = _needs(drawn, tiles)
    late = (start + drawn.randrange(-9, 40) for _ in of.needed)
    delays = np.array(list(accumulate(late, max)), np.int64)
    found = fifo.drain(number, tiles, start, of, delays)
    return found.over, found.late, found.arrived, found.left.tolist()


def wrong(kernel: Kernel) -> str:
    """What is wrong first with granules and streams of a library."""
    checks = (_wrong_granules, _wrong_streams)
    each = (check(kernel, seed) for seed in range(12) for check in checks)
    return next(filter(None, each), "") or _wrong_programs(kernel)
