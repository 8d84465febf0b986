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


def forms_of(code: Sequence[Inst]) -> list[Form | None]:
    """The forms of a program's instructions, None of those of the control unit.

    Instructions that are one object share one.
    """
    insts = dict(zip(map(id, code), code, strict=True))
    known = {key: _form(i) if isinstance(i, DataInst) else None for key, i in insts.items()}
    return list(map(known.__getitem__, map(id, code)))


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
