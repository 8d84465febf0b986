"""Arithmetic on extents agrees with Python and numpy for every value of the symbols."""

from __future__ import annotations

import math
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.affine import Affine
from passes.analysis.extents import (
    Undecided,
    expand_dims,
    maximum,
    minimum,
    range_extent,
    reshape_dims,
    slice_bounds,
    split_sizes,
)
from tests.unit.passes.affine_values import RANGES, VALUES, affines, extents, small

LARGEST = 2**63 - 1
P = Affine.symbol("P")
bounds = st.one_of(affines, small.map(Affine), st.sampled_from([Affine(LARGEST), Affine(-LARGEST)]))


def dims(*extents: Affine | int) -> tuple[Affine, ...]:
    return tuple(Affine.of(e) for e in extents)


@given(affines, affines)
def test_the_smaller_and_the_larger(a: Affine, b: Affine):
    pairs = [(a.evaluate(v), b.evaluate(v)) for v in VALUES]
    try:
        low, high = minimum(a, b, RANGES), maximum(a, b, RANGES)
    except Undecided:
        assert any(x < y for x, y in pairs)
        assert any(x > y for x, y in pairs)
        return
    assert [low.evaluate(v) for v in VALUES] == [min(p) for p in pairs]
    assert [high.evaluate(v) for v in VALUES] == [max(p) for p in pairs]


@given(bounds, bounds, st.sampled_from([1, 2, 3, -1, -2]), extents)
def test_a_slice_is_that_of_a_list(start: Affine, end: Affine, step: int, extent: Affine):
    """But for a start in front of the first element: backwards, too, it is the first one."""
    try:
        offset, length = slice_bounds(start, end, step, extent, RANGES)
    except Undecided:
        assert start.terms or end.terms or extent.terms
        return
    for values in VALUES:
        held, first = range(extent.evaluate(values)), start.evaluate(values)
        first = max(first, -len(held)) if step < 0 else first
        expected = held[slice(first, end.evaluate(values), step)]
        assert length.evaluate(values) == len(expected)
        assert not expected or offset.evaluate(values) == expected[0]


@pytest.mark.parametrize(
    ("start", "end", "extent", "expected"),
    [
        (Affine(-1), Affine(LARGEST), P + 1, (P, Affine(1))),
        (P, P + 1, P + 1, (P, Affine(1))),
        (Affine(0), Affine(-1), P + 1, (Affine(0), P)),
        (Affine(0), P, Affine(5), (Affine(0), P)),
    ],
    ids=["last", "new", "all but the last", "a table up to P"],
)
def test_slices_that_exporters_write_are_decided(
    start: Affine, end: Affine, extent: Affine, expected: tuple[Affine, Affine]
):
    assert slice_bounds(start, end, 1, extent, RANGES) == expected


@given(affines, affines, st.integers(-3, 3))
def test_the_length_of_a_range(start: Affine, limit: Affine, delta: int):
    try:
        extent = range_extent(start, limit, Affine(delta), RANGES)
    except Undecided:
        assert delta == 0 or (limit - start).terms
        return
    for values in VALUES:
        expected = range(start.evaluate(values), limit.evaluate(values), delta)
        assert extent.evaluate(values) == len(expected)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_reshape_infers_what_numpy_infers(shape: list[int], data: st.DataObject):
    target = data.draw(st.permutations(shape))
    index = data.draw(st.integers(0, len(target) - 1))
    found = reshape_dims(dims(*shape), dims(*target[:index], -1, *target[index + 1 :]), True)
    wanted = np.empty(shape).reshape([*target[:index], -1, *target[index + 1 :]]).shape
    assert found == dims(*wanted)


@given(extents, st.integers(1, 4), st.integers(1, 4))
def test_reshape_infers_beside_a_symbol(extent: Affine, a: int, b: int):
    found = reshape_dims(dims(extent * a, b), dims(-1, a * b), True)
    for values in VALUES:
        numbers = [d.evaluate(values) for d in found]
        assert prod(numbers) == extent.evaluate(values) * a * b


def test_reshape_copies_where_it_says_0():
    assert reshape_dims(dims(P, 6), dims(0, 2, 3), True) == dims(P, 2, 3)
    assert reshape_dims(dims(0, 6), dims(3, 0), False) == dims(3, 0)


@pytest.mark.parametrize(
    ("source", "target"),
    [(dims(5), dims(2, -1)), (dims(P), dims(2, -1)), (dims(P + 1, 2), dims(P, -1))],
    ids=["numbers", "half of a symbol", "another symbol"],
)
def test_reshape_refuses_what_does_not_divide(
    source: tuple[Affine, ...], target: tuple[Affine, ...]
):
    with pytest.raises(Undecided, match="cannot infer the extent -1"):
        reshape_dims(source, target, True)


@given(
    st.lists(st.sampled_from([1, 2, 3]), max_size=4), st.lists(st.sampled_from([1, 2]), max_size=4)
)
def test_expand_is_a_broadcast(source: list[int], target: list[int]):
    try:
        expected = np.broadcast_shapes(tuple(source), tuple(target))
    except ValueError:
        with pytest.raises(Undecided):
            expand_dims(dims(*source), dims(*target))
    else:
        assert expand_dims(dims(*source), dims(*target)) == dims(*expected)


@given(st.integers(0, 20), st.integers(1, 8))
def test_a_split_takes_everything_in_equal_parts_but_the_last(extent: int, parts: int):
    first = math.ceil(extent / parts)
    if extent < first * (parts - 1):
        with pytest.raises(Undecided, match="do not fill"):
            split_sizes(Affine(extent), parts)
    else:
        expected = [first] * (parts - 1) + [extent - first * (parts - 1)]
        assert split_sizes(Affine(extent), parts) == [Affine(size) for size in expected]


def test_a_split_of_a_symbol_is_equal():
    assert split_sizes(P * 2, 2) == [P, P]
