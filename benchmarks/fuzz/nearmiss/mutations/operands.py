"""Operands that are another value, wider, narrower, rounded, or in another order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.fuzz.nearmiss.graph import Case
from benchmarks.fuzz.nearmiss.mutations.sites import (
    Site,
    Values,
    add_constant,
    add_input,
    constants_of,
    dims_of,
    dtype_of,
    insert,
    uses,
)

COMMUTATIVE = {"Add", "Mul", "Equal", "And", "Or", "Max", "Min"}
FLOATS = ("f32", "f16")


def _replaced(number: int, index: int, value: str, case: Case) -> None:
    case.model.graph.node[number].input[index] = value


def _other(number: int, index: int, dims: tuple[int | str, ...], dtype: str, case: Case) -> None:
    """A value of its own in the place of the operand."""
    _replaced(number, index, add_input(case, dims, dtype), case)


def _moved(number: int, index: int, dtype: type[np.generic], case: Case) -> None:
    """The operand plus a little."""
    value = case.model.graph.node[number].input[index]
    term = add_constant(case, np.asarray(0.125, dtype))
    _replaced(number + 1, index, insert(case, number, "Add", [value, term]), case)


def _expanded(number: int, index: int, dims: tuple[int, ...], case: Case) -> None:
    """The operand, repeated along axes of extent 1 or new ones."""
    value = case.model.graph.node[number].input[index]
    shape = add_constant(case, np.asarray(dims, np.int64))
    _replaced(number + 1, index, insert(case, number, "Expand", [value, shape]), case)


def _rounded(number: int, index: int, case: Case) -> None:
    """The operand, rounded to f16 and back."""
    value = case.model.graph.node[number].input[index]
    half = insert(case, number, "Cast", [value], to=10)
    _replaced(number + 2, index, insert(case, number + 1, "Cast", [half], to=1), case)


def _swapped(number: int, first: int, second: int, case: Case) -> None:
    operands = case.model.graph.node[number].input
    operands[first], operands[second] = operands[second], operands[first]


def _turned(number: int, index: int, perm: list[int], case: Case) -> None:
    """The operand with its axes in another order."""
    value = case.model.graph.node[number].input[index]
    _replaced(number + 1, index, insert(case, number, "Transpose", [value], perm=perm), case)


def _reversed(number: int, index: int, axis: int, case: Case) -> None:
    """The operand, backwards along an axis."""
    value = case.model.graph.node[number].input[index]
    bounds = [np.asarray([n], np.int64) for n in (-1, np.iinfo(np.int64).min, axis, -1)]
    names = [add_constant(case, bound) for bound in bounds]
    _replaced(number + 1, index, insert(case, number, "Slice", [value, *names]), case)


def _by_shape(case: Case, values: Values) -> Iterator[Site]:
    constants = constants_of(case)
    for number, index, value, place in uses(case):
        dims, dtype = dims_of(case, values, value), dtype_of(values, value)
        if value in constants or dtype not in (*FLOATS, "bool") or dims is None:
            continue
        yield Site("operand_other", place, partial(_other, number, index, dims, dtype))
        for axis, extent in enumerate(dims):
            changed = list(dims)
            if isinstance(extent, int) and extent > 1:
                changed[axis] = 1
                narrow = partial(_other, number, index, tuple(changed), dtype)
                yield Site("operand_narrower", place, narrow)
            elif extent == 1:
                changed[axis] = 2
                wide = partial(_other, number, index, tuple(changed), dtype)
                yield Site("operand_wider", place, wide)
                if all(isinstance(d, int) for d in changed):
                    spread = partial(_expanded, number, index, tuple(map(int, changed)))
                    yield Site("operand_expanded", place, spread)
        deeper = partial(_other, number, index, (2, *dims), dtype)
        yield Site("operand_wider_rank", place, deeper)


def _by_value(case: Case, values: Values) -> Iterator[Site]:
    constants = constants_of(case)
    for number, index, value, place in uses(case):
        dtype, array = dtype_of(values, value), values[value][-1]
        if dtype not in FLOATS or (value in constants and array.size == 1):
            continue
        numpy = np.float32 if dtype == "f32" else np.float16
        yield Site("operand_moved", place, partial(_moved, number, index, numpy))
        if dtype == "f32":
            yield Site("operand_rounded", place, partial(_rounded, number, index))
        for axis in range(array.ndim):
            if array.shape[axis] > 1:
                back = partial(_reversed, number, index, axis)
                yield Site("operand_reversed", place, back)
        pairs = [(i, j) for i in range(array.ndim) for j in range(i)]
        for i, j in pairs:
            if array.shape[i] == array.shape[j] != 1:
                perm = list(range(array.ndim))
                perm[i], perm[j] = j, i
                yield Site("operand_turned", place, partial(_turned, number, index, perm))


def _swaps(case: Case) -> Iterator[Site]:
    for number, node in enumerate(case.model.graph.node):
        for second in range(1, len(node.input)):
            for first in range(second):
                kind = "operands_commuted" if node.op_type in COMMUTATIVE else "operands_swapped"
                place = f"{node.op_type}.{first}.{second}"
                yield Site(kind, place, partial(_swapped, number, first, second))


def sites(case: Case, values: Values) -> Iterator[Site]:
    yield from _by_shape(case, values)
    yield from _by_value(case, values)
    yield from _swaps(case)
