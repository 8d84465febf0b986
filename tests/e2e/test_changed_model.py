"""Weights are read late: a model that changes in between is noticed, never half of it compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpuc.compiler.driver import CompiledProgram, compile_model
from lpuc.compiler.options import CompileOptions
from runtime.errors import Unlinked

X = np.arange(64, dtype=np.float32).reshape(1, 64)
WEIGHT = np.random.default_rng(4).standard_normal((64, 32)).astype(np.float32)


@pytest.fixture(params=["inside", "beside"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A product with a weight in the model file, or in a file of its own."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 32])
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(WEIGHT, "w")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path, beside = tmp_path / "m.onnx", request.param == "beside"
    onnx.save_model(  # pyright: ignore[reportUnknownMemberType]
        proto, str(path), save_as_external_data=beside, location="m.data", size_threshold=0
    )
    return path


@pytest.fixture
def weights(model: Path) -> Path:
    """The file that holds the weights."""
    beside = model.parent / "m.data"
    return beside if beside.exists() else model


@pytest.fixture
def compiled(model: Path) -> CompiledProgram:
    return compile_model(model, CompileOptions(precision="f32"))


def _flip(path: Path) -> None:
    """One bit, in place, with the times of the file set back."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[data.index(WEIGHT.tobytes()) + 100] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _replace(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.write_bytes(path.with_suffix(".old").read_bytes())


CHANGES = pytest.mark.parametrize("change", [_flip, _cut, _replace, Path.unlink])


@CHANGES
def test_a_model_that_changed_is_not_run(
    compiled: CompiledProgram, weights: Path, change: Callable[[Path], None]
):
    change(weights)
    with pytest.raises(Unlinked, match=rf"{weights.name}: .*changed,? since it was compiled"):
        compiled.run({"x": X})


@CHANGES
@pytest.mark.parametrize("form", ["embed", "reference"])
def test_a_model_that_changed_is_not_written(
    compiled: CompiledProgram, weights: Path, change: Callable[[Path], None], form: str
):
    change(weights)
    output = weights.parent / "m.lpu"
    with pytest.raises(Unlinked, match=r"changed,? since it was compiled"):
        compiled.save(output, form)
    assert not list(weights.parent.glob("*.lpu")) + list(weights.parent.glob(".*"))


def test_what_was_read_may_change(compiled: CompiledProgram, weights: Path):
    """After the first run the weights are in memory."""
    expected = compiled.run({"x": X})["y"]
    np.testing.assert_allclose(expected, X @ WEIGHT, rtol=1e-5)
    _flip(weights)
    np.testing.assert_array_equal(compiled.run({"x": X})["y"], expected)


def test_a_change_while_weights_are_read_is_noticed(
    compiled: CompiledProgram, weights: Path, monkeypatch: pytest.MonkeyPatch
):
    """Though all was well before the first byte was read."""
    read = os.preadv

    def changing(*arguments: object) -> int:
        count = read(*arguments)  # type: ignore[arg-type]
        os.utime(weights)
        return count

    monkeypatch.setattr(os, "preadv", changing)
    with pytest.raises(Unlinked, match=r"changed,? since it was compiled"):
        compiled.run({"x": X})
