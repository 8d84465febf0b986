"""Code in pieces, many of which are one text: equal but for the numbers that `li` loads.

A piece ends behind an exchange, or where something else stands than what computes a number of
registers or is on data. What its instructions read is looked up once for each text: a value that
stands in a register where the piece begins, or that one of its instructions makes. So of a piece
whose text is known only the numbers are computed.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np

from runtime.isa.instructions.ctrl import Add, Addi, Divi, Li, Max, Min, Mov, Mul, Muli, Sub
from runtime.isa.spec import Inst
from runtime.ring.checks.load.forms import Form
from runtime.ring.checks.load.layers.finding import DATA, NET, Kinds, result

FEWEST = 8
"""Pieces of one text for which it is worth it to look at the text."""
Numbers = list[Any]
Functions = Mapping[str, Callable[[Any, Any], Any]]
"""What the instructions compute that write a register and nothing else, by mnemonic."""


_READ: dict[type[Inst], Callable[[Any], tuple[int, ...]]] = {
    Li: lambda _: (),
    **dict.fromkeys((Mov, Addi, Muli, Divi), lambda inst: (inst.ra,)),
    **dict.fromkeys((Add, Sub, Mul, Min, Max), lambda inst: (inst.ra, inst.rb)),
}
_immediate: Callable[[Inst], int] = attrgetter("imm")


def _read(inst: Inst) -> tuple[int, ...]:
    """The registers of which an instruction computes a number."""
    return _READ[type(inst)](inst)


class Own(NamedTuple):
    """An instruction on data of a text: its offset, what it is, and the places that it reads."""

    at: int
    form: Form
    places: tuple[int, ...]


class Text:
    """What pieces are that are equal but for the numbers that `li` loads.

    Its *places* have all values that there are: first those of the registers in `taken`, then the
    numbers of the `li` at the offsets `loaded`, then immediates and what is computed of these.
    `rows` are the instructions on data; `left` has the places of what the registers hold in the end
    that are written.
    """

    def __init__(self, code: Sequence[Inst], forms: Sequence[Form | None]) -> None:
        self.loaded = [at for at, inst in enumerate(code) if isinstance(inst, Li)]
        self.taken: list[int] = []
        self.rest: Numbers = []
        self.steps: list[tuple[str, int, int, int]] = []
        self.rows: list[Own] = []
        places = self._taken(code, forms)
        self.size = len(self.taken) + len(self.loaded)
        for at, (inst, form) in enumerate(zip(code, forms, strict=True)):
            if form is not None:
                read = tuple(map(places.__getitem__, form.registers))
                self.rows.append(Own(at, form, read))
            elif isinstance(inst, Li):
                places[inst.rd] = len(self.taken) + bisect_left(self.loaded, at)
            else:
                self._compute(inst, places)
        pairs = zip(code, forms, strict=True)
        written = {result(inst) for inst, form in pairs if form is None}
        self.left = [(register, places[register]) for register in written]
        self.words = "\n".join(row.form.kind.what for row in self.rows)
        self.read = reader([place for row in self.rows for place in row.places])
        self.take = reader(self.taken)

    def _taken(self, code: Sequence[Inst], forms: Sequence[Form | None]) -> dict[int, int]:
        """The places of registers that are read before they are written."""
        met, found = set[int](), dict[int, int]()
        for inst, form in zip(code, forms, strict=True):
            read = _read(inst) if form is None else form.registers
            if not met.issuperset(read):
                for register in {*read} - met:
                    found[register] = len(found)
                met.update(read)
            if form is None:
                met.add(result(inst))
        self.taken = list(found)
        return found

    def _compute(self, inst: Inst, places: dict[int, int]) -> None:
        read = [places[register] for register in _read(inst)]
        if isinstance(inst, Mov):
            places[inst.rd] = read[0]
            return
        second = read[1] if len(read) > 1 else self._new(_immediate(inst))
        place = places[result(inst)] = self._new(None)
        self.steps.append((inst.MNEMONIC, place, read[0], second))

    def _new(self, number: int | None) -> int:
        self.rest.append(number)
        return self.size + len(self.rest) - 1

    def values(self, registers: Sequence[Any], loaded: Sequence[int], made: Functions) -> Numbers:
        """What all places have; the registers are those where the piece begins."""
        values = [*self.take(registers), *loaded, *self.rest]
        for name, to, a, b in self.steps:
            values[to] = made[name](values[a], values[b])
        return values

    def leave(self, registers: Numbers, values: Numbers) -> None:
        """Give the registers what the piece leaves there."""
        for register, place in self.left:
            registers[register] = values[place]


class Texts:
    """The pieces of a program: where each begins, in order, and the end."""

    def __init__(
        self, code: Sequence[Inst], forms: Sequence[Form | None], names: Sequence[object],
        kinds: Kinds, breaks: Sequence[int],
    ) -> None:  # fmt: skip
        self.code = code
        self.forms = forms
        self.cuts = _cuts(kinds, breaks)
        texts: dict[tuple[object, ...], int] = {}
        self.numbers = [
            texts.setdefault(tuple(names[low:high]), len(texts))
            for low, high in pairwise(self.cuts)
        ]
        """Of each piece the number of its text."""
        self.counts = Counter(self.numbers)
        self.known: dict[int, Text] = {}
        self.numbers_at: dict[int, list[int]] = {}

    def at(self, start: int) -> int | None:
        """The piece that begins at an instruction."""
        found = bisect_left(self.cuts, start)
        return found if self.cuts[found] == start else None

    def text(self, piece: int) -> Text | None:
        """The text of a piece, if it is one of several."""
        number = self.numbers[piece]
        if self.counts[number] < FEWEST:
            return None
        found = self.known.get(number)
        if found is None:
            here = slice(self.cuts[piece], self.cuts[piece + 1])
            found = self.known[number] = Text(self.code[here], self.forms[here])
        return found

    def loaded(self, text: Text, start: int) -> list[int]:
        """The numbers that `li` loads in a piece."""
        found = self.numbers_at.get(start)
        if found is None:
            code: Any = self.code
            found = [code[start + offset].value for offset in text.loaded]
            self.numbers_at[start] = found
        return found


def _cuts(kinds: Kinds, breaks: Sequence[int]) -> list[int]:
    """Where pieces begin: at breaks and behind them, and behind exchanges."""
    is_data, is_net = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    is_data[[*DATA]], is_net[[*NET]] = True, True
    data = np.flatnonzero(is_data[kinds])
    net = is_net[kinds[data]]
    behind = data[1:][net[:-1] & ~net[1:]]
    places = np.array(breaks, np.int64)
    return np.unique(np.concatenate([[0, len(kinds)], behind, places, places + 1])).tolist()


def reader(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What reads some places, in order."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]
