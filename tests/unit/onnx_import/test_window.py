"""A file through a window is the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.errors import CompileError
from lpuc.onnx_import.reading import window
from lpuc.onnx_import.reading.window import FileBytes

DATA = bytes(i * 7 % 251 for i in range(100))
PLACES = st.lists(st.integers(0, 99) | st.tuples(st.integers(0, 100), st.integers(0, 100)))


@pytest.fixture(scope="module")
def descriptor(tmp_path_factory: pytest.TempPathFactory):
    path: Path = tmp_path_factory.mktemp("window") / "data"
    path.write_bytes(DATA)
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


@given(PLACES, st.sampled_from([1, 8, 1000]))
def test_bytes_and_ranges_in_any_order(
    descriptor: int, places: list[int | tuple[int, int]], size: int
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "WINDOW_BYTES", size)
        data = FileBytes(descriptor, len(DATA))
        for place in places:
            if isinstance(place, int):
                assert data[place] == DATA[place]
            else:
                assert data[place[0] : place[1]] == DATA[place[0] : place[1]]


def test_behind_the_end(descriptor: int):
    """A file that was cut while it is read ends in an error, not in zeros."""
    data = FileBytes(descriptor, 200)
    with pytest.raises(CompileError, match="became shorter"):
        data[150]
    assert data[90:150] == DATA[90:]
