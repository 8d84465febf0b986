"""Values without axes have none at any level, in files neither, on their way in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from lpuc.cli import invoke
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.verification.verified import subject

OUTPUTS = {"product": TensorProto.FLOAT, "low": TensorProto.FLOAT, "at": TensorProto.INT64}
INPUTS = {
    "s": np.array(3, np.float32),
    "v": np.array([2.0, -1.0, 4.0], np.float32),
}
EXPECTED = {
    "product": np.array(9, np.float32),
    "low": np.array(-1, np.float32),
    "at": np.array(2, np.int64),
}


def _model() -> ModelProto:
    nodes = [
        helper.make_node("Mul", ["s", "s"], ["product"]),
        helper.make_node("ReduceMin", ["v"], ["low"], keepdims=0),
        helper.make_node("ArgMax", ["v"], ["at"], axis=0, keepdims=0),
    ]
    infos = [helper.make_tensor_value_info(k, 1, v.shape) for k, v in INPUTS.items()]
    outputs = [helper.make_tensor_value_info(k, v, []) for k, v in OUTPUTS.items()]
    graph = helper.make_graph(nodes, "g", infos, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(_model().SerializeToString())
    return path


def _same(got: np.ndarray, want: np.ndarray) -> bool:
    return got.shape == want.shape and got.dtype == want.dtype and bool(got == want)


def test_scalars_are_scalars_at_every_level(path: Path):
    runners = subject(path, CompileOptions(precision="f32"), Instrumentation()).runners
    got = {level: run(INPUTS) for level, run in runners.items()}
    assert not [
        (level, name)
        for level, results in got.items()
        for name, want in EXPECTED.items()
        if not _same(results[name], want)
    ]


def test_scalars_are_scalars_in_files(path: Path, tmp_path: Path):
    np.savez(tmp_path / "in.npz", allow_pickle=False, **INPUTS)
    program, given, results = (str(tmp_path / n) for n in ("m.lpu", "in.npz", "out.npz"))
    for arguments in (
        ["compile", str(path), "-o", program, "--precision", "f32"],
        ["run", program, "--inputs", given, "--outputs", results],
    ):
        assert invoke(arguments) == 0
    got = np.load(results)
    assert not [name for name, want in EXPECTED.items() if not _same(got[name], want)]
