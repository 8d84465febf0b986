"""What instructions are but for their registers, found once for each."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from runtime.isa.fields import Operand
from runtime.isa.instructions.ctrl import Bge, Jump, Lds, Loop, Sts
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.meant import told
from runtime.isa.spec import DataInst, Inst

_SELDOM = (Bge, Jump, Lds, Loop, Sts)
"""Instructions of which is told where they stand, if anything."""


class Word(NamedTuple):
    """What is told of an instruction, and what reads its registers, of which there are `size`.

    `near` reads those that say how many elements there are, and where operands of the LMU lie.
    """

    text: str
    read: Callable[[Sequence[Any]], Any]
    near: Callable[[Sequence[Any]], Any]
    size: int
    is_exchange: bool


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


@lru_cache(64)
def _fields(cls: type[Inst]) -> Callable[[Inst], tuple[Any, ...]]:
    names = [field.name for field in cls.LAYOUT]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda inst: tuple(getattr(inst, name) for name in names)


def _word(inst: Inst) -> Word:
    values = _fields(type(inst))(inst)
    text = "" if isinstance(inst, _SELDOM) else told(type(inst), values)
    registers: list[int] = []
    near: list[int] = []
    far = inst.HBM if isinstance(inst, DataInst) else ""
    for field, value in zip(inst.LAYOUT, values, strict=True):
        named = field.kind.reads(value)
        registers += named
        if not (isinstance(value, Operand) and field.name == far):
            near += named
    return Word(
        text, itemgetter(*(registers or (0,))), itemgetter(*(near or (0,))), len(registers),
        isinstance(inst, Send | Recv),
    )  # fmt: skip
