"""What instructions are but for their registers, found once for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

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
Reader = Callable[[Any], Any]


class Lay(NamedTuple):
    """Where instructions of a class have what among the registers of all their fields.

    Operands in the LMU may lie elsewhere in another layer: `near` are the places of their
    addresses. `fixed` reads what may not differ: how many elements there are, how far apart, and
    where what is exchanged lies; `firm` reads these and `near`, so all but addresses in HBM and
    what is computed with. What stores in HBM has that address in `stored`, others have None.
    `words` reads the fields that are no registers, and the types of operands.
    """

    registers: Reader
    fixed: Reader
    firm: Reader
    near: tuple[int, ...]
    stored: int | None
    words: Reader
    is_exchange: bool


@dataclass(eq=False, slots=True)
class Word:
    """What is told of an instruction, its `registers` in the order of its fields, what reads them.

    One that writes a register and nothing else has `compute` and `tell`, which do that with values
    and with numbers: so all of a class have one word. One on data has a `lay`.
    """

    compute: Callable[[Any, list[Value], Symbols], None] | None = None
    tell: Callable[[Any, list[int]], None] | None = None
    text: str = ""
    read: Reader = len
    registers: tuple[int, ...] = ()
    is_exchange: bool = False
    lay: Lay | None = None


_SCALARS: dict[type[Inst], Word] = {cls: Word(COMPUTE[cls], TELL[cls]) for cls in COMPUTE}
_texts: dict[tuple[object, ...], str] = {}
"""What is told of instructions on data, by what `Lay.words` reads, and by class."""


def words_of(code: Sequence[Inst]) -> list[Word]:
    """The words of a program's instructions, one for each object that is among these."""
    known: dict[int, Word] = {}

    def made(inst: Inst) -> Word:
        word = known[id(inst)] = _SCALARS.get(type(inst)) or _word(inst)
        return word

    return [known.get(id(inst)) or made(inst) for inst in code]


class Role(Enum):
    """What the registers of a field are for."""

    NEAR = "an operand in the LMU"
    FAR = "an operand in HBM"
    SHAPE = "how many elements, or which"
    OTHER = "something else"
    NONE = "no registers"


NEAR, FAR, SHAPE, OTHER, NONE = Role


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
    if not isinstance(inst, DataInst):
        values = [getattr(inst, field.name) for field in cls.LAYOUT]
        text, read = "" if isinstance(inst, _SELDOM) else told(cls, values), inst.reads()
        return Word(None, None, text, itemgetter(*(read or (0,))), read)
    lay = _lay(type(inst))
    key = cls, lay.words(inst)
    text = _texts.get(key)
    if text is None:
        text = _texts[key] = told(cls, [getattr(inst, field.name) for field in cls.LAYOUT])
    registers: list[int] = []
    for part in lay.registers(inst):
        if isinstance(part, int):
            registers.append(part)
        else:
            registers.extend(part)
    read = itemgetter(*registers)
    return Word(None, None, text, read, tuple(registers), lay.is_exchange, lay)


@cache
def _lay(cls: type[DataInst]) -> Lay:
    is_exchange = issubclass(cls, Send | Recv)
    registers: list[str] = []
    words: list[str] = []
    fixed: list[int] = []
    near: list[int] = []
    stored, at = None, 0
    for field, role in zip(cls.LAYOUT, _roles(cls), strict=True):
        size = 4 if isinstance(field.kind, Registers) else 1
        if role is NONE:
            words.append(field.name)
            continue
        if role is NEAR or role is FAR:
            registers += [f"{field.name}.base", f"{field.name}.strides"]
            words.append(f"{field.name}.type")
            size = 5
        else:
            registers.append(field.name)
        if role is NEAR:
            (fixed if is_exchange else near).append(at)
            fixed += range(at + 1, at + size)
        elif role is SHAPE:
            fixed += range(at, at + size)
        elif role is FAR and issubclass(cls, Store | Scatter):
            stored = at
        at += size
    return Lay(
        attrgetter(*registers), itemgetter(*fixed), itemgetter(*fixed, *near), tuple(near), stored,
        attrgetter(*words), is_exchange,
    )  # fmt: skip


@cache
def near_of(cls: type[DataInst]) -> tuple[str, ...]:
    """The names of operands in the LMU."""
    fields = zip(cls.LAYOUT, _roles(cls), strict=True)
    return tuple(field.name for field, role in fields if role is NEAR)
