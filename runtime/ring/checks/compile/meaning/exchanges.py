"""The messages of an exchange, told at once, as the same ones come again and again.

Layers that are written out exchange with the same instructions, which mostly find the same numbers.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter

import numpy as np

from runtime.isa.instructions.net import Recv, Send
from runtime.isa.meant import packed
from runtime.ring.checks.compile.flow import Flow
from runtime.ring.checks.compile.meaning.numbers import Registers
from runtime.ring.checks.compile.words import Word

FEWEST = 4
"""Messages in a row that are worth it."""


class Block:
    """Messages in a row: what is told of them but for numbers, and the numbers that they read."""

    def __init__(self, words: Sequence[Word]) -> None:
        read = [*chain.from_iterable(word.registers for word in words)]
        self.text = "\n".join(word.text for word in words)
        self._all = itemgetter(*read)
        self._each = itemgetter(*dict.fromkeys(read))
        self._known: dict[object, bytes] = {}

    def numbers(self, registers: Registers) -> bytes:
        """The numbers in all their registers, as they are digested."""
        key = self._each(registers)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = packed(self._all(registers))
        return found


class Exchanges:
    """All blocks of a program, by where they begin and end."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        is_message = np.isin(flow.opcodes, (Send.OPCODE, Recv.OPCODE))
        edges = np.flatnonzero(np.diff(is_message, prepend=False, append=False))
        pairs = edges.reshape(-1, 2)
        places = pairs[pairs[:, 1] - pairs[:, 0] >= FEWEST]
        self._starts: list[int] = places[:, 0].tolist()
        self._ends: list[int] = places[:, 1].tolist()
        self._blocks: dict[tuple[Word, ...], Block] = {}

    def within(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The blocks of a stretch of code."""
        at = bisect_left(self._starts, low)
        while at < len(self._ends) and self._ends[at] <= high:
            yield self._starts[at], self._ends[at]
            at += 1

    def block(self, first: int, end: int) -> Block:
        """The block at a place."""
        words = tuple(self.flow.words[first:end])
        found = self._blocks.get(words)
        if found is None:
            found = self._blocks[words] = Block(words)
        return found
