"""Every instruction of the table has an operation that prints, parses, verifies and encodes."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from xdsl.dialects.builtin import UnknownLoc
from xdsl.parser import Parser
from xdsl.printer import Printer

from dialects.lpu_isa.code import VIRTUAL, Code, CodeAttr
from dialects.lpu_isa.ops import BY_INST, IsaOp, instruction
from runtime.isa import ISA, Inst, Operand
from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.kinds import Bits, Choice, Integer, Kind
from runtime.numerics.elements import ElementType
from tests.unit.backend.harness import context

V = VIRTUAL
TYPES = {
    ("gather", "idx"): ElementType.I64,
    ("scatter", "idx"): ElementType.I64,
    ("topk", "indices"): ElementType.I64,
    ("select", "cond"): ElementType.BOOL,
    ("iota", "dst"): ElementType.I64,
}


def _value(inst: type[Inst], name: str, kind: Kind, number: int) -> Any:
    match kind:
        case Register():
            return V + number
        case Registers():
            return (0, 1, V + number, V + number + 1)
        case Memory():
            dtype = TYPES.get((inst.MNEMONIC, name), ElementType.F32)
            return Operand(dtype, V + number, (0, 0, V, 3))
        case Choice():
            return kind.names[0]
        case Bits(width=1):
            return True
        case Integer(target=True):
            return "there"
        case _:
            return 5


def code_of(inst: type[Inst]) -> Code:
    """An instruction with a value of its own in each field."""
    pairs = enumerate(inst.LAYOUT)
    return Code(inst, tuple(_value(inst, f.name, f.kind, n) for n, f in pairs))


def _text(op: IsaOp, generic: bool) -> str:
    stream = StringIO()
    Printer(stream, print_generic_format=generic).print_op(op)
    return stream.getvalue()


@pytest.mark.parametrize("name", ISA)
@pytest.mark.parametrize("generic", [False, True])
def test_operations_round_trip(name: str, generic: bool):
    op = instruction(code_of(ISA[name]), UnknownLoc())
    op.verify()
    read = Parser(context(), _text(op, generic)).parse_operation()
    assert isinstance(read, IsaOp)
    assert read.code == op.code
    assert read.INST is ISA[name]


@pytest.mark.parametrize("name", ISA)
def test_registers_of_an_instruction_are_those_of_the_machine(name: str):
    code = code_of(ISA[name]).renamed(lambda r: r if r < V else r - V + 10)
    encoded = code.encoded(lambda _: 64)
    assert tuple(code.reads()) == tuple(dict.fromkeys(encoded.reads()))
    assert code.writes() == encoded.writes()


def test_every_instruction_has_an_operation():
    assert set(BY_INST) == set(ISA.values())
    for inst, op in BY_INST.items():
        assert op.name == f"lpu_isa.{inst.MNEMONIC}"
        assert op.__doc__ == inst.__doc__


def test_fields_left_out_have_their_defaults():
    inst = ISA["vecmat"]
    operand = Operand(ElementType.F32, V, (0, 0, 0, 0))
    assert Code.of(inst, extents=(1, 1, 2, 2), dst=operand, x=operand).values[-1] is False


def test_code_is_hashable():
    codes = [CodeAttr(code_of(inst)) for inst in ISA.values()]
    assert len(set(codes)) == len(ISA)
