"""Turns that go as others went: all events are those of the plain loop, to the cycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest

from runtime.isa.instructions.ctrl import Addi, Loop
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.engines import Engines
from runtime.timing.events import Event
from runtime.timing.steady import Steady, happening, recognising
from runtime.timing.steady.turns import turn_of
from runtime.timing.walk import Walk
from runtime.traps import Trap
from tests.unit.runtime.native.judging_timing import until_trap
from tests.unit.runtime.timing.fixed_programs import FIXED, ROOM
from tests.unit.runtime.timing.looping import random_loops
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled
from tests.unit.runtime.timing.timed import Timed

FUEL = 1 << 20
SEEDS = [pytest.param(seed, marks=[] if seed < 1 else pytest.mark.slow) for seed in range(50)]
LPU = Target.load("lpu-4nm")
EVEN = replace(LPU, hbm_skew="none")
STRIPE = LPU.hbm_channels * LPU.hbm_banks * LPU.hbm_row_bytes
"""Bytes behind which requests find the same banks, without a skew."""


def plain(program: Program) -> Iterator[Event]:
    """The events of a run, whose engines go through every instruction."""
    walk, engines = Walk(program, {}), Engines(program.target)
    for pc, inst, work, base in walk.run(FUEL):
        try:
            yield from engines.execute(pc, inst, work, base)
        except Trap as trap:
            raise walk.located(trap, pc) from None


def steady(program: Program, machine: Steady) -> Iterator[Event]:
    """The same, by turns."""
    return happening(Walk(program, {}), machine, lambda step: None, FUEL)


def gone_through(program: Program) -> int:
    """Of how many instructions the engines did nothing; all events are those of the plain loop."""
    machine = Steady(program.target)
    found, right = until_trap(steady(program, machine)), until_trap(plain(program))
    pairs = enumerate(zip_longest(found, right))
    other = next((f"event {n}: {one}, not {two}" for n, (one, two) in pairs if one != two), "")
    assert not other
    return machine.still


@pytest.mark.parametrize("seeds", SEEDS)
def test_random_loops_in_loops(seeds: int) -> None:
    """Of eight programs one has turns that repeat, or more do."""
    still = [gone_through(random_loops(seed, 5)) for seed in range(8 * seeds, 8 * seeds + 8)]
    assert any(still)


def looped(
    body: str, target: Target = LPU, turns: int = 12, begin: int = 0, step: int = 0
) -> Program:
    """A loop in which r90 goes on, and that is as long as a turn has to be."""
    text = f"li r97, 0\nli r90, {begin}\nturn:\n{body}" + 6 * "addi r98, r97, 1\n"
    text += f"addi r90, r90, {step}\nloop r97, @{turns}, 1, turn\n"
    return assembled(text, replace(target, lmu_bytes=max(ROOM, target.lmu_bytes), registers=256))


@pytest.mark.parametrize("preset", Target.presets())
def test_fixed_programs_on_all_presets(preset: str) -> None:
    """Streams that follow each other without a rest meet cycles elsewhere in every turn."""
    names = ("layer", "attention", "ring")
    still = [gone_through(looped(FIXED[name], Target.load(preset), 5)) for name in names]
    assert still[0] == 0 < still[1]


AT = 1 << 25
STREAM = "stream (@1,@1,@1024,@64), f16 {at}[@0,@0,@128,@2]\n"
PRODUCT = "vecmat (@1,@1,@1024,@64), f16 @65536[@0,@128,@0,@2], f16 @0[@0,@2048,@2,@0], 0\n"
PASS = "map1.neg (@1,@1,@1,@64), f16 {at}[@0,@0,@0,@2], f16 {at}[@0,@0,@0,@2]\n"
KEPT = "store (@1,@1,@1,@2), f16 r90[@0,@0,@0,@1048576], f16 @131072[@0,@0,@0,@2]\n"
"""Two elements, and what lies between them is none of theirs but counts where ranges meet."""
GROWING = (
    "map1.neg (@1,@1,r97,@320), f16 @0[@0,@0,@640,@2], f16 @0[@0,@0,@640,@2]\n"
    + PASS.format(at="@0") + "lds r91, 0\n"
)  # fmt: skip
"""All is over when the control processor goes on."""
NEXT, SAME = STREAM.format(at="r90") + PRODUCT, STREAM.format(at=f"@{AT}")
WHOLE, PASSES, BEFORE = SAME + PRODUCT, 8 * PASS.format(at="@65536"), AT - 6 * STRIPE - (1 << 18)
MOVING = {
    "panels a stripe apart": looped(NEXT + PASSES, EVEN, 12, AT, STRIPE),
    "panels that lie anywhere": looped(NEXT + WHOLE + PASSES, EVEN, 40, AT, STRIPE + 8192),
    "panels a stripe apart, skewed": looped(NEXT + WHOLE + PASSES, LPU, 40, AT, STRIPE),
    "a store meets a later stream": looped(KEPT + WHOLE + PASSES, EVEN, 12, BEFORE, STRIPE),
    "a stream meets a later store": looped(
        SAME + KEPT + PRODUCT + PASSES, EVEN, 12, BEFORE, STRIPE
    ),
    "passes that grow": looped(4 * GROWING, EVEN),
}  # fmt: skip
"""Loops in which something goes on."""
UNEQUAL = {"passes that grow"}
"""Of which no two turns are alike."""


@pytest.mark.parametrize("name", MOVING)
def test_loops_in_which_something_goes_on(name: str) -> None:
    assert (gone_through(MOVING[name]) == 0) == (name in UNEQUAL)


def test_the_turns_that_stand_still() -> None:
    """All but the first five of 49, in which the queue fills."""
    assert gone_through(looped(9 * PASS.format(at="@0"), turns=50)) == 44 * 17


def test_a_trap_behind_a_loop_is_the_one_of_the_plain_loop() -> None:
    made = Timed()
    loop = [
        Addi(90, 0, 0),
        *(made.map(0, 0) for _ in range(20)),
        Loop(90, made.at(20).base, 1, Addi.WORDS),
    ]
    program = made.program([*loop, made.vecmat(0, 0), made.map(0, 0)])
    machine = Steady(program.target)
    *_, trap = until_trap(steady(program, machine))
    assert trap == until_trap(plain(program))[-1]
    assert "the operand FIFO is empty" in str(trap)
    assert machine.still > 100


def test_what_was_taken_comes_before_a_walk_that_traps() -> None:
    program = looped(4 * PASS.format(at="r90"), EVEN, 12, ROOM - 5 * 128, 128)
    gone_through(program)
    assert "trap out-of-bounds" in str(until_trap(plain(program))[-1])


LEFT_OUT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "borders": ("panels that lie anywhere", lambda turn: [(pc, work) for pc, work, _ in turn]),
    "work": ("passes that grow", lambda turn: [(pc, border) for pc, _, border in turn]),
}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_a_part_of_a_turn_that_is_left_out_shows(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    name, without = LEFT_OUT[part]

    def left(*arguments: Any) -> Any:
        return tuple((*entry, None) for entry in without(turn_of(*arguments)))

    monkeypatch.setattr(recognising, "turn_of", left)
    with pytest.raises(AssertionError):
        gone_through(MOVING[name])


@pytest.mark.parametrize("name", ["a store meets a later stream", "a stream meets a later store"])
def test_an_order_that_is_left_out_shows(monkeypatch: pytest.MonkeyPatch, name: str) -> None:

    def nothing(*arguments: Any) -> tuple[()]:
        del arguments
        return ()

    monkeypatch.setattr(recognising, "order_of", nothing)
    with pytest.raises(AssertionError):
        gone_through(MOVING[name])
