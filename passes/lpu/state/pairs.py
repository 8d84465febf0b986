"""
Find the pairs of past inputs and present results in a function.

A pair is found by dataflow: which argument a concatenation continues, and which result shows it. It
must be the result that the names declare, if they declare one: `present.0.key` belongs to
`past_key_values.0.key`. Where that holds something else, the argument stays an ordinary input.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.lpu.interface import interface_of
from dialects.lpu.movement import ConcatOp, GatherOp, TransposeOp
from dialects.lpu.tensors import tensor_of
from dialects.reading import operations
from passes.lpu.state.carried import carried
from passes.rewriting.signature import terminator_of
from runtime.program.presents import Declared


class Layout(NamedTuple):
    """A value below transposes: axis `i` is axis `perm[i]` of `base`."""

    base: SSAValue
    perm: tuple[int, ...]


def peeled(value: SSAValue) -> Layout:
    """What a value is a transposed form of."""
    perm = tuple(range(tensor_of(value).rank))
    while isinstance(op := value.owner, TransposeOp):
        perm = tuple(op.perm.data[p] for p in perm)
        value = op.source
    return Layout(value, perm)


def inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes one."""
    return tuple(perm.index(axis) for axis in range(len(perm)))


class Pair(NamedTuple):
    """An argument of the function that a concatenation continues, and the results that show it."""

    past: BlockArgument
    concat: ConcatOp
    perm: tuple[int, ...]
    """Axis `i` of the concatenation is axis `perm[i]` of the argument."""
    results: tuple[int, ...]
    moved: SSAValue | None
    """The result, if it is not the concatenation itself."""

    @property
    def axis(self) -> int:
        """Along which the argument grows."""
        return self.perm[self.concat.axis.value.data]


def _readers(value: SSAValue) -> Iterator[Operation]:
    """The users of a value, those of its transposes in their place."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, TransposeOp):
            yield from _readers(op.result)
        else:
            yield op


class Finder:
    """Finds the pairs of a function."""

    def __init__(self, func: FuncOp) -> None:
        self.func = func
        interface = interface_of(func)
        self.ports = interface.arguments
        self.declared = Declared([port.name for port in interface.results])
        self.results = list(terminator_of(func).operands)
        self.showing: dict[Layout, list[int]] = {}
        for index, result in enumerate(self.results):
            self.showing.setdefault(peeled(result), []).append(index)

    @cached_property
    def dependent(self) -> set[SSAValue]:
        """The values that depend on an argument."""
        found: set[SSAValue] = set(self.func.body.block.args)
        for op in operations(self.func.body.block):
            if not found.isdisjoint(op.operands):
                found.update(op.results)
        return found

    def pairs(self) -> list[Pair]:
        """All pairs, in the order of the results; one present may be several results."""
        found = [self._pair(past) for past in self.func.body.block.args]
        return sorted((pair for pair in found if pair is not None), key=lambda p: p.results)

    def _pair(self, past: BlockArgument) -> Pair | None:
        readers = set(_readers(past))
        concat = readers.pop() if len(readers) == 1 else None
        if not isinstance(concat, ConcatOp) or len(concat.operands) != 2:
            return None
        start = peeled(concat.operands[0])
        if start.base is not past or not self._grows(past, start.perm[concat.axis.value.data]):
            return None
        shown = tuple(self.showing.get(Layout(concat.result, inverse(start.perm)), ()))
        declared = self.declared.of(self.ports[past.index].name)
        if set(declared) <= set(shown):
            return Pair(past, concat, start.perm, shown, None) if shown else None
        moved = self.results[declared[0]]
        pair = Pair(past, concat, start.perm, tuple(declared), moved)
        return pair if len(declared) == 1 and self._is_moved(pair, moved) else None

    def _is_moved(self, pair: Pair, result: SSAValue) -> bool:
        """Whether a result holds as many rows as the concatenation, where data says."""
        sources = [value.owner for value in carried(result, ConcatOp)]
        origins = {op for op in sources if isinstance(op, ConcatOp)}
        indices = [op.indices for op in sources if isinstance(op, GatherOp)]
        expected = list(tensor_of(pair.past).shape)
        expected[pair.axis] = pair.concat.result_tensor().shape[pair.concat.axis.value.data]
        same = tensor_of(result) == tensor_of(pair.past).with_dims(expected)
        by_data = bool(indices) and self.dependent.issuperset(indices)
        return same and by_data and origins == {pair.concat}

    def _grows(self, past: BlockArgument, axis: int) -> bool:
        """Whether the argument is a cache: by its axis, or by its role where extents are fixed."""
        dims = tensor_of(past).shape
        if all(d.is_const for d in dims):
            return self.ports[past.index].role == "past"
        return not dims[axis].is_const
