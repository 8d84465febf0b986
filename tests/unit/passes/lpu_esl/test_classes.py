"""Factors that are the same, found by what their products are."""

import pytest

from dialects.affine import Affine
from passes.lpu_esl.factors.classes import Classes

P1 = Affine.symbol("P") + 1


def axes(classes: Classes, extents: list[int | Affine]) -> list[int]:
    return [classes.new(Affine.of(extent)) for extent in extents]


def extents(classes: Classes, factors: list[int]) -> list[Affine]:
    return [classes.extent(leaf) for leaf in classes.leaves(factors)]


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ([6], [6], [6]),
        ([192], [6, 32], [6, 32]),
        ([2, 96], [6, 32], [2, 3, 32]),
        ([P1, 4], [P1, 2, 2], [P1, 2, 2]),
    ],
)
def test_two_products_have_common_factors(
    left: list[int | Affine], right: list[int | Affine], common: list[int | Affine]
) -> None:
    classes = Classes()
    ours, theirs = axes(classes, left), axes(classes, right)
    assert classes.unify(ours, theirs)
    assert classes.leaves(ours) == classes.leaves(theirs)
    assert extents(classes, ours) == [Affine.of(extent) for extent in common]


def test_what_is_split_in_one_place_is_split_everywhere() -> None:
    classes = Classes()
    columns, rows, heads = axes(classes, [12]), axes(classes, [12]), axes(classes, [3, 4])
    assert classes.unify(columns, rows)
    assert classes.unify(rows, heads)
    assert classes.leaves(columns) == classes.leaves(heads)


@pytest.mark.parametrize(
    ("left", "right"), [([5], [7]), ([P1], [4]), ([2, 3], [2]), ([], [2]), ([12, 2], [8, 3])]
)
def test_other_products_are_not_the_same(
    left: list[int | Affine], right: list[int | Affine]
) -> None:
    classes = Classes()
    assert not classes.unify(axes(classes, left), axes(classes, right))


def test_one_element_is_no_factor() -> None:
    classes = Classes()
    assert classes.axis(Affine(1)) == []
    assert len(classes.axis(Affine(2))) == 1
