"""What can be wrong with an instruction: every way in which one field, or its place, is another."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from runtime.isa import Addi, Copy, Muli
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import Inst
from runtime.numerics.elements import ElementType

Mutant = tuple[str, list[Inst]]
OTHER_SIDE = {"left": "right", "right": "left"}
NUMBERS = (0, 1, 2, 3, 4)
"""Registers of extents and strides."""


def mutants(code: Sequence[Inst], bases: Sequence[int]) -> Iterator[Mutant]:
    """Kind and code of each mutant, at messages and what makes their addresses and blocks.

    `bases` are registers that addresses are taken from instead.
    """
    for at, inst in enumerate(code):
        if not isinstance(inst, Send | Recv | Copy | Muli | Addi):
            continue
        before, after = list(code[:at]), list(code[at + 1 :])
        yield "drop", [*before, *after]
        yield "duplicate", [*before, inst, inst, *after]
        yield "swap", [*before, after[0], inst, *after[1:]]
        for kind, other in _changed(inst, bases):
            yield kind, [*before, other, *after]
        if isinstance(inst, Send | Recv):
            yield from (("swap", pair) for pair in _exchanged(code, at))


def _exchanged(code: Sequence[Inst], at: int) -> Iterator[list[Inst]]:
    """A message changes places with each of those behind it."""
    for other in range(at + 1, len(code)):
        if isinstance(code[other], Send | Recv):
            found = list(code)
            found[at], found[other] = found[other], found[at]
            yield found


def _changed(inst: Inst, bases: Sequence[int]) -> Iterator[tuple[str, Inst]]:
    if isinstance(inst, Addi | Muli):
        yield from (("scalar", other) for other in _scalars(inst, bases))
        return
    name = "src" if isinstance(inst, Send) else "dst"
    operand, extents = getattr(inst, name), getattr(inst, "extents")  # noqa: B009
    for changed in _numbers(extents):
        yield "extent", _with(inst, extents=changed)
    for changed in _numbers(operand.strides):
        yield "stride", _with(inst, **{name: replace(operand, strides=changed)})
    for base in {*bases, 0, 20} - {operand.base}:
        yield "base", _with(inst, **{name: replace(operand, base=base)})
    if isinstance(inst, Send | Recv):
        yield "redirect", replace(inst, side=OTHER_SIDE[inst.side])
        for element in (ElementType.F16, ElementType.I32, ElementType.I64):
            yield "type", _with(inst, **{name: replace(operand, type=element)})


def _scalars(inst: Addi | Muli, bases: Sequence[int]) -> Iterator[Inst]:
    for step in (-64, -4, 4, 64):
        yield replace(inst, imm=inst.imm + step)
    for register in (10, 11, *bases):
        yield replace(inst, ra=register)
    yield replace(inst, rd=bases[bases.index(inst.rd) - 1])


def _with(inst: Any, **fields: Any) -> Inst:
    return replace(inst, **fields)


def _numbers(registers: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for axis, register in enumerate(registers):
        for other in NUMBERS:
            if other != register:
                yield (*registers[:axis], other, *registers[axis + 1 :])
