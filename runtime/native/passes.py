"""Passes of the vector engine as the library takes them, and the calls that execute them.

    call = prepare(kernel, Function.ADD, (out, a, b), (0, 0, 0))    # None where it is not taken
    call()
    joined([call, other, call])         # neighbours become one call

A call is a `partial` of records, which those of its neighbours can be put behind.
"""

import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from runtime.native.library import Kernel

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[[], None]

Placed = tuple[int, Sequence[int]]
"""An address of the host and four byte strides."""

RECORD = struct.Struct("31q")
NO_OPERAND = (0,) * 6
OPERANDS = 4


class Function(IntEnum):
    """What a pass computes, by the numbers that the library gives it."""

    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3
    MAX = 4
    MIN = 5
    NEG = 6
    ABS = 7
    SQRT = 8
    RECIP = 9
    RELU = 10
    WIDEN = 11
    GELU_POWER = 12
    OVER_ONE_PLUS = 13
    ONE_PLUS_RECIP = 14
    ISNAN = 15
    MOVE = 16
    SELECT = 17
    SUM = 18
    GREATEST = 19


def prepare(
    kernel: Kernel, function: Function, arrays: Sequence[Array], codes: Sequence[int]
) -> Call | None:
    """The call of a pass on arrays, the result first, whose element types have these codes.

    None where there are no elements, or where the result lies across an operand.
    """
    out = arrays[0]
    if not out.size or not all(_is_apart(out, array) for array in arrays[1:]):
        return None
    # The operand that has all elements is the last: a reduction's result has fewer.
    shape = arrays[-1].shape if function >= Function.SUM else out.shape
    extents, axes = _ordered(shape) if function < Function.SUM else (shape, None)
    numbers: list[int] = [function, len(arrays), out.itemsize, *extents]
    for array, code in zip(arrays, codes, strict=True):
        strides = array.strides if axes is None else _strides(array, axes)
        numbers += (array.__array_interface__["data"][0], *strides, code)
    numbers += NO_OPERAND * (OPERANDS - len(arrays))
    return partial(kernel.passes, kernel.address, RECORD.pack(*numbers), 1)


def moving(kernel: Kernel, size: int, shape: Sequence[int], out: Placed, a: Placed) -> Call:
    """The call that copies `shape` elements of `size` bytes from one place to another, apart."""
    extents, axes = _ordered(shape)
    numbers: list[int] = [Function.MOVE, 2, size, *extents]
    for address, strides in (out, a):
        numbers += (address, *(strides if axes is None else [strides[x] for x in axes]), 0)
    numbers += NO_OPERAND * (OPERANDS - 2)
    return partial(kernel.passes, kernel.address, RECORD.pack(*numbers), 1)


def _is_apart(out: Array, array: Array) -> bool:
    """Whether an operand lies apart from the result, or exactly where it does."""
    if not np.may_share_memory(out, array):
        return True
    same = out.dtype == array.dtype and out.strides == array.strides and out.shape == array.shape
    return same and out.__array_interface__["data"] == array.__array_interface__["data"]


def _ordered(shape: Sequence[int]) -> tuple[Sequence[int], Sequence[int] | None]:
    """Four extents whose last is not one, if any is not, and the axes that they are of."""
    if len(shape) == 1:
        return (1, 1, 1, *shape), (0,)
    if shape[3] > 1:
        return shape, None
    last = max((axis for axis in range(4) if shape[axis] > 1), default=3)
    axes = [*(axis for axis in range(4) if axis != last), last]
    return [shape[axis] for axis in axes], axes


def _strides(array: Array, axes: Sequence[int]) -> Sequence[int]:
    strides = array.strides
    return (0, 0, 0, *strides) if len(strides) == 1 else [strides[axis] for axis in axes]


def is_pass(call: Any) -> bool:
    """Whether a call executes passes."""
    return isinstance(call, partial) and len(call.args) == 3 and isinstance(call.args[1], bytes)


def length(call: Any) -> int:
    """How many instructions a call executes."""
    return call.args[2] if is_pass(call) else 1


def joined(calls: Sequence[Call]) -> tuple[Call, ...]:
    """The same with one call for neighbours that are passes."""
    if len(calls) < 2:
        return tuple(calls)
    found: list[Call] = []
    for together, group in groupby(calls, is_pass):
        neighbours = list(group)
        found += [_one(neighbours)] if together else neighbours
    return tuple(found)


def _one(calls: Sequence[Any]) -> Call:
    first = calls[0]
    records = b"".join(call.args[1] for call in calls)
    return partial(first.func, first.args[0], records, sum(map(length, calls)))
