"""
Find states that every step replaces: a past input and a present output of the same extents.

Convolutions over the last tokens and recurrent layers keep such: not rows that are appended, but
numbers that are computed anew from those before. What they are is up to the model, so the names
declare the pair: an input of the role `past` or `recurrent`, of extents that are numbers, whose one
declared present has its type and depends on it. What a cache continues is none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, SSAValue

from dialects.lpu.interface import interface_of
from dialects.lpu.tensors import tensor_of
from dialects.reading import operations
from passes.lpu.state.pairs import Declared
from passes.rewriting.signature import terminator_of

RECURRENT = "recurrent"
ROLES = ("past", RECURRENT)


@dataclass(frozen=True)
class Replaced:
    """An argument of the function, and the result that a step puts in its place."""

    past: BlockArgument
    result: int


def declared_presents(func: FuncOp) -> dict[BlockArgument, int]:
    """Of each argument that may be a state of fixed extents, the one result declared to follow."""
    interface = interface_of(func)
    declared = Declared([port.name for port in interface.results])
    found: dict[BlockArgument, int] = {}
    for argument, port in zip(func.body.block.args, interface.arguments, strict=True):
        present = declared.of(port.name) if port.role in ROLES else []
        if len(present) == 1 and tensor_of(argument).is_static:
            found[argument] = present[0]
    indices = list(found.values())
    return {past: index for past, index in found.items() if indices.count(index) == 1}


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
