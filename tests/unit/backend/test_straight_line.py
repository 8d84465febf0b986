"""Random scalar code computes the same on virtual registers and on very few real ones."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from xdsl.dialects.builtin import UnknownLoc

from dialects.lpu_isa.code import VIRTUAL, Code
from passes.lpu_isa.allocate_registers import Allocation
from runtime.isa import Add, Addi, Halt, Lds, Li, Muli, Sts, Sub

SPILL = 1000


def run(codes: Iterable[Code | str]) -> dict[int, int]:
    """What scalar code leaves in memory below the spill slots."""
    registers, memory = {0: 0, 1: 11}, dict[int, int]()
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


def program(seed: int) -> list[Code | str]:
    """Registers are written again and again, constants and sums, and stored at times."""
    rng = random.Random(seed)
    known, codes = [1], list[Code | str]()
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


@pytest.mark.parametrize("registers", [5, 6, 8, 256])
@pytest.mark.parametrize("seed", range(20))
def test_results_do_not_depend_on_the_number_of_registers(seed: int, registers: int):
    codes = program(seed)
    items = [(code, UnknownLoc()) for code in codes]
    allocated = Allocation(items, 1, registers, SPILL).run()
    assert run(code for code, _ in allocated) == run(codes)
    for code, _ in allocated:
        assert isinstance(code, Code)
        assert max([*code.reads(), *code.writes()], default=0) < registers
