"""Layouts are equal where devices have the same elements, and nowhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np
import pytest

from dialects.affine import Affine
from dialects.lpu_esl.layouts import behind, normal, starts
from runtime.sharding import Factor, Sharding

DEVICES = 8
CUTS = [(1, 1), (2, 1), (2, 2), (2, 4), (4, 1), (4, 2), (8, 1)]


def _products(extent: int, depth: int) -> Iterator[tuple[int, ...]]:
    yield (extent,)
    for first in range(2, extent) if depth else ():
        if extent % first == 0:
            yield from ((first, *rest) for rest in _products(extent // first, depth - 1))


def _axes(extent: int) -> Iterator[tuple[Factor, ...]]:
    """Every way to cut an axis into up to three factors, on 8 devices."""
    for extents in _products(extent, 2):
        for cuts in product(CUTS, repeat=len(extents)):
            axis = tuple(Factor(e, *cut) for e, cut in zip(extents, cuts, strict=True))
            bits = [factor.mesh for factor in axis]
            if sum(bits) == np.bitwise_or.reduce(bits):
                yield axis


def _held(axis: tuple[Factor, ...]) -> tuple[bytes, ...]:
    """What each device has of 1, 2, ..."""
    sharding = Sharding(DEVICES, (axis,))
    whole = np.arange(1, prod(factor.extent for factor in axis) + 1)
    return tuple(sharding.part(whole, device).tobytes() for device in range(DEVICES))


@pytest.mark.parametrize("extent", [4, 6, 8, 10, 12, 14, 24, 30])
def test_one_form_is_one_way_to_lie(extent: int):
    forms, ways = defaultdict[object, set[object]](set), defaultdict[object, set[object]](set)
    for axis in _axes(extent):
        forms[normal(axis)].add(_held(axis))
        ways[_held(axis)].add(normal(axis))
    assert len(forms) > 10
    assert {len(found) for found in (*forms.values(), *ways.values())} == {1}


@pytest.mark.parametrize("extent", [6, 12])
def test_where_a_part_starts_is_where_its_first_element_is(extent: int):
    whole, starting = np.arange(1, extent + 1), 0
    for axis in _axes(extent):
        sharding, form = Sharding(DEVICES, (axis,)), normal(axis)
        for device in range(DEVICES):
            start, part = starts(form, device), sharding.part(whole, device)
            held = part[part > 0]
            if start is not None and held.size:
                starting += 1
                assert held.tolist() == list(range(start + 1, start + held.size + 1)), axis
    assert starting > 100


def test_groups_stand_inside_of_what_they_are_groups_of():
    keys, eight = normal((Factor(2, 2, 2),)), Affine(8)
    assert behind(normal((Factor(8, 4),)), keys) == (Factor(2, 2, 1), Affine(2))
    assert behind((eight,), (Affine(2),)) == (Affine(4),)
    assert behind((eight,), (Affine(3),)) is None
    assert behind(normal((Factor(2, 2, 1), Factor(2, 2, 2))), keys) is None
    assert behind((eight,), ()) == (eight,)
