"""Files of a model: what may be opened, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from dialects.errors import CompileError
from dialects.lpu.weights import FileRange, Inline, read
from lpuc.onnx_import import import_model
from runtime.numerics.elements import ElementType
from tests.unit.onnx_import.models import (
    BIG,
    external,
    imported,
    initializers_of,
    linear,
    refusal,
    save,
)


def _data(folder: Path, name: str = "m.data") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\1" * 3 + BIG.tobytes())
    return path


@pytest.mark.parametrize("name", ["m.data", "sub/m.data", "sub/../m.data", "é \"'.data"])
def test_ranges_of_data_files(tmp_path: Path, name: str):
    (tmp_path / "sub").mkdir()
    _data(tmp_path, name)
    proto = linear(external("w", BIG.shape, location=name, offset="3", length=str(BIG.nbytes)))
    (op,) = initializers_of(imported(tmp_path, proto))
    assert op.weight == FileRange(name, 3, BIG.shape, op.weight.dtype)
    np.testing.assert_array_equal(read(op.weight, tmp_path), BIG)


def test_small_external_tensors_are_read(tmp_path: Path):
    _data(tmp_path)
    proto = linear(external("w", [1, 2], location="m.data", offset="7"))
    (op,) = initializers_of(imported(tmp_path, proto))
    assert isinstance(op.weight, Inline)
    np.testing.assert_array_equal(read(op.weight, tmp_path), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"location": "gone"}, "cannot open the data file 'gone': No such file"),
        ({"location": ""}, "no valid name"),
        ({"location": "a\0b"}, "no valid name"),
        ({"location": "/etc/passwd"}, "absolute path"),
        ({"location": "../outside"}, "outside the model's folder"),
        ({"location": "link"}, "outside the model's folder"),
        ({"location": "."}, "outside the model's folder"),
        ({"location": "loop"}, "loop"),
        ({"location": "folder"}, "is a folder"),
        ({"location": "pipe"}, "is a pipe"),
        ({"location": "hard"}, "several hard links"),
        ({"location": "x" * 5000}, "cannot open"),
        ({"location": "m.data", "offset": "4"}, "ends at byte 2052 of 'm.data', which has 2051"),
        ({"location": "m.data", "offset": "-1"}, "must be a number"),
        ({"location": "m.data", "offset": "1e3"}, "must be a number"),
        ({"location": "m.data", "offset": "9" * 40}, "must be a number"),
        ({"location": "m.data", "length": "5"}, "has external length 5"),
    ],
    ids=lambda v: str(v)[:30] if isinstance(v, dict) else "",
)
def test_refused_data_files(tmp_path: Path, entries: dict[str, str], message: str):
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    _data(folder)
    outside = _data(tmp_path, "outside")
    (folder / "link").symlink_to(outside)
    (folder / "loop").symlink_to("loop")
    (folder / "hard").hardlink_to(outside)
    os.mkfifo(folder / "pipe")
    error = refusal(folder, linear(external("w", BIG.shape, **entries)))
    assert message in str(error)
    assert str(error).startswith("the initializer 'w'")


def test_files_that_may_be_absent(tmp_path: Path):
    """Large weights keep their place; small ones, which passes look at, differ and are not 0."""
    large = linear(external("w", BIG.shape, location="gone/m.data", offset="3"))
    (op,) = initializers_of(import_model(save(tmp_path, large), absent_ok=True))
    assert op.weight == FileRange("gone/m.data", 3, BIG.shape, ElementType("f32"))
    small = linear(external("w", (2, 2), location="gone"))
    (op,) = initializers_of(import_model(save(tmp_path, small), absent_ok=True))
    assert isinstance(op.weight, Inline)
    numbers = read(op.weight, tmp_path)
    assert numbers.shape == (2, 2) and len(set(numbers.ravel())) == 4 and numbers.all()


@pytest.mark.parametrize("location", ["/etc/none", "../none", "sub/../../none", "nul\0", ""])
def test_absent_files_must_be_contained_too(tmp_path: Path, location: str):
    proto = linear(external("w", BIG.shape, location=location))
    with pytest.raises(CompileError, match="the initializer 'w'"):
        import_model(save(tmp_path, proto), absent_ok=True)


@pytest.mark.parametrize(
    ("dims", "dtype"), [((2, 2), TensorProto.INT64), ((1,), TensorProto.FLOAT)]
)
def test_numbers_that_decide_must_exist(tmp_path: Path, dims: tuple[int, ...], dtype: int):
    proto = linear(external("w", dims, location="gone"))
    proto.graph.initializer[0].data_type = dtype
    with pytest.raises(CompileError, match="may decide what is computed, but its file is absent"):
        import_model(save(tmp_path, proto), absent_ok=True)


def test_a_cache_of_links_loads(tmp_path: Path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    _data(blobs, "d1")
    save(blobs, linear(external("w", BIG.shape, location="m.data", offset="3")), "m1")
    (snapshot / "m.onnx").symlink_to("../blobs/m1")
    (snapshot / "m.data").symlink_to("../blobs/d1")
    (op,) = initializers_of(import_model(snapshot / "m.onnx"))
    np.testing.assert_array_equal(read(op.weight, snapshot), BIG)


def test_only_regular_files_are_models(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    cases = {
        tmp_path / "gone": "cannot open gone: No such file",
        tmp_path: "is a folder",
        tmp_path / "pipe": "pipe is a pipe",
        tmp_path / "empty": "empty is empty",
        Path("/dev/zero"): "zero is a device",
        tmp_path / "nul\0": "cannot open",
    }
    for path, message in cases.items():
        with pytest.raises(CompileError, match=message):
            import_model(path)
