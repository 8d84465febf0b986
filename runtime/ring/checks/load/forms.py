"""Instructions on data by what they are but for their registers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from operator import attrgetter, itemgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.meant import told
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.load.touches import Touches, is_exact, touches
from runtime.ring.checks.load.values import Value

Values = tuple[Value, ...]


class Kind(NamedTuple):
    """What instructions are that differ in registers only: words for that, and what they touch.

    Places among the registers: `bases` of the addresses of operands in the LMU, `far` in HBM.
    One that `is_exact` makes the same bits of the same operands on every machine.
    """

    what: str
    touches: Touches
    is_exact: bool
    bases: tuple[int, ...]
    far: tuple[int, ...]


@dataclass(eq=False, slots=True)
class Form:
    """An instruction: its kind, its registers, and what reads those."""

    kind: Kind
    registers: tuple[int, ...]
    get: Callable[[Sequence[Any]], Any]
    is_exchange: bool


Step = Form | Inst
"""An instruction on data by its form, one of the control unit as it is."""


def steps_of(distinct: Sequence[Inst], numbers: NDArray[np.uint32]) -> list[Step]:
    """The steps of a program, of whose distinct instructions `numbers` says which each is."""
    steps = [_form(inst) if isinstance(inst, DataInst) else inst for inst in distinct]
    return np.fromiter(steps, np.object_, len(steps))[numbers].tolist()


class Fields(NamedTuple):
    """What reads fields of instructions of a class: those that are no registers or are types of
    operands, and registers, four of which are one.
    """

    words: Callable[[Inst], Any]
    registers: Callable[[Inst], Any]


@cache
def _fields(cls: type[DataInst]) -> Fields:
    words: list[str] = []
    registers: list[str] = []
    for field in cls.LAYOUT:
        if isinstance(field.kind, Memory):
            words.append(f"{field.name}.type")
            registers += [f"{field.name}.base", f"{field.name}.strides"]
        elif isinstance(field.kind, Register | Registers):
            registers.append(field.name)
        else:
            words.append(field.name)
    return Fields(attrgetter(*words), attrgetter(*registers))


_kinds: dict[tuple[type[DataInst], Any], Kind] = {}
"""Those that were met, by class and what `Fields.words` reads."""


def _form(inst: DataInst) -> Form:
    cls = type(inst)
    fields = _fields(cls)
    key = cls, fields.words(inst)
    kind = _kinds.get(key)
    if kind is None:
        kind = _kinds[key] = _kind(inst)
    registers: tuple[int, ...] = ()
    for part in fields.registers(inst):
        registers += part if type(part) is tuple else (part,)
    return Form(kind, registers, itemgetter(*registers), cls is Send or cls is Recv)


def _kind(inst: DataInst) -> Kind:
    cls, places = type(inst), count()
    fields: dict[str, Any] = {}
    bases: list[int] = []
    far: list[int] = []
    for field in cls.LAYOUT:
        value = getattr(inst, field.name)
        if isinstance(field.kind, Memory):
            base, *strides = islice(places, 1 + len(value.strides))
            (far if field.name == cls.HBM else bases).append(base)
            value = SimpleNamespace(base=base, strides=tuple(strides), type=value.type)
        elif isinstance(field.kind, Registers):
            value = tuple(islice(places, len(value)))
        elif isinstance(field.kind, Register):
            value = next(places)
        fields[field.name] = value
    values = [getattr(inst, field.name) for field in cls.LAYOUT]
    found = touches(cls, SimpleNamespace(**fields))
    return Kind(told(cls, values), found, is_exact(inst), tuple(bases), tuple(far))
