"""Which control flow is refused, and which is not: every program that loads halts."""

from collections.abc import Sequence

import pytest

from runtime.errors import Invalid
from runtime.isa import (
    Addi,
    Bge,
    Halt,
    Inst,
    Jump,
    Lds,
    Li,
    Loop,
    Mov,
    Out,
    Sts,
)
from runtime.program.structure import structure_of
from tests.unit.runtime.program.programs import program

KEEP = 512


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ([Jump(0)], "last instruction is not halt"),
        ([Jump(0), Halt()], "jump at pc 0 goes back to 0, only a loop may"),
        ([Li(1, 1), Bge(1, 1, 0), Halt()], "bge at pc 1 goes back to 0, only a loop may"),
        ([Li(1, 0), Jump(9), Halt()], "branches to 9, where no instruction is"),
        ([Loop(1, 0, 1, 1), Halt()], "loop at pc 0 goes forward"),
        ([Li(1, 0), Loop(1, 0, 0, 1), Halt()], "steps by 0, which is not positive"),
        ([Li(1, 0), Loop(1, 0, -1, 1), Halt()], "steps by -1, which is not positive"),
        ([Li(1, 0), Li(1, 0), Loop(1, 2, 1, 1), Halt()], "writes its counter r1"),
        ([Li(1, 0), Loop(1, 1, 1, 1), Halt()], "writes its bound r1"),
        ([Li(2, 5), Li(1, 0), Addi(2, 2, 1), Loop(1, 2, 1, 2), Halt()], "writes its bound r2"),
        ([Li(1, 0), Lds(2, KEEP), Loop(1, 2, 1, 1), Halt()], "writes its bound r2"),
        (
            [Li(1, 0), Li(2, 2), Bge(1, 2, 4), Li(2, 3), Loop(1, 2, 1, 1), Halt()],
            "loop at pc 4 writes its bound r2",
        ),
        (
            [Li(1, 0), Li(2, 0), Loop(1, 3, 1, 1), Loop(2, 3, 1, 2), Halt()],
            "loop at pc 3 and loop at pc 2 end loops that do not nest",
        ),
        (
            [Li(1, 0), Jump(3), Li(2, 0), Loop(1, 3, 1, 2), Halt()],
            "jump at pc 1 branches into a loop, to 3",
        ),
        (
            [Li(1, 0), Jump(4), Out(1), Loop(1, 3, 1, 2), Halt(), Halt()],
            None,
        ),
        (
            [Li(1, 0), Bge(1, 3, 4), Loop(1, 3, 1, 1), Halt(), Halt()],
            "bge at pc 1 leaves a loop for 4, which is not right behind it",
        ),
        (
            [Li(1, 0), Li(2, 0), Bge(2, 3, 5), Loop(2, 3, 1, 2), Loop(1, 3, 1, 1), Halt()],
            "bge at pc 2 leaves a loop for 5",
        ),
    ],
)
def test_control_flow(code: Sequence[Inst], message: str | None) -> None:
    if message is None:
        structure_of(code)
        return
    with pytest.raises(Invalid, match=message):
        structure_of(code)


def test_a_branch_may_end_a_turn_or_leave_its_loop() -> None:
    code = [
        Li(1, 0), Li(3, 5),
        Bge(1, 3, 6), Bge(3, 1, 5), Out(1), Loop(1, 3, 1, 2),
        Halt(),
    ]  # fmt: skip
    found = structure_of(code)
    assert [(loop.head, loop.tail) for loop in found.loops[2]] == [(2, 5)]
    assert found.goals == {2: 6, 3: 5}


def test_loops_with_one_head_are_nested() -> None:
    found = structure_of([Li(1, 0), Li(2, 0), Loop(2, 3, 1, 2), Loop(1, 3, 1, 2), Halt()])
    outer, inner = found.loops[2]
    assert (outer.tail, inner.tail) == (3, 2)
    assert inner.parent is outer


def _with_few_registers(kept: Inst, reload: Inst) -> list[Inst]:
    """A loop whose body uses the register of the counter, r1; the bound is a constant."""
    return [
        Li(1, 0), Sts(1, KEEP), Lds(1, KEEP),
        kept, Li(1, 7), Out(1), reload, Li(2, 3), Loop(1, 2, 1, 3),
        Halt(),
    ]  # fmt: skip


def test_a_body_may_use_the_registers_of_its_loop_and_load_them_again() -> None:
    found = structure_of(_with_few_registers(Sts(1, KEEP), Lds(1, KEEP)))
    (loop,) = found.loops[3]
    assert loop.is_kept
    assert loop.reload == Li(2, 3)


@pytest.mark.parametrize(
    ("kept", "reload"),
    [
        (Mov(3, 1), Lds(1, KEEP)),
        (Sts(2, KEEP), Lds(1, KEEP)),
        (Sts(1, KEEP + 8), Lds(1, KEEP)),
        (Sts(1, KEEP), Li(1, 0)),
        (Sts(1, KEEP), Out(1)),
    ],
)
def test_a_counter_that_is_not_what_it_was_is_refused(kept: Inst, reload: Inst) -> None:
    with pytest.raises(Invalid, match="writes its counter r1"):
        structure_of(_with_few_registers(kept, reload))


def test_a_kept_counter_is_not_written_elsewhere_in_the_body() -> None:
    code = _with_few_registers(Sts(1, KEEP), Lds(1, KEEP))
    code[5] = Sts(1, KEEP)
    with pytest.raises(Invalid, match="writes its counter r1"):
        structure_of(code)


def test_a_bound_that_the_body_stores_anew_is_refused() -> None:
    code = [
        Li(2, 3), Sts(2, KEEP), Li(1, 0),
        Addi(2, 2, 1), Sts(2, KEEP), Lds(2, KEEP), Loop(1, 2, 1, 3),
        Halt(),
    ]  # fmt: skip
    with pytest.raises(Invalid, match="writes its bound r2"):
        structure_of(code)


def test_no_entry_starts_within_a_loop() -> None:
    made = program([Loop(1, 0, 1, 0), Halt()])
    with pytest.raises(Invalid, match="entry 'step' starts at 0, within a loop"):
        made.validate()


def test_ten_thousand_branches_and_loops_are_checked_at_once() -> None:
    """Neither many loops nor many branches across each other take quadratic time."""
    count = 10_000
    loops = [inst for at in range(count) for inst in (Li(1, 0), Loop(1, 0, 1, 2 * at + 1))]
    branches = [Jump(3 * count) for _ in range(count)]
    nest = [Loop(1 + at % 9, 0, 1, 0) for at in range(count)]
    assert len(structure_of([*loops, *branches, Halt()]).loops) == count
    with pytest.raises(Invalid, match="counter"):
        structure_of([*nest, Halt()])
