"""A stretch of code as the model of others, and whether they do the same."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from runtime.isa.instructions.ctrl import Lds
from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.compile.effects import Effects
from runtime.ring.checks.compile.state import SCALAR_BYTES, State
from runtime.ring.checks.compile.values import Origin, Registers, Value
from runtime.ring.checks.compile.words import Lay, Word, near_of


class Again(NamedTuple):
    """A stretch that does what its model did, and the registers that it leaves.

    It has operands `aside`, between these addresses, where the model has others: its own stand
    there, too, where no stretch before had operands elsewhere.
    """

    registers: Registers
    aside: list[tuple[int, int]]


class Seen:
    """What was known of the LMU of late, and scalars there."""

    def __init__(self, state: State) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        kept = ((address, address + SCALAR_BYTES) for address in state.kept)
        for low, high in sorted([*state.memory.seen, *kept]):
            if self.ends and low <= self.ends[-1]:
                self.ends[-1] = max(high, self.ends[-1])
            else:
                self.starts.append(low)
                self.ends.append(high)

    def is_apart(self, low: int, high: int) -> bool:
        """Whether nothing is known of a range."""
        place = bisect_left(self.starts, high) - 1
        return place < 0 or self.ends[place] <= low


@dataclass(eq=False, slots=True)
class Row:
    """An instruction on data of a model, with what it finds in its registers.

    `values` are those that it reads, `fixed` and `firm` some of them (`Lay`). `reaches` has, of
    operands that were asked for, the first byte that they may touch and the one behind the last,
    from the lowest and the highest address on. `calm` are the words of instructions that do the
    same wherever they stand.
    """

    inst: DataInst
    word: Word
    lay: Lay
    values: tuple[Value, ...]
    fixed: object = field(init=False)
    firm: object = field(init=False)
    reaches: dict[int, tuple[int, int]] = field(init=False)
    calm: set[Word] = field(init=False)

    def __post_init__(self) -> None:
        self.fixed, self.firm = self.lay.fixed(self.values), self.lay.firm(self.values)
        self.reaches, self.calm = {}, set()


class Model:
    """A stretch with which others are compared, between which the registers `written` change.

    Of stretches of the same words `lively` has the instructions that compute, or read what changes:
    what the others find is what it was when the first such stretch was compared.
    """

    def __init__(self, effects: Effects, kept: dict[int, Value], written: set[int]) -> None:
        self.effects = effects
        self.symbols = effects.symbols
        self.kept = kept
        self.written = written
        self.rows: list[Row] = []
        self.lively: dict[tuple[Word, ...], list[tuple[int, Row | None]]] = {}

    def learns(self, code: Sequence[Inst], words: Sequence[Word], registers: Registers) -> bool:
        """Take the model's instructions on data; not if it loads scalars that data make.

        Nor if a device puts a part of its own into HBM.
        """
        for inst, word in zip(code, words, strict=True):
            if isinstance(inst, DataInst) and word.lay is not None:
                values = word.read(registers)
                if self._is_put(word.lay, values):
                    return False
                self.rows.append(Row(inst, word, word.lay, values))
            elif not self._computes(inst, word, registers):
                return False
        return True

    def compared(
        self, code: Sequence[Inst], words: Sequence[Word], registers: Registers
    ) -> list[tuple[int, int]] | None:
        """What a stretch has aside that does the same otherwise; None if it does not.

        Its registers become what it leaves.
        """
        symbols, aside, key = self.symbols, list[tuple[int, int]](), tuple(words)
        lively = self.lively.get(key)
        looked_at = self._open(words) if lively is None else lively
        for at, row in looked_at or ():
            inst, word = code[at], words[at]
            if word.compute is not None:
                word.compute(inst, registers, symbols)
            elif row is not None:
                values, lay = word.read(registers), row.lay
                if word.text != row.word.text:
                    return None
                if values == row.values or (lay.stored is None and lay.firm(values) == row.firm):
                    continue
                if not self._is_like(row, inst, values, aside):
                    return None
            elif not self._computes(inst, word, registers):
                return None
        if looked_at is None:
            return None
        if lively is None:
            self.lively[key] = [pair for pair in looked_at if not self._is_calm(words, *pair)]
        return aside

    def _open(self, words: Sequence[Word]) -> list[tuple[int, Row | None]] | None:
        """What of a stretch is to be looked at, with the rows of the model for what is on data.

        None if it has more or less of that.
        """
        found, number, rows = list[tuple[int, Row | None]](), 0, self.rows
        for at, word in enumerate(words):
            if word.lay is None:
                found.append((at, None))
                continue
            if number == len(rows):
                return None
            row = rows[number]
            number += 1
            if word not in row.calm:
                found.append((at, row))
        return found if number == len(rows) else None

    def _is_calm(self, words: Sequence[Word], at: int, row: Row | None) -> bool:
        """Whether an instruction on data, which is like that of a row, reads nothing that changes.

        There it is no matter in the stretches to come.
        """
        is_calm = row is not None and self.written.isdisjoint(words[at].registers)
        if row is not None and is_calm:
            row.calm.add(words[at])
        return is_calm

    def _computes(self, inst: Inst, word: Word, registers: Registers) -> bool:
        """Compute a scalar, if it is none that data determine."""
        if word.compute is not None:
            word.compute(inst, registers, self.symbols)
        elif isinstance(inst, Lds) and inst.address in self.kept:
            registers[inst.rd] = self.kept[inst.address]
        else:
            return False
        return True

    def _is_put(self, lay: Lay, values: tuple[Value, ...]) -> bool:
        """Whether an instruction stores in HBM at an address that depends on the device."""
        at = lay.stored
        return at is not None and self.symbols.origin(values[at]) is Origin.DEVICE

    def _is_like(
        self, row: Row, inst: Inst, values: tuple[Value, ...], aside: list[tuple[int, int]]
    ) -> bool:
        """Whether an instruction of other values does the same, but for operands elsewhere."""
        lay = row.lay
        if lay.stored is not None and self._is_put(lay, values):
            return False
        fixed = lay.fixed(values)
        if fixed != row.fixed and not (isinstance(inst, Stream) and self._are_same(fixed)):
            return False
        for number, place in enumerate(lay.near):
            base = values[place]
            if base != row.values[place] and not self._is_aside(row, number, base, aside):
                return False
        return True

    def _are_same(self, extents: Iterable[Value]) -> bool:
        """Whether extents of what touches no LMU are the same on all devices; they may be others.

        A `stream` has no registers but these that say how many elements there are.
        """
        return all(self.symbols.origin(extent) is Origin.SAME for extent in extents)

    def _is_aside(self, row: Row, number: int, base: Value, aside: list[tuple[int, int]]) -> bool:
        """Whether an operand lies at another address, which is the same on all devices."""
        if not isinstance(base, int) and self.symbols.origin(base) is Origin.DEVICE:
            return False
        reach = row.reaches.get(number)
        if reach is None:
            operand = row.inst.operand(near_of(type(row.inst))[number])
            low, high = self.effects.hull(
                row.inst, operand, dict(zip(row.word.registers, row.values, strict=True))
            )
            first, last = self.symbols.range(row.values[row.lay.near[number]])
            aside.append((low, high))
            reach = row.reaches[number] = low - first, high - last
        first, last = (base, base) if isinstance(base, int) else self.symbols.range(base)
        aside.append((first + reach[0], last + reach[1]))
        return True
