"""What is known of the elements of a value holds for every value of the symbols."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.affine import Affine
from dialects.lpu.types import Tensor
from passes.analysis.content import (
    Elements,
    Fill,
    Line,
    as_elements,
    as_line,
    combine_elements,
    combine_lines,
    compare,
    elements,
    expand_line,
    line_through,
    runs,
    sign,
)
from runtime.numerics.elements import ElementType
from tests.unit.passes.affine_values import RANGES, VALUES, affines

NUMPY: dict[str, Callable[[int, int], int]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: int(a / b),
    "Mod": lambda a, b: a % b,
    "Equal": lambda a, b: a == b,
    "Less": lambda a, b: a < b,
    "LessOrEqual": lambda a, b: a <= b,
    "Greater": lambda a, b: a > b,
    "GreaterOrEqual": lambda a, b: a >= b,
    "Min": min,
    "Max": max,
}
COMPARISONS = ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
numbers = st.integers(-9, 9).map(Affine)
operands = st.one_of(affines, numbers)


@given(st.sampled_from(sorted(NUMPY)), operands, operands)
def test_elements_combine_as_numbers_do(fn: str, a: Affine, b: Affine):
    found = combine_elements(fn, elements([a]), elements([b]), RANGES)
    if found is None:
        assert a.terms or b.terms or b == Affine()
        return
    (result,) = found.flat()
    for values in VALUES:
        left, right = a.evaluate(values), b.evaluate(values)
        assert result.evaluate(values) == NUMPY[fn](left, right)


@given(st.sampled_from(COMPARISONS), affines, affines)
def test_a_comparison_is_decided_when_it_always_is(fn: str, a: Affine, b: Affine):
    outcomes = {bool(NUMPY[fn](a.evaluate(v), b.evaluate(v))) for v in VALUES}
    decided = compare(fn, a, b, RANGES)
    if decided is not None:
        assert outcomes == {decided}
    elif fn != "Equal":
        assert outcomes == {True, False}


@given(affines)
def test_a_sign_is_that_of_every_value(a: Affine):
    found = sign(a, RANGES)
    signs = {int(np.sign(a.evaluate(v))) for v in VALUES}
    assert found is None or signs == {found}


def test_arrays_broadcast():
    found = combine_elements("Add", elements([[1], [2]]), elements([10, 20, 30]), RANGES)
    assert found is not None
    assert found.array.tolist() == elements([[11, 21, 31], [12, 22, 32]]).array.tolist()


lines = st.builds(lambda base, a, b: Line(base, (a, b)), affines, affines, affines)


def at(line: Line, values: dict[str, int], i: int, j: int) -> int:
    first, second = (c.evaluate(values) for c in line.coefficients)
    return line.base.evaluate(values) + first * i + second * j


@given(st.sampled_from(["Add", "Sub"]), lines, lines)
def test_lines_add(fn: str, a: Line, b: Line):
    found = combine_lines(fn, a, b)
    assert found is not None
    for values in VALUES:
        assert at(found, values, 2, 3) == NUMPY[fn](at(a, values, 2, 3), at(b, values, 2, 3))


@given(lines, operands)
def test_a_line_times_one_value_is_a_line(line: Line, factor: Affine):
    flat = Line(factor, (Affine(), Affine()))
    for found in (combine_lines("Mul", line, flat), combine_lines("Mul", flat, line)):
        if found is None:
            assert factor.terms
            continue
        for values in VALUES:
            assert at(found, values, 2, 3) == at(line, values, 2, 3) * factor.evaluate(values)


def test_a_product_of_two_lines_is_none():
    line = Line(Affine(), (Affine(1),))
    assert combine_lines("Mul", line, line) is None
    assert combine_lines("Div", line, line) is None


def test_a_line_written_out():
    line = Line(Affine.symbol("P"), (Affine(10), Affine(1)))
    found = as_elements(line, Tensor.of((2, 3), ElementType.I64))
    assert found is not None
    numbers = [[e.evaluate({"P": 100}) for e in row] for row in found.array]
    assert numbers == [[100, 101, 102], [110, 111, 112]]


def test_what_is_large_symbolic_or_float_is_not_written_out():
    line, fill = Line(Affine(), (Affine(1),)), Fill(np.float32(1).reshape(()))
    assert as_elements(line, Tensor.of((257,), ElementType.I64)) is None
    assert as_elements(line, Tensor.of((Affine.symbol("P"),), ElementType.I64)) is None
    assert as_elements(fill, Tensor.of((2,), ElementType.F32)) is None
    assert as_line(fill, Tensor.of((2,), ElementType.F32)) is None


def test_one_element_is_a_flat_line():
    tensor = Tensor.of((1, 1), ElementType.I64)
    assert as_line(elements([[7]]), tensor) == Line(Affine(7), (Affine(), Affine()))
    assert as_line(elements([7, 8]), Tensor.of((2,), ElementType.I64)) is None


def test_a_broadcast_line_stands_still_on_new_axes():
    line = Line(Affine(5), (Affine(3), Affine(1)))
    found = expand_line(line, (Affine(1), Affine(4)), 3)
    assert found == Line(Affine(5), (Affine(), Affine(), Affine(1)))


@pytest.mark.parametrize(("a", "b", "expected"), [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3)])
def test_integer_division_truncates(a: int, b: int, expected: int):
    found = combine_elements("Div", elements([a]), elements([b]), RANGES)
    assert isinstance(found, Elements)
    assert found.flat() == (Affine(expected),)


@given(affines, st.lists(numbers, max_size=3), st.data())
def test_elements_of_a_line_are_that_line(base: Affine, steps: list[Affine], data: st.DataObject):
    extents = data.draw(st.tuples(*(st.integers(1, 4) for _ in steps)))
    tensor = Tensor(tuple(map(Affine, extents)), ElementType.I64)
    every = as_elements(Line(base, tuple(steps)), tensor)
    assert every is not None
    told = tuple(s if n > 1 else Affine() for s, n in zip(steps, extents, strict=True))
    assert line_through(every) == Line(base, told)
    other = every.array.copy()
    other[data.draw(st.tuples(*(st.integers(0, n - 1) for n in extents)))] += 1
    line = line_through(Elements(other))
    if line is not None:
        found = as_elements(line, tensor)
        assert found is not None
        assert (found.array == other).all()


def test_no_line_goes_through_no_element_or_a_bent_row():
    assert line_through(elements(np.zeros((0, 2), np.int64))) is None
    assert line_through(elements([0, 1, 3])) is None
    assert line_through(elements([[0, 1], [2, 4]])) is None
    assert line_through(elements([Affine.symbol("P"), 2])) is None


@given(st.lists(st.one_of(affines, numbers), max_size=8))
def test_runs_are_the_values_in_their_order(values: list[Affine]):
    cut = runs(values)
    flat = [line.base + line.coefficients[0] * i for line, count in cut for i in range(count)]
    assert flat == values
    assert all(line.coefficients[0].is_const for line, _ in cut)


def test_runs_are_as_long_as_they_can_be():
    cut = runs([Affine(n) for n in (3, 4, 5, 9, 7, 5, 5)])
    assert [count for _, count in cut] == [3, 3, 1]
