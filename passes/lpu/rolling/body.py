"""Values of a loop body: rows of what is stacked outside, and operations of the first turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import LocationAttr, NameLoc
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.affine import Affine, AffineLike
from dialects.errors import location_names, location_of, together
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import INLINE_LIMIT, Inline, Stack, Weight, inline, nbytes
from passes.lpu.rolling.columns import Column, Inlined, Leaf, Line, Same, Scalars, Stacked, Table
from passes.rewriting.build import Build

_NUMBER = re.compile(r"_?\d+")


@dataclass(frozen=True)
class Placed(Build):
    """A `Build` that gives what it makes a location of its own."""

    where: LocationAttr

    @property
    def location(self) -> LocationAttr:
        return self.where


def fused(operations: Sequence[Operation]) -> LocationAttr:
    """The nodes of one operation in every layer, each once, in order."""
    parts: dict[str, LocationAttr] = {}
    for op in operations:
        location = op.location
        if isinstance(location, NameLoc):
            parts[location.desc.data] = location
        else:
            parts.update((name, location_of([name])) for name in location_names(location))
    return together(list(parts.values()))


def owners(column: Column) -> list[Operation]:
    """The operations that give a column."""
    return [v.owner for v in column if isinstance(v.owner, Operation)]


def hint(name: str | None) -> str | None:
    """A name of a value without the numbers that one layer put in."""
    return (_NUMBER.sub("", name) or None) if name else None


def copied(build: Build, op: Operation, operands: Sequence[SSAValue]) -> Operation:
    """An operation like another, on other operands."""
    new = type(op).create(
        operands=operands,
        result_types=[v.type for v in op.results],
        properties=dict[str, Attribute](op.properties),
        attributes=dict[str, Attribute](op.attributes),
    )
    build.insert(new)
    for old, value in zip(op.results, new.results, strict=True):
        value.name_hint = hint(old.name_hint)
    return new


def row(build: Build, source: SSAValue, index: AffineLike) -> SSAValue:
    """One element along the first axis, which goes away."""
    tensor = tensor_of(source)
    part = build.slice_axis(source, 0, index, 1)
    return build.reshape(part, tensor.shape[1:])


class Leaves:
    """Gives the body its leaves: what they need outside stands before `loop`."""

    def __init__(self, loop: Operation, end: Operation, variable: str) -> None:
        self.loop, self.end = loop, end
        self.turn = Affine.symbol(variable)
        self._known: dict[int, SSAValue] = {}

    def value(self, leaf: Leaf) -> SSAValue:
        """The value of a leaf in the body, made on first use."""
        if isinstance(leaf, Same):
            return leaf.value
        if id(leaf) not in self._known:
            made_here = owners(leaf.column)
            where = fused(made_here) if made_here else self.loop.location
            outside, inside = Placed(self.loop, where), Placed(self.end, where)
            value = self._make(leaf, outside, inside)
            value.name_hint = hint(leaf.column[0].name_hint)
            self._known[id(leaf)] = value
        return self._known[id(leaf)]

    def _make(self, leaf: Leaf, outside: Build, inside: Build) -> SSAValue:
        match leaf:
            case Stacked():
                return row(inside, self._stack(outside, joined(leaf.weight.sources)), self.turn)
            case Scalars():
                stack = self._stack(outside, inline(leaf.elements))
                return inside.broadcast(row(inside, stack, self.turn), _shape(leaf.column))
            case Line():
                steps = zip(leaf.first, leaf.steps, strict=True)
                base, *coefficients = (first + self.turn * step for first, step in steps)
                dtype = tensor_of(leaf.column[0]).dtype
                return inside.iota(base, coefficients, _shape(leaf.column), dtype)
            case Inlined():
                operands = [self.value(operand) for operand in leaf.operands]
                return copied(inside, owners(leaf.column)[0], operands).results[0]
            case Table():
                return self._from_table(leaf, outside, inside)
            case Same():
                return leaf.value

    def _stack(self, outside: Build, weight: Weight) -> SSAValue:
        stack = outside.constant(weight)
        stack.name_hint = "weight"
        return stack

    def _from_table(self, leaf: Table, outside: Build, inside: Build) -> SSAValue:
        shape = _shape(leaf.column)
        rows = [outside.reshape(v, (1, *shape)) for v in leaf.variants]
        table = outside.concat(rows, 0)
        if leaf.which == tuple(range(len(leaf.which))):
            return row(inside, table, self.turn)
        which = outside.constant(inline(np.asarray(leaf.which, np.int64)))
        index = inside.slice_axis(which, 0, self.turn, 1)
        return inside.reshape(inside.gather(table, index, 0), shape)


def _shape(column: Column) -> tuple[Affine, ...]:
    return tensor_of(column[0]).shape


def joined(sources: tuple[Weight, ...]) -> Weight:
    """Weights along a new first axis; small ones that stand in the IR as one that does."""
    first = sources[0]
    small = [s for s in sources if isinstance(s, Inline)]
    shape = (len(sources), *first.shape)
    if len(small) == len(sources) and nbytes(shape, first.dtype) <= INLINE_LIMIT:
        return Inline(b"".join(s.data for s in small), shape, first.dtype)
    return Stack(sources)


def stacked_type(value: SSAValue, count: int) -> TensorType:
    """The type of the values of all turns along a new first axis."""
    tensor = tensor_of(value)
    return TensorType(tensor.with_dims((count, *tensor.shape)))
