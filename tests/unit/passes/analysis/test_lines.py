"""A value that is said to be a line has the elements of that line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, SSAValue

from dialects.affine import Affine
from dialects.lpu.types import tensor
from passes.analysis.content import Line
from passes.analysis.lines import Lines
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

P = Affine.symbol("P")


def builder(*arguments: tuple[int, ...]) -> tuple[Build, Block]:
    """A place to insert operations, in a block with i64 arguments of these shapes."""
    block = Block(arg_types=[tensor(shape, ElementType.I64) for shape in arguments])
    end = ReturnOp()
    block.add_op(end)
    return Build(end), block


@dataclass
class Known:
    """A value and its elements."""

    value: SSAValue
    array: np.ndarray


def iota(b: Build, base: int, coefficients: list[int], shape: list[int]) -> Known:
    grids = np.indices(shape)
    array = base + sum((c * g for c, g in zip(coefficients, grids, strict=True)), np.zeros(shape))
    return Known(b.iota(base, coefficients, shape), array.astype(np.int64))


def _reshape(b: Build, x: Known, data: st.DataObject) -> Known:
    shape = list(x.array.shape)
    split = [(i, f) for i, d in enumerate(shape) for f in (2, 3) if d % f == 0 and d > f]
    merged = [[*shape[:i], shape[i] * shape[i + 1], *shape[i + 2 :]] for i in range(len(shape) - 1)]
    options = [[*shape[:i], f, shape[i] // f, *shape[i + 1 :]] for i, f in split]
    target = data.draw(st.sampled_from([[1, *shape], *merged, *options]))
    return Known(b.reshape(x.value, target), x.array.reshape(target))


def _transpose(b: Build, x: Known, data: st.DataObject) -> Known:
    perm = data.draw(st.permutations(range(x.array.ndim)))
    return Known(b.transpose(x.value, perm), x.array.transpose(perm))


def _slice(b: Build, x: Known, data: st.DataObject) -> Known:
    offsets = [data.draw(st.integers(0, d - 1)) for d in x.array.shape]
    steps = [data.draw(st.integers(1, 2)) for _ in offsets]
    windows = zip(offsets, steps, strict=True)
    array = x.array[tuple(slice(o, None, s) for o, s in windows)]
    return Known(b.slice(x.value, offsets, array.shape, steps), array)


def _broadcast(b: Build, x: Known, data: st.DataObject) -> Known:
    shape = (2, *x.array.shape)
    return Known(b.broadcast(x.value, shape), np.broadcast_to(x.array, shape))


def _arithmetic(b: Build, x: Known, data: st.DataObject) -> Known:
    fn = data.draw(st.sampled_from(["add", "sub", "mul"]))
    number = data.draw(st.integers(-3, 3))
    array = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[fn](x.array, number)
    return Known(b.map(fn, x.value, b.scalar(number, ElementType.I64)), array)


def _sum(b: Build, x: Known, data: st.DataObject) -> Known:
    return Known(b.map("add", x.value, x.value), x.array + x.array)


def _limit(b: Build, x: Known, data: st.DataObject) -> Known:
    fn, number = data.draw(st.sampled_from(["max", "min"])), data.draw(st.integers(-9, 9))
    array = {"max": np.maximum, "min": np.minimum}[fn](x.array, number)
    return Known(b.map(fn, x.value, b.scalar(number, ElementType.I64)), array)


def _choice(b: Build, x: Known, data: st.DataObject) -> Known:
    """By a number, between two values that may be equal."""
    number, more = data.draw(st.integers(-5, 5)), data.draw(st.integers(0, 1))
    low = b.map("lt", x.value, b.scalar(number, ElementType.I64))
    other = b.map("add", x.value, b.scalar(more, ElementType.I64))
    picked = b.select(low, x.value, other)
    return Known(picked, np.where(x.array < number, x.array, x.array + more))


def _narrow(b: Build, x: Known, data: st.DataObject) -> Known:
    """Through i32, which may not hold it."""
    offset = data.draw(st.sampled_from([0, 1 << 31, -(1 << 31), 3 << 32]))
    far = b.map("add", x.value, b.scalar(offset, ElementType.I64))
    short = (x.array + offset).astype(np.int32)
    return Known(b.cast(b.cast(far, ElementType.I32), ElementType.I64), short.astype(np.int64))


STEPS = (
    _reshape, _transpose, _slice, _broadcast, _arithmetic, _sum, _limit, _choice, _narrow,
)  # fmt: skip


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.data())
def test_arithmetic_is_read_back(shape: list[int], data: st.DataObject):
    b, _ = builder()
    numbers = st.integers(-4, 4)
    coefficients = [data.draw(numbers) for _ in shape]
    known = iota(b, data.draw(numbers), coefficients, shape)
    for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=4)):
        known = step(b, known, data)
    lines = Lines({})
    line = lines.line_of(known.value)
    if line is None:
        return
    grids = np.indices(known.array.shape)
    found = line.base.const + sum(
        c.const * g for c, g in zip(line.coefficients, grids, strict=True)
    )
    np.testing.assert_array_equal(np.broadcast_to(found, known.array.shape), known.array)
    low, high = lines.bounds(known.value, line)
    assert (low, high) == (known.array.min(), known.array.max())


def test_bounds_hold_for_every_value_of_a_symbol():
    b, _ = builder()
    lines = Lines({"P": (0, 7)})
    value = b.iota(P, [-1], [P + 1])
    line = lines.line_of(value)
    assert line == Line(P, (Affine(-1),))
    low, high = lines.bounds(value, line)
    assert low <= 0
    assert high >= 7


def test_every_other_element_of_a_concatenation_is_not_its_first_part():
    """Where as many are taken as that holds."""
    b, _ = builder()
    whole = b.concat([b.iota(0, [0], [3]), b.iota(5, [1], [4])], 0)
    assert Lines({}).line_of(b.slice(whole, [0], [3], [1])) == Line(Affine(), (Affine(),))
    assert Lines({}).line_of(b.slice(whole, [0], [3], [2])) is None


def test_a_part_of_a_concatenation_is_found_again():
    b, _ = builder()
    parts = [b.iota(i, [1], [2]) for i in (10, 20)]
    whole = b.concat(parts, 0)
    lines = Lines({})
    assert lines.line_of(whole) is None
    assert lines.line_of(b.slice(whole, [2], [2])) == Line(Affine(20), (Affine(1),))
    assert lines.line_of(b.slice(whole, [1], [2])) is None


@pytest.mark.parametrize(("base", "chosen"), [(0, 3), (-1, None)])
def test_a_selection_counts_when_no_index_is_negative(base: int, chosen: int | None):
    b, _ = builder()
    index, zero = b.iota(base, [1], [4]), b.scalar(0, ElementType.I64)
    last = b.iota(3, [1], [4])
    picked = b.select(b.map("lt", index, zero), index, last)
    line = Lines({}).line_of(picked)
    assert line == (None if chosen is None else Line(Affine(chosen), (Affine(1),)))


def test_what_depends_on_data_is_no_line():
    b, block = builder((4,))
    argument = block.args[0]
    lines = Lines({})
    assert lines.line_of(argument) is None
    assert lines.line_of(b.map("add", argument, b.scalar(1, ElementType.I64))) is None


@pytest.mark.parametrize(
    ("low", "high", "chosen"), [(0, 8, 5), (-3, 8, None), (7, 9, None), (8, 12, 9), (-9, 0, 9)]
)
def test_a_selection_is_a_line_where_all_choose_the_same(low: int, high: int, chosen: int | None):
    """Of an index from `low` to `high - 1`: 5 if it is one of eight, else 9."""
    b, _ = builder()
    index = b.iota(low, (1,), (high - low,))
    above = b.map("ge", index, b.scalar(0, ElementType.I64))
    below = b.map("lt", index, b.scalar(8, ElementType.I64))
    arms = (b.scalar(5, ElementType.I64), b.scalar(9, ElementType.I64))
    line = Lines({}).line_of(b.select(b.map("and", above, below), *arms))
    assert (None if line is None else line.base.const) == chosen


@pytest.mark.parametrize(
    ("fn", "other", "line"),
    [
        ("min", P, Line(Affine(), (Affine(1),))),
        ("max", P, Line(P, (Affine(),))),
        ("max", P - 1, None),
        ("min", P - 1, None),
        ("max", Affine(), Line(Affine(), (Affine(1),))),
    ],
)
def test_the_greater_of_two_is_one_of_them_where_no_symbol_changes_that(
    fn: str, other: Affine, line: Line | None
):
    """Places from 0 to P, and another number."""
    b, _ = builder()
    value = b.map(fn, b.iota(0, [1], [P + 1]), b.iota(other, [], []))
    assert Lines({"P": (0, 7)}).line_of(value) == line


def test_a_sum_of_equal_numbers_counts_them():
    b, _ = builder()
    threes = b.fill(3, (2, P + 3), ElementType.I64)
    lines = Lines({"P": (0, 7)})
    assert lines.line_of(b.reduce("sum", threes, [1])) == Line(P * 3 + 9, (Affine(), Affine()))
    assert lines.line_of(b.reduce("max", threes, [1])) is None


def test_a_count_that_i32_cannot_hold_is_no_line_in_i64():
    b, _ = builder()
    lines = Lines({"P": (0, 1 << 31)})
    far, near = b.iota(P, [], []), b.iota(P - 1, [], [])
    for value, line in ((far, None), (near, Line(P - 1, ()))):
        short = b.cast(value, ElementType.I32)
        assert lines.line_of(b.cast(short, ElementType.I64)) == line
        assert lines.line_of(b.cast(value, ElementType.F32)) is None


def test_a_number_that_wraps_is_compared_with_nothing():
    b, _ = builder()
    lines = Lines({"P": (0, 1 << 31)})
    zero, one = b.scalar(0, ElementType.I32), b.scalar(1, ElementType.I64)
    for value, known in ((b.iota(P, [], []), False), (b.iota(P - 1, [], []), True)):
        short = b.cast(value, ElementType.I32)
        assert (lines.line_of(b.map("max", b.map("add", short, zero), short)) is not None) == known
        chosen = b.select(b.map("ge", short, b.scalar(-1, ElementType.I32)), one, value)
        assert (lines.line_of(chosen) is not None) == known


def test_other_comparisons_choose_neither_arm():
    b, _ = builder()
    index, arms = b.iota(3, [1], [4]), (b.iota(0, [1], [4]), b.iota(9, [1], [4]))
    zero = b.scalar(0, ElementType.I64)
    for fn, known in (("ge", True), ("lt", True), ("gt", False), ("le", False), ("eq", False)):
        line = Lines({}).line_of(b.select(b.map(fn, index, zero), *arms))
        assert (line is not None) == known, fn
