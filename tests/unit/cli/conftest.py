"""A small decoder, compiled once, and inputs for one call of it; a model that is much smaller."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpuc.cli import invoke

MODEL = Path(__file__).parents[3] / "samples/exports/gpt2.onnx"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "gpt2.lpu"
    assert invoke(["compile", str(MODEL), "-o", str(path), "--max-context", "32"]) == 0
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is compiled in no time: a product, a number and a root."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], "product"),
        helper.make_node("Constant", [], ["two"], "two", value_float=2.0),
        helper.make_node("Max", ["product", "two"], ["positive"], "positive"),
        helper.make_node("Sqrt", ["positive"], ["y"], "root"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [4, 8]) for n in ("x", "y")]
    weight = numpy_helper.from_array(
        np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32), "w"
    )
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight])
    path = tmp_path_factory.mktemp("small") / "model.onnx"
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """One token behind three."""
    arrays = {
        "input_ids": np.array([[5]]),
        "attention_mask": np.ones((1, 4), np.int64),
        "position_ids": np.array([[3]]),
    }
    for layer in range(2):
        for kind in ("key", "value"):
            arrays[f"past_key_values.{layer}.{kind}"] = np.ones((1, 4, 3, 8), np.float32)
    np.savez(tmp_path / "in.npz", **arrays)
    return tmp_path / "in.npz"
