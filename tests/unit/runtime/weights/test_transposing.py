"""Copies between orders of axes are exact, also where blocks do not divide the extents."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from runtime.weights.streaming.transposing import copy_into

Array = np.ndarray[Any, np.dtype[Any]]


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
@pytest.mark.parametrize(
    ("shape", "perm"),
    [
        ((300, 517), (1, 0)),
        ((517, 300), (1, 0)),
        ((40000, 3), (1, 0)),
        ((3, 200, 129), (0, 2, 1)),
        ((3, 200, 129), (2, 0, 1)),
        ((3, 200, 129), (1, 2, 0)),
        ((1, 257, 1, 131), (3, 2, 1, 0)),
        ((200, 1, 300), (1, 2, 0)),
    ],
)
def test_any_order_of_axes(shape: tuple[int, ...], perm: tuple[int, ...], dtype: type[np.generic]):
    numbers: Array = np.arange(prod(shape), dtype=np.int64) % 251
    source: Array = numbers.astype(dtype).reshape(shape).transpose(perm)
    out: Array = np.empty(source.shape, dtype)
    copy_into(out, source)
    np.testing.assert_array_equal(out, source)


def test_parts_of_larger_arrays():
    """Only the elements of the view are written."""
    source = np.arange(400 * 500, dtype=np.int32).reshape(400, 500)
    out = np.zeros((600, 700), np.int32)
    copy_into(out[50:450, 100:500], source[:, 20:420].T[:400])
    np.testing.assert_array_equal(out[50:450, 100:500], source[:, 20:420].T[:400])
    out[50:450, 100:500] = 0
    assert not out.any()
