"""Where code has instructions of some kinds, by their opcodes."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from runtime.isa.spec import OPCODES, Inst

Opcodes = NDArray[np.uint8]
_WORDS = np.zeros(256, np.int64)
_WORDS[[*OPCODES]] = [cls.WORDS for cls in OPCODES.values()]

_opcode: Callable[[Inst], int] = attrgetter("OPCODE")


def opcodes_of(code: Sequence[Inst]) -> Opcodes:
    """The opcode of each instruction."""
    return np.frombuffer(bytes(map(_opcode, code)), np.uint8)


def places_of(opcodes: Opcodes, kinds: Iterable[type[Inst]]) -> list[int]:
    """Where instructions of some kinds stand, in order."""
    chosen = np.zeros(256, np.bool_)
    chosen[[cls.OPCODE for cls in kinds]] = True
    return np.flatnonzero(chosen[opcodes]).tolist()


def found_at(opcodes: Opcodes, pcs: Iterable[int]) -> list[int]:
    """Which instructions begin at some pcs."""
    words, wanted = _WORDS[opcodes], np.array([*pcs])
    addresses = np.cumsum(words) - words
    found = np.searchsorted(addresses, wanted)
    assert (addresses[found] == wanted).all(), "no instruction begins there"
    return found.tolist()
