"""A stretch of code as the model of others, and whether they do the same."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runtime.isa.instructions.ctrl import Lds
from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import DataInst
from runtime.ring.checks.compile.effects import Effects
from runtime.ring.checks.compile.state import SCALAR_BYTES, State
from runtime.ring.checks.compile.values import Origin, Registers, Value
from runtime.ring.checks.compile.words import Word, near_of


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

    `reaches` has, of operands that were asked for, the first byte that they may touch and the one
    behind the last, from the lowest and the highest address on.
    """

    word: Word
    text: str
    fixed: object
    bases: object
    registers: Registers
    reaches: dict[int, tuple[int, int]]


class Model:
    """A stretch with which others are compared."""

    def __init__(self, effects: Effects, kept: dict[int, Value]) -> None:
        self.effects = effects
        self.symbols = effects.symbols
        self.kept = kept
        self.rows: list[Row] = []

    def learns(self, words: Sequence[Word], registers: Registers) -> bool:
        """Take the model's instructions on data; not if it loads scalars that data make.

        Nor if a device puts a part of its own into HBM.
        """
        for word in words:
            if word.is_data:
                if self._is_put(word, registers):
                    return False
                fixed, bases = word.fixed(registers), word.bases(registers)
                self.rows.append(Row(word, word.text, fixed, bases, list(registers), {}))
            elif not self._computes(word, registers):
                return False
        return True

    def compared(self, words: Sequence[Word], registers: Registers) -> list[tuple[int, int]] | None:
        """What a stretch has aside that does the same otherwise; None if it does not.

        Its registers become what it leaves.
        """
        rest, symbols, aside = iter(self.rows), self.symbols, list[tuple[int, int]]()
        for word in words:
            if word.compute is not None:
                word.compute(word.inst, registers, symbols)
            elif word.is_data:
                row = next(rest, None)
                if row is None or word.text != row.text or self._is_put(word, registers):
                    return None
                if word.fixed(registers) != row.fixed and not self._is_stream(word, registers):
                    return None
                if word.bases(registers) != row.bases and not self._is_aside(
                    row, word, registers, aside
                ):
                    return None
            elif not self._computes(word, registers):
                return None
        return None if next(rest, None) else aside

    def _computes(self, word: Word, registers: Registers) -> bool:
        """Compute a scalar, if it is none that data determine."""
        inst = word.inst
        if word.compute is not None:
            word.compute(inst, registers, self.symbols)
        elif isinstance(inst, Lds) and inst.address in self.kept:
            registers[inst.rd] = self.kept[inst.address]
        else:
            return False
        return True

    def _is_put(self, word: Word, registers: Registers) -> bool:
        """Whether an instruction stores in HBM at an address that depends on the device."""
        base = registers[word.stored]
        return type(base) is not int and self.symbols.origin(base) is Origin.DEVICE

    def _is_stream(self, word: Word, now: Registers) -> bool:
        """Whether an instruction touches no LMU, and has extents that are the same on all devices.

        Those may be others than before.
        """
        inst = word.inst
        return isinstance(inst, Stream) and all(
            self.symbols.origin(now[register]) is Origin.SAME for register in inst.extents
        )

    def _is_aside(self, row: Row, word: Word, now: Registers, aside: list[tuple[int, int]]) -> bool:
        """Whether operands lie at other addresses, which are the same on all devices."""
        inst = row.word.inst
        assert isinstance(inst, DataInst)
        for number, (then, register) in enumerate(zip(row.word.near, word.near, strict=True)):
            base, before = now[register], row.registers[then]
            if base == before:
                continue
            if self.symbols.origin(base) is Origin.DEVICE:
                return False
            reach = row.reaches.get(number)
            if reach is None:
                operand = inst.operand(near_of(type(inst))[number])
                low, high = self.effects.hull(inst, operand, row.registers)
                first, last = self.symbols.range(before)
                aside.append((low, high))
                reach = row.reaches[number] = low - first, high - last
            first, last = (base, base) if type(base) is int else self.symbols.range(base)
            aside.append((first + reach[0], last + reach[1]))
        return True
