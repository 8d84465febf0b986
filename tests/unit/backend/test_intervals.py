"""What is known of register values before the program runs."""

from __future__ import annotations

from dialects.lpu_isa.code import Code
from passes.lpu_isa.registers.intervals import intervals
from runtime.isa import Add, Addi, Lds, Li, Loop, Max, Min, Mov, Mul, Muli, Sub

A, B, C, D = 300, 301, 302, 303


def known(*code: Code) -> dict[int, tuple[int, int]]:
    return dict(intervals(code, {"P": (0, 7)}))


def test_arithmetic_on_a_symbol():
    found = known(
        Code(Muli, (A, 1, -4)), Code(Addi, (B, A, 100)), Code(Sub, (C, B, 1)), Code(Add, (D, C, A))
    )
    assert [found[r] for r in (1, A, B, C, D)] == [
        (0, 7), (-28, 0), (72, 100), (65, 100), (37, 100),
    ]  # fmt: skip


def test_products_and_bounds():
    found = known(
        Code(Li, (A, -3)), Code(Mul, (B, A, 1)), Code(Min, (C, B, A)), Code(Max, (D, B, A))
    )
    assert [found[r] for r in (B, C, D)] == [(-21, 0), (-21, -3), (-3, 0)]


def test_a_loop_variable_stays_below_its_bound():
    loop = Code(Loop, (B, A, 2, "head"))
    assert known(Code(Li, (A, 12)), Code(Li, (B, 3)), loop)[B] == (3, 11)
    assert known(Code(Li, (A, 12)), Code(Mov, (B, 1)), loop)[B] == (0, 11)


def test_what_comes_from_memory_is_unknown():
    found = known(Code(Lds, (A, 0)), Code(Addi, (B, A, 1)), Code(Add, (C, B, 1)))
    assert not {A, B, C} & found.keys()
    bound = Code(Loop, (C, A, 1, "head"))
    assert C not in known(Code(Lds, (A, 0)), Code(Li, (C, 0)), bound)
