"""
One operation for each instruction of `runtime.isa.ISA`, derived from its class; labels; weights.

```mlir
lpu_isa.li v0, 0
lpu_isa.label @loop0
lpu_isa.addi v1, v0, 4096
lpu_isa.loop v0, v2, 64, @loop0
lpu_isa.halt
```
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, LocationAttr, StringAttr
from xdsl.ir import Operation
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator

from dialects.definition import op_definition
from dialects.lpu.weights import WeightAttr
from dialects.lpu_isa.code import Code, CodeAttr, parse_code
from dialects.refusal import refuse, require
from runtime.isa import ISA, Halt, Inst

MEANT = "lpu_isa.meant"
"""The attribute of a function of several devices that says what it was meant to do."""


class IsaOp(IRDLOperation):
    """An instruction; `code.data` holds its fields."""

    INST: ClassVar[type[Inst]]
    code = prop_def(CodeAttr)

    @classmethod
    def parse(cls, parser: Parser) -> IsaOp:
        code = parse_code(parser, cls.INST)
        attributes = parser.parse_optional_attr_dict()
        return cls.create(properties={"code": CodeAttr(code)}, attributes=attributes)

    def print(self, printer: Printer) -> None:
        if text := str(self.code.data):
            printer.print_string(f" {text}")
        if self.attributes:
            printer.print_op_attributes(self.attributes)

    def verify_(self) -> None:
        code = self.code.data
        own = code.inst is self.INST
        require(self, own, f"it holds the instruction '{code.inst.MNEMONIC}'")
        try:
            code.check()
        except ValueError as error:
            refuse(self, f"the machine has no such instruction: {error}")


@op_definition
class LabelOp(IRDLOperation):
    """A place that branches name; no instruction of its own."""

    name = "lpu_isa.label"
    label = prop_def(StringAttr)

    @classmethod
    def parse(cls, parser: Parser) -> LabelOp:
        label = parser.parse_symbol_name()
        attributes = parser.parse_optional_attr_dict()
        return cls.create(properties={"label": label}, attributes=attributes)

    def print(self, printer: Printer) -> None:
        printer.print_string(f" @{self.label.data}")
        if self.attributes:
            printer.print_op_attributes(self.attributes)


@op_definition
class WeightOp(IRDLOperation):
    """The parameters of the program hold this weight, row-major, from byte `address` on."""

    name = "lpu_isa.weight"
    value = prop_def(WeightAttr)
    address = prop_def(IntegerAttr[I64])
    assembly_format = "$value `at` $address attr-dict"


def _derived(inst: type[Inst]) -> type[IsaOp]:
    body: dict[str, object] = {
        "__doc__": inst.__doc__,
        "__module__": __name__,
        "name": f"lpu_isa.{inst.MNEMONIC}",
        "__annotations__": {"INST": ClassVar[type[Inst]]},
        "INST": inst,
    }
    if inst is Halt:
        body["traits"] = traits_def(IsTerminator())
    return irdl_op_definition(type(f"{inst.__name__}Op", (IsaOp,), body))


BY_INST: dict[type[Inst], type[IsaOp]] = {inst: _derived(inst) for inst in ISA.values()}
OPS: list[type[Operation]] = [LabelOp, WeightOp, *BY_INST.values()]


def instruction(code: Code, location: LocationAttr) -> IsaOp:
    """The operation of an instruction."""
    return BY_INST[code.inst].create(properties={"code": CodeAttr(code)}, location=location)


def label(name: str, location: LocationAttr) -> LabelOp:
    """The operation of a label."""
    return LabelOp.create(properties={"label": StringAttr(name)}, location=location)
