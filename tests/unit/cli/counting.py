"""A program with the entry `generate`, whose tokens count up from the length of the prompt."""

from __future__ import annotations

from dataclasses import replace

from runtime.isa import Bge, Halt, Inst, Loop, Out
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.program.program import Program
from tests.unit.runtime.program.programs import program

F32, I64 = ElementType.F32, ElementType.I64
VOCABULARY, MOST = 11, 9
_PROMPT = Dim(0, (("prompt", 1),))
INPUTS = (
    Port("tokens", I64, I64, (_PROMPT,), (1,), 1024, "tokens"),
    Port("stops", I64, I64, (Dim(4),), (1,), 1152, "stops"),
    Port("sampler", F32, F32, (Dim(3),), (1,), 1216, "sampler"),
    Port("sampler_ints", I64, I64, (Dim(2),), (1,), 1280, "sampler_ints"),
)
SYMBOLS = (
    Symbol("prompt", 1, 1, MOST - 1),
    Symbol("total", 2, 1, MOST),
    Symbol("sampled", 3, 0, 1),
)
CODE: tuple[Inst, ...] = (Halt(), Bge(1, 2, 4), Out(1), Loop(1, 2, 1, 2), Halt())


def counting_program() -> Program:
    """`step` has the form of a decoder and computes nothing."""
    rows = Dim(0, (("P", 1),))
    made = program(
        CODE,
        [Port("ids", I64, I64, (Dim(1), rows), (8, 1), 1024, "ids")],
        [Port("logits", F32, F32, (Dim(1), rows, Dim(VOCABULARY)), (99, 11, 1), 2048)],
        [Symbol("P", 1, 1, MOST - 1)],
    )
    generate = Interface(INPUTS, (), SYMBOLS, 0, 1024, 4096, pc=1)
    return replace(made, others=(("generate", generate),))
