"""Single changes of a program that may break what devices tell each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from runtime.isa import Copy, Halt, Inst, Load, Operand, Recv, Send
from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.ctrl import Bge, Jump, Loop
from runtime.numerics.elements import ElementType
from runtime.program.program import Program
from runtime.program.provenance import Provenance

Net = Send | Recv
TYPES = (ElementType.I32, ElementType.F16, ElementType.U8, ElementType.I64)
STEPS = (1, -1, 4, 64)


class Mutant(NamedTuple):
    """A changed program: what kind of change it is, and where."""

    kind: str
    at: int
    program: Program


def mutants(program: Program, within: range | None = None) -> Iterator[Mutant]:
    """Every change of every instruction that exchanges, or that makes addresses for those."""
    code = program.code
    chosen = [at for at in exchanging(code) if within is None or at in within]
    for at in chosen:
        yield from _kept(program, at, "drop", [])
        yield from _kept(program, at, "duplicate", [code[at], code[at]])
        for kind, inst in _changed(code[at], _registers(code, at)):
            yield from _kept(program, at, kind, [inst])
        if at + 1 < len(code) and _may_move(code[at]) and _may_move(code[at + 1]):
            yield _swapped(program, "neighbours", at, at + 1)
    for one, other in combinations([at for at in chosen if isinstance(code[at], Net)], 2):
        if code[one] != code[other]:
            yield _swapped(program, "swap", one, other)


def exchanging(code: Sequence[Inst]) -> list[int]:
    """Sends and receives, what writes to the addresses of those, and the scalars they are made of.

    Of a register the writer is the nearest one before.
    """
    slots = {_slot(inst).base for inst in code if isinstance(inst, Net)}
    found: set[int] = set()
    for at, inst in enumerate(code):
        is_block = isinstance(inst, Copy | Load) and inst.dst.base in slots
        if isinstance(inst, Net) or is_block:
            registers = inst.reads() if isinstance(inst, Net) else (*inst.extents, inst.dst.base)
            found |= {at, *_makers(code, at, registers)}
    return sorted(found)


def _slot(inst: Net) -> Operand:
    return inst.src if isinstance(inst, Send) else inst.dst


def _makers(code: Sequence[Inst], at: int, registers: Iterable[int]) -> set[int]:
    """The scalar instructions from which registers have their values before an instruction."""
    found: set[int] = set()
    for register in {*registers} - {0}:
        maker = next((k for k in range(at - 1, -1, -1) if register in code[k].writes()), None)
        if maker is not None:
            found |= {maker} | _makers(code, maker, code[maker].reads())
    return found


def _registers(code: Sequence[Inst], at: int) -> list[int]:
    """Registers that are written before an instruction, and r0."""
    return sorted({0, *(r for inst in code[:at] for r in inst.writes())})


def _may_move(inst: Inst) -> bool:
    return not isinstance(inst, Loop | Bge | Jump | Halt)


def _changed(inst: Inst, registers: Sequence[int]) -> Iterator[tuple[str, Inst]]:
    """An instruction with one field changed."""
    for field in inst.LAYOUT:
        value = getattr(inst, field.name)
        for kind, other in _others(field.name, value, registers):
            is_source = field.name in ("a", "src") and not isinstance(inst, Net)
            try:
                named = f"source {kind}" if is_source else kind
                yield named, dataclasses.replace(inst, **{field.name: other})  # pyright: ignore
            except ValueError:
                continue


def _others(name: str, value: Any, registers: Sequence[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Operand):
        yield from _operands(value, registers)
    elif isinstance(value, tuple):
        yield from (("extent", four) for four in _fours(value, registers))
    elif name == "side":
        yield "redirect", {"left": "right", "right": "left"}[value]
    elif name in ("imm", "value"):
        yield from (("scalar", value + step) for step in STEPS)
    elif name in ("ra", "rb", "rd"):
        yield from (("scalar", other) for other in registers)


def _operands(operand: Operand, registers: Sequence[int]) -> Iterator[tuple[str, Operand]]:
    for other in registers:
        yield "base", dataclasses.replace(operand, base=other)
    for other in TYPES:
        yield "type", dataclasses.replace(operand, type=other)
    for four in _fours(operand.strides, registers):
        yield "stride", dataclasses.replace(operand, strides=four)


def _fours(four: tuple[int, ...], registers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for axis in range(4):
        for other in registers:
            if other != four[axis]:
                yield (*four[:axis], other, *four[axis + 1 :])


def _kept(program: Program, at: int, kind: str, insts: Sequence[Inst]) -> Iterator[Mutant]:
    code = program.code
    if list(insts) != [code[at]] and (insts or not isinstance(code[at], Loop | Halt)):
        places = [*range(at), *[at] * len(insts), *range(at + 1, len(code))]
        yield Mutant(kind, at, _laid(program, [*code[:at], *insts, *code[at + 1 :]], places))


def _swapped(program: Program, kind: str, one: int, other: int) -> Mutant:
    code = list(program.code)
    code[one], code[other] = code[other], code[one]
    return Mutant(kind, one, _laid(program, code, list(range(len(code)))))


def _laid(program: Program, code: Sequence[Inst], places: Sequence[int]) -> Program:
    """The program with other code, whose branches and entries lead where they led."""
    before = {pc: at for at, pc in enumerate(word_addresses(program.code))}
    after: dict[int, int] = {}
    for pc, place in zip(word_addresses(code), places, strict=True):
        after.setdefault(place, pc)
    pcs = {pc: _next(after, at) for pc, at in before.items()}
    laid = [
        dataclasses.replace(inst, target=pcs[inst.target])
        if isinstance(inst, Loop | Bge | Jump)
        else inst
        for inst in code
    ]
    interface = dataclasses.replace(program.interface, pc=pcs[program.interface.pc])
    others = tuple((n, dataclasses.replace(i, pc=pcs[i.pc])) for n, i in program.others)
    return dataclasses.replace(
        program, code=tuple(laid), interface=interface, others=others, provenance=Provenance()
    )


def _next(after: dict[int, int], at: int) -> int:
    while at not in after:
        at += 1
    return after[at]
