"""Instructions on data by what they are but for their registers."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from runtime.isa.fields import Operand
from runtime.isa.meant import told
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.load.values import Value

Values = tuple[Value, ...]


class Form(NamedTuple):
    """An instruction: words for what it is, its registers, and what reads those.

    Places among the registers: `bases` of the addresses of operands in the LMU, `far` in HBM.
    """

    what: str
    registers: tuple[int, ...]
    get: Callable[[Sequence[Any]], Any]
    bases: tuple[int, ...]
    far: tuple[int, ...]


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


@lru_cache(64)
def _reader(cls: type[Inst]) -> Callable[[Inst], tuple[Any, ...]]:
    """What reads all fields of instructions on data, which are several."""
    return attrgetter(*(field.name for field in cls.LAYOUT))


def _form(inst: DataInst) -> Form:
    values = _reader(type(inst))(inst)
    registers: list[int] = []
    bases: list[int] = []
    far: list[int] = []
    for field, value in zip(inst.LAYOUT, values, strict=True):
        if isinstance(value, Operand):
            (far if field.name == inst.HBM else bases).append(len(registers))
        registers += field.kind.reads(value)
    what = told(type(inst), values)
    return Form(what, tuple(registers), itemgetter(*registers), tuple(bases), tuple(far))
