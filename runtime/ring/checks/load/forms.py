"""Instructions on data by what they are but for their registers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.meant import told
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.load.values import Value

Values = tuple[Value, ...]


@dataclass(eq=False, slots=True)
class Form:
    """An instruction: words for what it is, its registers, and what reads those.

    Places among the registers: `bases` of the addresses of operands in the LMU, `far` in HBM.
    """

    what: str
    registers: tuple[int, ...]
    get: Callable[[Sequence[Any]], Any]
    bases: tuple[int, ...]
    far: tuple[int, ...]
    is_exchange: bool


class Forms:
    """The forms of a program's instructions, `known` by the objects that these are."""

    def __init__(self) -> None:
        self.known: dict[int, Form] = {}

    def of(self, inst: DataInst) -> Form:
        """The form of an instruction, which is an object of the program."""
        form = self.known.get(id(inst))
        if form is None:
            form = self.known[id(inst)] = _form(inst)
        return form

    def know(self, code: Sequence[Inst]) -> None:
        """Find the forms of all instructions on data of a program."""
        for inst in dict(zip(map(id, code), code, strict=True)).values():
            if isinstance(inst, DataInst):
                self.of(inst)


@cache
def _reader(cls: type[Inst]) -> Callable[[Inst], tuple[Any, ...]]:
    """What reads all fields of instructions on data, which are several."""
    return attrgetter(*(field.name for field in cls.LAYOUT))


@cache
def _named(cls: type[Inst]) -> tuple[bool, ...]:
    """Of which fields the values are registers, or have some."""
    return tuple(isinstance(f.kind, Memory | Register | Registers) for f in cls.LAYOUT)


def _form(inst: DataInst) -> Form:
    cls = type(inst)
    values = _reader(cls)(inst)
    registers: list[int] = []
    bases: list[int] = []
    far: list[int] = []
    for field, is_named, value in zip(cls.LAYOUT, _named(cls), values, strict=True):
        if not is_named:
            continue
        if type(value) is int:
            registers.append(value)
        elif type(value) is tuple:
            registers += value
        else:
            (far if field.name == cls.HBM else bases).append(len(registers))
            registers.append(value.base)
            registers += value.strides
    return Form(
        told(cls, values), tuple(registers), itemgetter(*registers), tuple(bases), tuple(far),
        isinstance(inst, Send | Recv),
    )  # fmt: skip
