"""What instructions are but for their registers, found once for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.instructions.ctrl import Bge, Jump, Lds, Loop, Sts
from runtime.isa.instructions.gather import Scatter
from runtime.isa.instructions.memory import Store
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.meant import told
from runtime.isa.spec import DataInst, Field, Inst
from runtime.ring.checks.compile.meaning.numbers import TELL
from runtime.ring.checks.compile.operands import COUNTS
from runtime.ring.checks.compile.values import COMPUTE, Symbols, Value

_SELDOM = (Bge, Jump, Lds, Loop, Sts)
"""Instructions of which is told where they stand, if anything."""
SHAPING = frozenset(("extents", *chain(*COUNTS.values())))
"""Fields whose registers say how many elements there are, or which."""
Reader = Callable[[Sequence[Any]], Any]


@dataclass(eq=False, slots=True)
class Word:
    """What is told of an instruction, and what reads its registers, of which there are `size`.

    One that writes a register and nothing else has `compute` and `tell`, which do that with values
    and with numbers.

    An instruction on data has operands in the LMU that may lie elsewhere in another layer: `near`
    are the registers of their addresses, which `bases` reads. `fixed` reads what may not: how many
    elements there are, how far apart, and where what is exchanged lies. Where it stores in HBM the
    register `stored` says.
    """

    inst: Inst
    compute: Callable[[Any, list[Value], Symbols], None] | None = None
    tell: Callable[[Any, list[int]], None] | None = None
    is_data: bool = False
    is_exchange: bool = False
    text: str = ""
    read: Reader = len
    size: int = 0
    fixed: Reader = len
    bases: Reader = len
    near: tuple[int, ...] = ()
    stored: int = 0


class Words:
    """The words of a program's instructions, `known` by the objects that these are."""

    def __init__(self) -> None:
        self.known: dict[int, Word] = {}

    def of(self, inst: Inst) -> Word:
        """The word of an instruction."""
        word = self.known.get(id(inst))
        if word is None:
            word = self.known[id(inst)] = _word(inst)
        return word

    def all(self, code: Sequence[Inst]) -> list[Word]:
        """Those of all instructions."""
        for inst in dict(zip(map(id, code), code, strict=True)).values():
            self.of(inst)
        return list(map(self.known.__getitem__, map(id, code)))


class Role(Enum):
    """What the registers of a field are for."""

    NEAR = "an operand in the LMU"
    FAR = "an operand in HBM"
    SHAPE = "how many elements, or which"
    OTHER = "something else"
    NONE = "no registers"


NEAR, FAR, SHAPE, OTHER, NONE = Role


@cache
def _fields(cls: type[Inst]) -> Callable[[Inst], tuple[Any, ...]]:
    names = [field.name for field in cls.LAYOUT]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda inst: tuple(getattr(inst, name) for name in names)


@cache
def _roles(cls: type[DataInst]) -> tuple[Role, ...]:
    return tuple(_role(field, cls.HBM) for field in cls.LAYOUT)


def _role(field: Field, far: str) -> Role:
    match field.kind:
        case Memory():
            return FAR if field.name == far else NEAR
        case Register() | Registers():
            return SHAPE if field.name in SHAPING else OTHER
        case _:
            return NONE


def _word(inst: Inst) -> Word:
    cls = type(inst)
    if cls in COMPUTE:
        return Word(inst, COMPUTE[cls], TELL[cls])
    values = _fields(cls)(inst)
    if isinstance(inst, DataInst):
        return _word_of_data(inst, values)
    text = "" if isinstance(inst, _SELDOM) else told(cls, values)
    read = inst.reads()
    return Word(inst, None, None, False, False, text, itemgetter(*(read or (0,))), len(read))


def _word_of_data(inst: DataInst, values: tuple[Any, ...]) -> Word:
    cls, is_exchange = type(inst), isinstance(inst, Send | Recv)
    registers: list[int] = []
    fixed: list[int] = []
    bases: list[int] = []
    for role, value in zip(_roles(cls), values, strict=True):
        if role is NONE:
            continue
        if role is NEAR or role is FAR:
            registers.append(value.base)
            registers += value.strides
            if role is NEAR:
                fixed += value.strides
                (fixed if is_exchange else bases).append(value.base)
            continue
        named = value if type(value) is not int else (value,)
        registers += named
        if role is SHAPE:
            fixed += named
    return Word(
        inst, None, None, True, is_exchange, told(cls, values), itemgetter(*registers),
        len(registers), itemgetter(*fixed), itemgetter(*(bases or (0,))), tuple(bases),
        inst.dst.base if isinstance(inst, Store | Scatter) else 0,
    )  # fmt: skip


@cache
def near_of(cls: type[DataInst]) -> tuple[str, ...]:
    """The names of operands in the LMU."""
    fields = zip(cls.LAYOUT, _roles(cls), strict=True)
    return tuple(field.name for field, role in fields if role is NEAR)
