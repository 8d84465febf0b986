"""The bound on what a run executes: right by hand, never exceeded, and stated in the file."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.errors import Invalid
from runtime.isa import (
    Add,
    Addi,
    Bge,
    Divi,
    Fill,
    Halt,
    Inst,
    Jump,
    Lds,
    Li,
    Load,
    Loop,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Operand,
    Out,
    Sts,
    Sub,
)
from runtime.isa.spec import ISA, CtrlInst
from runtime.numerics.elements import ElementType
from runtime.program.bounds import elements
from runtime.program.file.canonical import to_text
from runtime.program.file.container import Kind
from runtime.program.file.writing import write_file
from runtime.program.interface import Symbol
from runtime.program.program import Program
from runtime.program.ranges import ANYTHING, execute
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run
from runtime.traps import Trap, TrapKind
from runtime.weights.stored import together
from tests.unit.runtime.program.programs import BOUND, program, projection, tokens

F32 = ElementType.F32
ONE = (1, 1, 1, 1)
SLOT = 512


def most(code: Sequence[Inst], *symbols: Symbol) -> int:
    """The bound of the entry `step`."""
    return program(code, symbols=symbols).bounds.elements["step"]


def test_instructions_count_their_points_and_others_one() -> None:
    registers = [0, 1, 2, 3]
    fill = Fill((1, 2, 3, 3), Operand(F32, 0), 0)
    assert elements(fill, registers) == 18
    assert elements(Fill((1, 2, 3, 0), Operand(F32, 0), 0), registers) == 1
    assert elements(Out(1), registers) == 1


def test_a_loop_counts_as_often_as_it_turns() -> None:
    code = [Li(1, 1), Li(2, 10), Li(3, 0), Li(4, 6), Fill((1, 1, 1, 4), Operand(F32, 0), 0)]
    code += [Loop(3, 2, 4, 4), Halt()]
    assert most(code) == 4 + 3 * (6 + 1) + 1


def test_what_cannot_be_reached_counts_nothing() -> None:
    assert most([Jump(2), Out(1), Halt(), Li(1, 1), Halt()]) == 2


def test_both_sides_of_a_branch_count_and_their_ranges_meet() -> None:
    code = [Li(1, 3), Bge(5, 6, 3), Li(1, 8), Fill((1, 1, 1, 1), Operand(F32, 0), 0), Halt()]
    assert most(code, Symbol("a", 5, 0, 1), Symbol("b", 6, 0, 1)) == 3 + 8**4 + 1


def test_symbols_bound_loops_by_their_upper_end() -> None:
    code = [Li(1, 0), Loop(1, 2, 1, 1), Halt()]
    assert most(code, Symbol("rows", 2, 1, 7)) == 1 + 7 + 1


def test_a_counter_may_start_anywhere_in_its_range() -> None:
    code = [Addi(1, 3, -1), Loop(1, 2, 1, 1), Halt()]
    assert most(code, Symbol("total", 2, 1, 9), Symbol("prompt", 3, 1, 8)) == 1 + 9 + 1


def test_what_a_body_changes_is_unknown_in_it() -> None:
    code = [Li(1, 0), Li(2, 4), Li(3, 1), Fill((3, 3, 3, 3), Operand(F32, 0), 0)]
    code += [Add(3, 3, 3), Loop(1, 2, 1, 3), Halt()]
    with pytest.raises(Invalid, match="fill at pc 3 has the extent r3, which nothing bounds"):
        most(code)


@pytest.mark.parametrize("guard", [False, True])
def test_data_bounds_a_loop_only_behind_a_minimum(guard: bool) -> None:
    code = [Li(3, 5), Lds(2, 64), *([Min(2, 2, 3)] if guard else []), Li(1, 0)]
    code += [Loop(1, 2, 1, len(code)), Halt()]
    if guard:
        assert most(code) == 4 + 5 + 1
        return
    with pytest.raises(Invalid, match="may turn for ever: nothing bounds r2"):
        most(code)


def test_a_counter_that_starts_at_data_is_refused() -> None:
    with pytest.raises(Invalid, match="may turn for ever: nothing bounds r1"):
        most([Lds(1, 64), Li(2, 4), Loop(1, 2, 1, 2), Halt()])


def test_a_counter_that_would_wrap_is_refused() -> None:
    code = [Li(1, 0), Li(2, 2**63 - 2), Loop(1, 2, 2**30, 2), Halt()]
    with pytest.raises(Invalid, match="may turn for ever"):
        most(code)


def test_more_elements_than_a_header_states_are_refused() -> None:
    code = [Li(2, 1 << 40), Li(1, 0), Li(3, 0), Loop(3, 2, 1, 3), Loop(1, 2, 1, 2), Halt()]
    with pytest.raises(Invalid, match="more than 4611686018427387904 elements"):
        most(code)


def kept(writes: Sequence[Inst]) -> list[Inst]:
    """A loop whose bound, 3, lies in the LMU while `writes` happen."""
    code: list[Inst] = [Li(2, 3), Sts(2, SLOT), Li(4, SLOT), Li(5, 1), Li(6, 64), *writes]
    code += [Li(2, 0), Lds(2, SLOT), Li(1, 0)]
    return [*code, Loop(1, 2, 1, sum(inst.WORDS for inst in code)), Halt()]


def test_a_scalar_kept_in_the_lmu_bounds_a_loop() -> None:
    fill = Fill((5, 5, 5, 6), Operand(F32, 0, (0, 0, 0, 5)), 0)
    assert most(kept([])) == 5 + 3 + 3 + 1
    assert most(kept([fill])) == 5 + 64 + 3 + 3 + 1


@pytest.mark.parametrize("base", [4, 5])
def test_a_scalar_that_data_may_overwrite_bounds_nothing(base: int) -> None:
    """The fill begins at the scalar, or goes over it in steps of 64 bytes."""
    fill = Fill((5, 5, 5, 6), Operand(F32, base, (0, 0, 0, 6)), 0)
    with pytest.raises(Invalid, match="may turn for ever"):
        most(kept([fill]))


def test_ranges_hold_every_value_of_every_scalar_instruction() -> None:
    """Random operands within random ranges, against the machine's own arithmetic."""
    rng = random.Random(3)
    makers: list[Callable[[int], Inst]] = [
        *(lambda _, cls=cls: cls(3, 1, 2) for cls in (Add, Sub, Mul, Min, Max)),
        *(lambda imm, cls=cls: cls(3, 1, imm) for cls in (Addi, Muli)),
        lambda imm: Divi(3, 1, abs(imm) + 1), lambda imm: Li(3, imm), lambda _: Mov(3, 1),
    ]  # fmt: skip
    for _ in range(2000):
        inst, size = rng.choice(makers)(rng.randint(-50, 50)), rng.choice([3, 100, 1 << 62])
        ends = [sorted(rng.randint(-size, size) for _ in range(2)) for _ in range(2)]
        state: list[Any] = [(0, 0), *map(tuple, ends), ANYTHING]
        execute(inst, state, {})
        values = [rng.randint(low, high) for low, high in ends]
        made = program([Li(1, values[0]), Li(2, values[1]), inst, Halt()])
        machine = Interpreter(made)
        machine.run({})
        low, high = state[3]
        with machine.devices() as (device,):
            assert low <= device.registers[3] <= high, inst


def test_every_instruction_that_writes_a_register_has_a_range() -> None:
    """An instruction without a rule would leave the range of before."""
    for cls in ISA.values():
        if issubclass(cls, CtrlInst) and cls.MNEMONIC not in ("loop", "halt", "jump", "bge"):
            places = {"rd": 1, "address": 8}
            inst = cls(**{field.name: places.get(field.name, 2) for field in cls.LAYOUT})
            state: list[Any] = [(0, 0), (5, 6), (7, 9)]
            execute(inst, state, {})
            assert not inst.writes() or state[1] != (5, 6), inst


def executed(made: Program, inputs: Any, entry: str = "step", **values: int) -> int:
    """What a run counts."""
    count = 0

    def watch(run: Run) -> None:
        nonlocal count
        count += elements(run.code.instructions[run.pc], run.device.registers)

    Interpreter(made, on_step=watch).run(inputs, entry, values)
    return count


def test_a_run_at_the_upper_end_of_the_symbols_meets_its_bound() -> None:
    bound = projection().bounds.elements["step"]
    assert executed(projection(), {"x": tokens(BOUND)}) == bound
    assert executed(projection(), {"x": tokens(BOUND - 1)}) < bound


@pytest.mark.parametrize("target", ["lpu-4nm", "lpu-tiny"])
def test_a_compiled_decoder_stays_within_its_bounds_and_near_them(target: str) -> None:
    """`generate` with all tokens there can be, of which the prompt is half."""
    path = Path("samples/exports/gpt2.onnx")
    made = compile_model(path, CompileOptions(target, max_context=16)).in_memory
    inputs = {
        "tokens": np.arange(8), "stops": np.full(4, -1),
        "sampler": np.array([1, 1, 1], np.float32), "sampler_ints": np.array([0, 7]),
    }  # fmt: skip
    count = executed(made, inputs, "generate", fed=0, total=17, sampled=1)
    bound = made.bounds.elements["generate"]
    assert bound / 3 < count <= bound


def test_fuel_counts_elements() -> None:
    needed = executed(projection(), {"x": tokens(3)})
    Interpreter(projection(), fuel=needed).run({"x": tokens(3)})
    machine = Interpreter(projection(), fuel=needed - 1)
    for _ in range(2):
        with pytest.raises(Trap, match=f"not finished after {needed - 1} elements") as caught:
            machine.run({"x": tokens(3)})
        assert caught.value.kind is TrapKind.FUEL
        assert caught.value.pc is not None


def test_memory_is_parameters_arena_and_lmu() -> None:
    made = program([Halt()])
    assert made.bounds.memory == 1024 + 4096 + made.target.lmu_bytes


def test_a_program_of_many_branches_is_walked_in_reasonable_time() -> None:
    count = 5000
    code: list[Inst] = [Bge(1, 2, 3 * at + 3) if k == 0 else Li(3, at)
                        for at in range(count) for k in range(3)]  # fmt: skip
    assert most([*code, Halt()], Symbol("a", 1, 0, 1), Symbol("b", 2, 0, 1)) == 3 * count + 1


def test_too_many_branches_across_each_other_are_refused() -> None:
    count = 2000
    code: list[Inst] = [Bge(1, 2, count + at) for at in range(count)]
    code += [Li(3, at) for at in range(count)]
    with pytest.raises(Invalid, match="one branch too many"):
        most([*code, Halt()], Symbol("a", 1, 0, 1), Symbol("b", 2, 0, 1))


def test_a_load_of_nothing_counts_one() -> None:
    code = [Li(1, 1), Load((1, 1, 1, 0), Operand(F32, 0), Operand(F32, 0)), Halt()]
    assert most(code) == 3


@pytest.mark.parametrize("change", [{"elements": {"step": 1}}, {"memory": 1}, {"more": 1}])
def test_a_file_states_what_the_code_gives(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "p.lpu"
    made = projection()
    made.write(path)
    assert Program.load(path).bounds == made.bounds
    sections = {**made.sections()}
    stated = json.loads(sections[Kind.BOUNDS])
    sections[Kind.BOUNDS] = to_text(stated | change).encode()
    write_file(path, sections, made.interface.params_size, together(made.images))
    with pytest.raises(Invalid, match="bounds in the file are not what the code gives"):
        Program.load(path)
