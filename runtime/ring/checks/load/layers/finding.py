"""Where code repeats: stretches with the same kinds of instructions on data in the same order.

Each begins behind an exchange, where nothing is on its way. That stretches are of the same kinds
says only that it is worth a look whether they do the same.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from runtime.isa.instructions.ctrl import (
    Add,
    Addi,
    Divi,
    Lds,
    Li,
    Loop,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Sub,
)
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import OPCODES, DataInst, Inst

PURE: frozenset[type[Inst]] = frozenset((Li, Mov, Add, Addi, Sub, Mul, Muli, Divi, Min, Max))
"""Instructions of the control unit that read and write registers only."""
WINDOW = 32
"""Instructions on data that have to be of the same kinds before a stretch is compared whole."""
FEWEST = 6
"""Stretches in a row for which it is worth it."""
SCALAR = frozenset(cls.OPCODE for cls in PURE)
SETTING = SCALAR | {Lds.OPCODE, Loop.OPCODE}
"""What writes a register."""
DATA = frozenset(code for code, cls in OPCODES.items() if issubclass(cls, DataInst))
OTHERS = frozenset(OPCODES)
NET = (Send.OPCODE, Recv.OPCODE)
_NET = re.escape(bytes(NET))
_BEHIND_EXCHANGE = re.compile(b"[%b](?=[^%b])" % (_NET, _NET), re.DOTALL)


result: Callable[[Inst], int] = attrgetter("rd")
"""The register that an instruction writes."""


@dataclass(frozen=True, eq=False)
class Layers:
    """Stretches of one kind in a row: where each begins, and where the last one ends."""

    starts: tuple[int, ...]


Places = dict[int, tuple[Layers, int]]
"""By the instruction with which a stretch begins: the row that it is of, and its number there."""


Kinds = NDArray[np.uint8]


def others_than(opcodes: frozenset[int], kinds: Kinds) -> list[int]:
    """Instructions that have none of some opcodes, in order."""
    is_other = np.ones(256, np.bool_)
    is_other[[*opcodes]] = False
    return np.flatnonzero(is_other[kinds]).tolist()


def layers_of(kinds: Kinds, breaks: Sequence[int]) -> Places:
    """All stretches of a program, with none of the `breaks`, which are in order, in them."""
    found: Places = {}
    for low, high in pairwise([-1, *breaks, len(kinds)]):
        if high - low <= FEWEST * WINDOW:
            continue
        places = np.array(others_than(SCALAR, kinds[low + 1 : high]), np.int64) + low + 1
        for starts in _repeated(kinds[places].tobytes()):
            layers = Layers(tuple(int(places[start]) for start in starts if start < len(places)))
            found |= {at: (layers, number) for number, at in enumerate(layers.starts)}
    return found


def _repeated(kinds: bytes) -> Iterator[range]:
    """Where stretches of a row begin, and where the last one ends, for each row."""
    last: dict[bytes, int] = {}
    done = 0
    for match in _BEHIND_EXCHANGE.finditer(kinds):
        at = match.end()
        if at < done:
            continue
        window = kinds[at : at + WINDOW]
        first, last[window] = last.get(window), at
        if first is None:
            continue
        end, length = at, at - first
        while kinds[end : end + length] == kinds[first:at]:
            end += length
        if end - first >= FEWEST * length:
            yield range(first, end + 1, length)
            done = end
            last.clear()
