"""First fit and interval colouring never give one place to two things that live at once."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from xdsl.dialects import test
from xdsl.ir import SSAValue

from dialects.lpu_isa.code import VIRTUAL, Code
from dialects.lpu_mem.types import Buffer, BufferType
from passes.lpu_isa.registers.liveness import Lifetime, Liveness, Places
from passes.lpu_mem.placement.lives import WORD, Life, place, place_apart
from runtime.isa import Addi, Bge, Halt, Jump, Li, Loop
from runtime.numerics.elements import ElementType


def buffer(elements: int) -> SSAValue:
    made = test.TestOp(result_types=[BufferType(Buffer("lmu", ElementType.F32, elements))])
    return made.results[0]


def drawn_lives(seed: int) -> list[Life]:
    """Buffers of random sizes and lives."""
    rng = random.Random(seed)
    lives: list[Life] = []
    for _ in range(40):
        first = rng.randint(0, 20)
        lives.append(Life(buffer(rng.randint(0, 99)), first, first + rng.randint(0, 5)))
    return lives


def check_places(lives: list[Life], alignment: int) -> None:
    """Those that live at once are disjoint; each is aligned, a small one to its size."""
    for life in lives:
        size = max(WORD, 1 << (life.nbytes - 1).bit_length())
        assert life.address % min(alignment, size) == 0
    for a, b in combinations(lives, 2):
        apart = a.last < b.first or b.last < a.first
        below = a.address + a.nbytes <= b.address or b.address + b.nbytes <= a.address
        assert apart or below


@pytest.mark.parametrize("alignment", [8, 64])
@pytest.mark.parametrize("seed", range(10))
def test_buffers_that_live_at_once_are_disjoint(seed: int, alignment: int):
    lives = drawn_lives(seed)
    peak = place(lives, alignment, 8)
    assert peak == max(life.address + life.nbytes for life in lives)
    assert min(life.address for life in lives) >= 8
    check_places(lives, alignment)


@pytest.mark.parametrize("room", [1000, 4000, 5000, 7000, 20000])
@pytest.mark.parametrize("seed", range(10))
def test_buffers_that_take_turns_are_disjoint_too(seed: int, room: int):
    lives = drawn_lives(seed)
    if not place_apart(lives, 64, 128, room):
        assert room <= 7000
        return
    assert room >= 4000
    check_places(lives, 64)
    assert all(128 <= life.address <= room - life.nbytes for life in lives)


def test_a_buffer_goes_behind_the_one_before():
    lives = [Life(buffer(16), time, time) for time in range(5)]
    assert place_apart(lives, 64, 64, 64 + 3 * 64)
    assert [life.address for life in lives] == [64, 128, 192, 64, 128]
    assert place(lives, 64, 64) == 128


@pytest.mark.parametrize("seed", range(10))
def test_registers_hold_one_value_at_a_time(seed: int):
    rng = random.Random(seed)
    places = Places(5)
    taken: list[tuple[int, Lifetime]] = []
    for key in range(60):
        first = rng.randint(0, 50)
        life = Lifetime(key, first, first + rng.randint(0, 9))
        chosen = places.take(life)
        if chosen is not None:
            taken.append((chosen, life))
    assert len({chosen for chosen, _ in taken}) == 5
    for (p, a), (q, b) in combinations(taken, 2):
        assert p != q or a.last < b.first or b.last < a.first


V = VIRTUAL


def test_a_value_used_in_a_loop_lives_as_long_as_the_outermost_loop_it_enters():
    code: list[Code | str] = [
        Code(Addi, (V, 1, 5)),
        Code(Li, (V + 1, 0)),
        "outer",
        Code(Li, (V + 2, 0)),
        "inner",
        Code(Addi, (V + 3, V, 1)),
        Code(Loop, (V + 2, 1, 1, "inner")),
        Code(Loop, (V + 1, 1, 1, "outer")),
        Code(Halt, ()),
    ]
    live = Liveness(code)
    spans = {life.key: (life.first, life.last) for life in live.lifetimes.values()}
    assert spans == {V: (0, 7), V + 1: (1, 7), V + 2: (3, 6), V + 3: (5, 5)}
    assert [life.key for life in live.lifetimes.values() if life.crosses] == [V, V + 1, V + 2]
    assert live.depth == [0, 0, 1, 1, 2, 2, 2, 1, 0]


def test_blocks_end_behind_branches_and_before_labels():
    code: list[Code | str] = [
        Code(Bge, (0, 1, "end")),
        Code(Jump, ("end",)),
        "end",
        Code(Halt, ()),
    ]
    assert Liveness(code).blocks == [range(0, 1), range(1, 2), range(2, 4)]
