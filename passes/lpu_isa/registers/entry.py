"""
Symbols that give up their registers.

A program finds the values of its symbols in its first registers. Where these leave too few for the
largest instruction, as the symbols of 8 devices may on a small machine, those that are used least
become virtual registers: stored where the program starts, loaded where they are used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dialects.errors import CompileError
from dialects.lpu_isa.code import VIRTUAL, Code, Item


class Entry(NamedTuple):
    """Code that finds registers enough; `need` are the most that an instruction names."""

    items: Sequence[Item]
    need: int
    stored: dict[int, int]
    """The registers of symbols that are stored, and the virtual registers that they became."""


def entry_of(items: Sequence[Item], symbols: int, registers: int) -> Entry:
    """The code with enough registers beside those of its symbols."""
    need, free = _most(items), registers - 1 - symbols
    if free < 0:
        raise CompileError(
            f"a program with {symbols} symbols starts with a register for each, of {registers - 1}",
            hint="choose fewer devices or a target with more registers",
        )
    return Entry(items, need, {}) if need <= free else _freed(items, symbols, registers)


def _freed(items: Sequence[Item], symbols: int, registers: int) -> Entry:
    code = [item for item, _ in items if isinstance(item, Code)]
    uses = Counter(register for item in code for register in item.reads())
    least = sorted(range(1, symbols + 1), key=lambda register: uses[register])
    fresh = max((*uses, *(register for item in code for register in item.writes())), default=0)
    fresh, free = max(fresh + 1, VIRTUAL), registers - 1 - symbols
    stored: dict[int, int] = {}
    while (need := _most(items)) > free + len(stored):
        if len(stored) == symbols:
            raise CompileError(
                f"an instruction needs {need} registers, {registers - 1} are free",
                hint="choose a target with more registers",
            )
        register = least[len(stored)]
        stored[register] = fresh + len(stored)
        items = [(_renamed(item, register, stored[register]), at) for item, at in items]
    return Entry(items, need, stored)


def _most(items: Sequence[Item]) -> int:
    """The most registers beside those of symbols that an instruction names."""
    return max((_need(item) for item, _ in items), default=0)


def _need(item: Code | str) -> int:
    """How many virtual registers an instruction reads, and one to write to."""
    if isinstance(item, str):
        return 0
    return len({r for r in item.reads() if r >= VIRTUAL}) + len(item.writes())


def _renamed(item: Code | str, register: int, other: int) -> Code | str:
    if isinstance(item, str):
        return item
    return item.renamed(lambda r: other if r == register else r)
