"""Memory is used again, and never while anything still refers to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from runtime.weights.buffers import Buffers

Array = np.ndarray[Any, np.dtype[Any]]

F32, U8 = np.dtype(np.float32), np.dtype(np.uint8)


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def test_memory_comes_back_when_it_is_free():
    buffers = Buffers()
    first = buffers.empty((100, 10), F32)
    place = _address(first)
    del first
    again = buffers.empty((4000,), U8)
    assert _address(again) == place
    assert _address(buffers.empty((10,), U8)) != place


DERIVED: dict[str, Callable[[Array], Array]] = {
    "a view of a view": lambda a: a[10:].reshape(-1, 2).T,
    "a reinterpretation": lambda a: a.view(U8)[1:],
    "a buffer": lambda a: np.asarray(cast("Any", memoryview)(a)),
}


@pytest.mark.parametrize("name", DERIVED)
def test_views_keep_memory(name: str):
    buffers = Buffers()
    whole = buffers.empty((100,), F32)
    whole[...] = 6
    view = DERIVED[name](whole)
    held = view.tobytes()
    del whole
    for value in (7, 8):
        buffers.empty((100,), F32)[...] = value
    assert view.tobytes() == held


def test_the_pool_does_not_grow_with_the_sizes_asked_for():
    buffers = Buffers()
    places = [_address(buffers.empty((size,), U8)) for size in (10, 20, 30)]
    assert len(buffers._free) == 1  # pyright: ignore[reportPrivateUsage]
    assert len(places) == 3


@pytest.mark.parametrize("phase", [0, 64, 4032, 4096 + 128])
def test_memory_lies_to_pages_as_asked(phase: int):
    """New memory and memory that is used again, of which all bytes may be written."""
    buffers = Buffers()
    for size in (5000, 4000, 9000):
        array = buffers.empty((size,), U8, phase)
        assert (_address(array) - phase) % 4096 == 0
        array[...] = 1
        del array
