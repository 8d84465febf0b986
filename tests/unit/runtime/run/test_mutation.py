"""Changing any byte of a program's data instructions changes its outputs, or the machine refuses.

This holds for the reference, which refuses to read beyond what was written. `test_every_byte` holds
every data instruction to it on both paths, by what is in memory behind it.
"""

import dataclasses

import numpy as np
import pytest

from runtime.errors import RuntimeFault
from runtime.isa.encoding import decode, encode, encode_one, word_addresses
from runtime.isa.spec import WORD_BYTES, DataInst
from runtime.program.program import Program
from runtime.run.interpreter import Interpreter
from runtime.traps import Trap
from tests.unit.runtime.run.strides import INPUT, everything

PROGRAM = everything()
CODE = encode(PROGRAM.code)
DATA = [i for i, inst in enumerate(PROGRAM.code) if isinstance(inst, DataInst)]
STARTS = [WORD_BYTES * pc for pc in word_addresses(PROGRAM.code)]


def _result(program: Program) -> dict[str, bytes] | None:
    try:
        outputs = Interpreter(program, fuel=100_000, reference=True).run(INPUT)
    except (RuntimeFault, Trap):
        return None
    return {name: value.tobytes() for name, value in outputs.items()}


REFERENCE = _result(PROGRAM)


def test_the_program_runs() -> None:
    assert REFERENCE is not None
    assert np.isfinite(np.frombuffer(REFERENCE["y"], np.float32)).all()


@pytest.mark.parametrize("index", DATA)
def test_every_byte_matters(index: int) -> None:
    start, size = STARTS[index], len(encode_one(PROGRAM.code[index]))
    unnoticed: list[int] = []
    for at in range(start, start + size):
        mutant = bytearray(CODE)
        mutant[at] ^= 1
        try:
            changed = dataclasses.replace(PROGRAM, code=decode(bytes(mutant)))
        except RuntimeFault:
            continue
        if _result(changed) == REFERENCE:
            unnoticed.append(at - start)
    assert not unnoticed, f"{PROGRAM.code[index]} has bytes that do not matter: {unnoticed}"
