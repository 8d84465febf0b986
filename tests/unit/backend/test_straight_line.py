"""Random scalar code computes the same on virtual registers and on very few real ones."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from xdsl.dialects.builtin import UnknownLoc

from dialects.errors import CompileError
from dialects.lpu_isa.code import VIRTUAL, Code
from passes.lpu_isa.allocate_registers import Allocation
from runtime.isa import Add, Addi, Halt, Lds, Li, Muli, Sts, Sub

SPILL = 1000
SYMBOLS = ["P", "d0", "d1", "d2", "d3", "d4"]


def run(codes: Iterable[Code | str]) -> dict[int, int]:
    """What scalar code leaves in memory below the spill slots."""
    registers, memory = {0: 0, 1: 11, 2: 22, 3: 33, 4: 44, 5: 55, 6: 66}, dict[int, int]()
    for code in codes:
        assert isinstance(code, Code)
        match code.inst(*(v for v in code.renamed(lambda r: min(r, 255)).values)), code.values:
            case Li(), (rd, value):
                registers[rd] = value
            case Add(), (rd, a, b):
                registers[rd] = registers[a] + registers[b]
            case Sub(), (rd, a, b):
                registers[rd] = registers[a] - registers[b]
            case Addi(), (rd, a, value):
                registers[rd] = registers[a] + value
            case Muli(), (rd, a, value):
                registers[rd] = registers[a] * value
            case Sts(), (a, address):
                memory[address] = registers[a]
            case Lds(), (rd, address):
                registers[rd] = memory[address]
            case _:
                pass
    return {address: value for address, value in memory.items() if address < SPILL}


def program(seed: int, symbols: int = 1) -> list[Code | str]:
    """Registers are written again and again, constants and sums, and stored at times."""
    rng = random.Random(seed)
    known, codes = list(range(1, symbols + 1)), list[Code | str]()
    for step in range(80):
        rd, a, b = VIRTUAL + rng.randrange(9), rng.choice(known), rng.choice(known)
        codes += rng.choice(
            [
                [Code(Li, (rd, step))],
                [Code(Add, (rd, a, b))],
                [Code(Sub, (rd, a, b))],
                [Code(Addi, (rd, a, step))],
                [Code(Muli, (rd, a, 3)), Code(Sts, (rd, 8 * step))],
            ]
        )
        known = sorted({*known, rd})
    codes += [Code(Sts, (register, 800 + 8 * n)) for n, register in enumerate(known)]
    return [*codes, Code(Halt, ())]


def on_registers(codes: Iterable[Code | str], symbols: Sequence[str], registers: int) -> list[Code]:
    """Code on so many registers of the machine."""
    items = [(code, UnknownLoc()) for code in codes]
    allocated = [code for code, _ in Allocation(items, symbols, registers, SPILL).run()]
    return [code for code in allocated if isinstance(code, Code)]


def largest(codes: Iterable[Code]) -> int:
    """The largest register that code names."""
    return max(register for code in codes for register in (*code.reads(), *code.writes()))


@pytest.mark.parametrize("registers", [5, 6, 8, 256])
@pytest.mark.parametrize("seed", range(20))
def test_results_do_not_depend_on_the_number_of_registers(seed: int, registers: int):
    codes = program(seed)
    allocated = on_registers(codes, ["P"], registers)
    assert run(allocated) == run(codes)
    assert largest(allocated) < registers


@pytest.mark.parametrize("registers", [7, 8, 9])
@pytest.mark.parametrize("seed", range(20))
def test_symbols_give_up_registers_where_they_are_too_many(seed: int, registers: int):
    codes = program(seed, symbols=6)
    allocated = on_registers(codes, SYMBOLS, registers)
    assert run(allocated) == run(codes)
    assert largest(allocated) < registers


def test_more_symbols_than_registers_are_refused():
    with pytest.raises(CompileError, match="6 symbols starts with a register for each, of 5"):
        on_registers([Code(Halt, ())], SYMBOLS, 6)


def test_an_instruction_that_names_more_registers_than_there_are_is_refused():
    with pytest.raises(CompileError, match="an instruction needs 3 registers, 2 are free"):
        on_registers([Code(Add, (VIRTUAL, 1, 2)), Code(Halt, ())], SYMBOLS[:2], 3)


def test_values_of_devices_are_made_anew_and_take_no_slots():
    codes: list[Code | str] = []
    made = range(VIRTUAL, VIRTUAL + 300, 3)
    for n, register in enumerate(made):
        codes += [
            Code(Muli, (register, 2 + n % 5, 64)),
            Code(Li, (register + 1, n)),
            Code(Add, (register + 2, register + 1, register)),
        ]
    codes += [Code(Sts, (register + 2, 8 * n)) for n, register in enumerate(made)]
    allocated = on_registers([*codes, Code(Halt, ())], SYMBOLS, 10)
    assert run(allocated) == run(codes)
    assert not [code for code in allocated if code.inst is Sts and code.values[1] >= SPILL]
