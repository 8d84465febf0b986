"""First fit and interval colouring never give one place to two things that live at once."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from xdsl.dialects import test
from xdsl.ir import SSAValue

from dialects.lpu_isa.code import VIRTUAL, Code
from dialects.lpu_mem.types import Buffer, BufferType
from passes.lpu_mem_allocate import Life, place
from passes.registers.liveness import Lifetime, Liveness, Places
from runtime.isa import Addi, Bge, Halt, Jump, Li, Loop
from runtime.numerics import ElementType


def buffer(elements: int) -> SSAValue:
    made = test.TestOp(result_types=[BufferType(Buffer("lmu", ElementType.F32, elements))])
    return made.results[0]


@pytest.mark.parametrize("alignment", [8, 64])
@pytest.mark.parametrize("seed", range(10))
def test_buffers_that_live_at_once_are_disjoint(seed: int, alignment: int):
    rng = random.Random(seed)
    lives: list[Life] = []
    for _ in range(40):
        first = rng.randint(0, 20)
        lives.append(Life(buffer(rng.randint(0, 99)), first, first + rng.randint(0, 5)))
    peak = place(lives, alignment)
    assert peak == max(life.address + life.nbytes for life in lives)
    assert all(life.address % alignment == 0 for life in lives)
    for a, b in combinations(lives, 2):
        apart = a.last < b.first or b.last < a.first
        below = a.address + a.nbytes <= b.address or b.address + b.nbytes <= a.address
        assert apart or below


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
