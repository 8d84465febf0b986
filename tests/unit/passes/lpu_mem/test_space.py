"""The simplest form of an iteration space visits the same elements in the same order."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dialects.affine import Affine, product
from dialects.lpu_mem.access import Access, View
from passes.lpu_mem.tiling.space import Space, simplify

P = Affine.symbol("P")
numbers = st.integers(0, 4)


def visited(space: Space, p: int) -> list[tuple[int, ...]]:
    """The address in each buffer, point by point, outermost axis first."""
    symbols = {"P": p}
    points = itertools.product(*(range(e.evaluate(symbols)) for e in space.extents))
    return [
        tuple(
            v.offset.evaluate(symbols)
            + sum(s.evaluate(symbols) * i for s, i in zip(v.strides, point, strict=True))
            for v in space.views
        )
        for point in points
    ]


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to four axes, one of which may be P; strides often follow on one another."""
    rank = draw(st.integers(1, 4))
    extents = [Affine(draw(st.integers(1, 3))) for _ in range(rank)]
    if draw(st.booleans()):
        extents[draw(st.integers(0, rank - 1))] = P
    views: list[View] = []
    for _ in range(draw(st.integers(1, 3))):
        dense = draw(st.booleans())
        strides, step = [], Affine(draw(st.integers(0, 2)))
        for extent in reversed(extents):
            strides.insert(0, step if dense else Affine(draw(numbers)))
            step = step * (extent if extent.is_const else 7)
        views.append(View(Affine(draw(numbers)), tuple(strides)))
    reduced = tuple(draw(st.booleans()) for _ in range(rank))
    return Space(Access(tuple(extents), tuple(views)), reduced, draw(st.integers(0, rank)))


@given(spaces(), st.integers(1, 3))
def test_the_same_elements_in_the_same_order(space: Space, p: int):
    simple = simplify(space)
    assert visited(simple, p) == visited(space, p)
    assert simple.rank <= space.rank


@given(spaces())
def test_positional_axes_stay(space: Space):
    simple = simplify(space)
    kept = space.rank - space.fixed
    assert simple.fixed == space.fixed
    assert simple.extents[simple.rank - simple.fixed :] == space.extents[kept:]


@given(spaces())
def test_summed_axes_stay_apart_from_others(space: Space):
    def points(which: bool, of: Space) -> Affine:
        pairs = zip(of.extents, of.reduced, strict=True)
        return product(extent for extent, reduced in pairs if reduced == which)

    simple = simplify(space)
    assert points(True, simple) == points(True, space)
    assert points(False, simple) == points(False, space)


def test_neighbours_that_follow_on_one_another_are_one_axis():
    access = Access(
        (Affine(4), Affine(1), Affine(64)), (View.of(0, (64, 9, 1)), View.of(8, (64, 0, 1)))
    )
    simple = simplify(Space(access, (False,) * 3, 0))
    assert str(simple.access) == "[256] {0: [1]} {8: [1]}"


def test_one_axis_stays():
    access = Access((Affine(1), Affine(1)), (View.of(3, (5, 1)),))
    assert str(simplify(Space(access, (False,) * 2, 0)).access) == "[1] {3: [1]}"


def test_a_symbol_merges_into_the_axis_outside_of_it_only_when_rows_are_dense():
    dense = Access((P, Affine(4)), (View.of(0, (4, 1)),))
    rows = Access((Affine(4), P), (View.of(0, (7, 1)),))
    assert simplify(Space(dense, (False,) * 2, 0)).extents == (P * 4,)
    assert simplify(Space(rows, (False,) * 2, 0)).extents == (Affine(4), P)
