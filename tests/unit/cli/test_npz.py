"""Files of tensors, good and bad."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from lpuc.errors import UserError
from lpuc.files.npz import read_npz, write_npz
from runtime.errors import Unreadable

LIMIT = 1 << 20


def _header(text: str) -> bytes:
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.zeros((1, 4, 0, 8), np.float16),
        np.array(True),
        np.arange(3, dtype=">i4"),
    ],
)
def test_tensors_come_back(tmp_path: Path, array: np.ndarray[Any, Any]):
    np.savez_compressed(tmp_path / "a.npz", **{"past.0/key": array})
    ((name, back),) = read_npz(tmp_path / "a.npz", LIMIT).items()
    assert name == "past.0/key"
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype


def test_what_is_written_is_read_by_numpy(tmp_path: Path):
    path = tmp_path / "out.npz"
    arrays = {"file": np.arange(3), "b": np.ones(2, ml_dtypes.bfloat16)}
    write_npz(path, arrays, inputs=[])
    back = np.load(path, allow_pickle=False)
    np.testing.assert_array_equal(back["file"], np.arange(3))
    assert back["b"].dtype == np.float32


def test_a_tensor_without_axes_is_written_without_axes(tmp_path: Path):
    path = tmp_path / "out.npz"
    write_npz(path, {"x": np.array(3, np.int64), "t": np.ones((2, 3), np.float32).T}, inputs=[])
    back = np.load(path, allow_pickle=False)
    assert {name: back[name].shape for name in back.files} == {"x": (), "t": (3, 2)}


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        write_npz(tmp_path / name, {"x": np.arange(5)}, inputs=[])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00" + bytes(80),
        _header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n") + bytes(8),
        _header("{'descr': '<f4', 'fortran_order': False, 'shape': (10**9,), }\n"),
        _header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
        _header("{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }\n") + bytes(16),
        _header("[" * 500),
        _header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n") + bytes(4),
    ],
)
def test_a_broken_tensor_is_one_clear_error(tmp_path: Path, member: bytes):
    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", member)
    with pytest.raises(UserError, match="not a readable"):
        read_npz(path, LIMIT)


def test_a_bomb_is_refused_by_its_size(tmp_path: Path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(1 << 24, np.uint8))
    with pytest.raises(UserError, match="unpacks to"):
        read_npz(path, LIMIT)


def test_what_is_no_archive_is_refused(tmp_path: Path):
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    for content in (b"PK\x03\x04junk", buffer.getvalue()):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(UserError, match="not a readable"):
            read_npz(tmp_path / "x", LIMIT)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Unreadable, match="not a regular file"):
        read_npz(tmp_path / "fifo", LIMIT)


def test_a_member_that_is_no_tensor_is_named(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match="is not a tensor"):
        read_npz(tmp_path / "x", LIMIT)
