"""Shardings: what a device holds, counted by hand."""

import numpy as np
import pytest

from runtime.sharding import Factor, Sharding


def test_a_cut_axis_lies_in_order_with_zeros_at_its_end() -> None:
    sharding = Sharding(4, ((Factor(6, 4),),))
    parts = [sharding.part(np.arange(1, 7), device).tolist() for device in range(4)]
    assert parts == [[1, 2], [3, 4], [5, 6], [0, 0]]


def test_nested_padding_stands_at_the_end_of_its_factor() -> None:
    """[3 key/value heads][2 of a group] over 2 x 2: head 3 of the padded 4 does not exist."""
    sharding = Sharding(4, ((Factor(3, 2, 2), Factor(2, 2)),))
    parts = [sharding.part(np.arange(1, 7), device).tolist() for device in range(4)]
    assert parts == [[1, 3], [2, 4], [5, 0], [6, 0]]


def test_axes_of_the_mesh_that_are_not_used_make_copies() -> None:
    sharding = Sharding(4, ((), (Factor(4, 2, 2),)))
    array = np.arange(8).reshape(2, 4)
    parts = [sharding.part(array, device).tolist() for device in range(4)]
    assert parts[0] == parts[1] == [[0, 1], [4, 5]]
    assert parts[2] == parts[3] == [[2, 3], [6, 7]]
    assert sharding.copies == 2


@pytest.mark.parametrize(
    "text",
    ["1 x []", "4 x [[], [6/4], [32]]", "8 x [[3/2:4, 2/4, 5], []]", "2 x [[7/2]]"],
)
def test_assembling_parts_gives_the_tensor_and_text_the_sharding(text: str) -> None:
    sharding = Sharding.parse(text)
    assert str(sharding) == text
    shape = sharding.whole([2 if not axis else 1 for axis in sharding.axes])
    array = np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
    parts = [sharding.part(array, device) for device in range(sharding.devices)]
    assert all(part.shape == sharding.local(shape) for part in parts)
    assert np.array_equal(sharding.assemble(parts), array)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4 x [[6/2], [8/2]]", "uses an axis of the mesh that another factor uses"),
        ("4 x [[6/4:2]]", "does not fit 4 devices"),
        ("3 x [[]]", "no power of two"),
        ("4 x [[6/3]]", "no power of two"),
        ("4 x [[0/2]]", "a factor of 0 elements"),
        ("4 x [6/2]", "not a sharding"),
        ("4 x [[6/x]]", "not a factor"),
    ],
)
def test_what_is_no_sharding_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sharding.parse(text)


def test_factors_that_are_not_the_extent_are_refused() -> None:
    with pytest.raises(ValueError, match="axis 0 has 8 elements, its factors 3 x 2"):
        Sharding(2, ((Factor(3, 2), Factor(2)),)).local((8,))
