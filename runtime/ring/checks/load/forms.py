"""Instructions on data by what they are but for their registers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from operator import attrgetter, itemgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

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


def forms_of(code: Sequence[Inst], places: Sequence[int]) -> list[Form | None]:
    """The forms of a program's instructions, None of those of the control unit.

    Those at some `places` are on data. Instructions that are one object share a form.
    """
    insts = {id(inst): inst for inst in map(code.__getitem__, places)}
    forms = {key: _form(inst) for key, inst in insts.items()}
    return list(map(forms.get, map(id, code)))


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


def _form(inst: Inst) -> Form:
    assert isinstance(inst, DataInst)
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
