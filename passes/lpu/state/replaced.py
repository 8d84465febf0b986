"""
Find states that every step replaces: a past input and a present output of the same extents.

Convolutions over the last tokens and recurrent layers keep such: not rows that are appended, but
numbers that are computed anew from those before. What they are is up to the model, so the names
declare the pair: an input of the role `past` or `recurrent`, of extents that are numbers, whose one
declared present has its type and depends on it. What a cache continues is none.

Where no `present` says so, `new_state` or `state_out` replaces a recurrent `state`; and what is no
`past` by its name is replaced by the result of its type, if both are the only ones: which of two
belongs to which is not guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, SSAValue

from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.reading import operations
from passes.rewriting.signature import terminator_of
from runtime.program.presents import KEPT, WORD, Declared

RECURRENT = "recurrent"
BEFORE = frozenset(("past", "in", "input", "old", "prev", "previous", "last", "init", "initial"))
BEHIND = frozenset(("present", "out", "output", "new", "next", "updated", "final", "current"))
"""Words that say on which side of a step a state is, and nothing of what it holds."""


class Replaced(NamedTuple):
    """An argument of the function, and the result that a step puts in its place."""

    past: BlockArgument
    result: int


def declared_presents(func: FuncOp) -> dict[BlockArgument, int]:
    """Of each argument that may be a state of fixed extents, the one result declared to follow."""
    interface = interface_of(func)
    arguments = {
        a: p for a, p in zip(func.args, interface.arguments, strict=True) if p.role in KEPT
    }
    results = [port.name for port in interface.results]
    declared = Declared(results)
    presents = {a: declared.of(p.name) for a, p in arguments.items() if tensor_of(a).is_static}
    found = {a: indices[0] for a, indices in presents.items() if len(indices) == 1}
    recurrent = {a: arguments[a].name for a in presents if arguments[a].role == RECURRENT}
    for pair in (_by_words, _by_type):
        left = {a: name for a, name in recurrent.items() if not presents[a] and a not in found}
        free = {i: n for i, n in enumerate(results) if i not in found.values()}
        found |= pair(
            func, left, {i: n for i, n in free.items() if "present" not in WORD.findall(n)}
        )
    indices = list(found.values())
    return {past: index for past, index in found.items() if indices.count(index) == 1}


Names = Mapping[BlockArgument, str]


def _by_words(_func: FuncOp, pasts: Names, results: Mapping[int, str]) -> dict[BlockArgument, int]:
    """Results whose names hold the same but for the side of the step."""
    wanted = {past: _kept(name, BEFORE) for past, name in pasts.items()}
    given = {index: _kept(name, BEHIND) for index, name in results.items()}
    alike = {
        p: [i for i, words in given.items() if words == kept] for p, kept in wanted.items() if kept
    }
    return {past: indices[0] for past, indices in alike.items() if len(indices) == 1}


def _kept(name: str, without: Collection[str]) -> list[str]:
    return [word for word in WORD.findall(name.lower()) if word not in without]


def _by_type(func: FuncOp, pasts: Names, results: Mapping[int, str]) -> dict[BlockArgument, int]:
    """The only result of the type of the only input."""
    operands, found = terminator_of(func).operands, dict[BlockArgument, int]()
    mine = [past for past, name in pasts.items() if "past" not in WORD.findall(name)]
    for past in mine:
        outputs = [index for index in results if operands[index].type == past.type]
        if len(outputs) == 1 and [one.type for one in mine].count(past.type) == 1:
            found[past] = outputs[0]
    return found


def replaced(func: FuncOp, taken: Collection[BlockArgument]) -> list[Replaced]:
    """All such states but for arguments that are states already, in the order of the arguments."""
    results = terminator_of(func).operands
    return [
        Replaced(past, index)
        for past, index in declared_presents(func).items()
        if past not in taken
        and results[index].type == past.type
        and results[index] in _dependent(func, past)
    ]


def _dependent(func: FuncOp, root: SSAValue) -> set[SSAValue]:
    """The values that operations compute from a value."""
    known, found = {root}, set[SSAValue]()
    for op in operations(func.body.block):
        if not known.isdisjoint(op.operands):
            known.update(op.results)
            found.update(op.results)
    return found
