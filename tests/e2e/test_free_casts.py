"""Casts that functions do on the way: the bits are those of numpy, and the passes are saved.

The model is what a half product is followed by: lengthened, biased, bent, shortened.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, save

import lpuc
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.profiling.record import record

HALVES = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16).view(np.float16)
"""Every half that there is: subnormals, infinities and NaN among them."""
BIASES = (
    np.random.default_rng(5).integers(0, 1 << 32, HALVES.size, np.uint32).view(np.float32).copy()
)
BIASES[::3] = np.random.default_rng(6).standard_normal(HALVES.size)[::3] * 1e-3
with np.errstate(invalid="ignore"):
    BIASES[1::3] = HALVES[::-1][1::3].astype(np.float32) * np.float32(1 + 2**-11)
"""Sums that are ties of halves, overflow, vanish or are not numbers."""


def _model(path: Path) -> Path:
    n = helper.make_node
    nodes = [
        n("Neg", ["x"], ["near"]),
        n("Cast", ["near"], ["long"], to=TensorProto.FLOAT),
        n("Add", ["long", "bias"], ["sum"]),
        n("Abs", ["sum"], ["bent"]),
        n("Cast", ["bent"], ["y"], to=TensorProto.FLOAT16),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT16, HALVES.shape),
        helper.make_tensor_value_info("bias", TensorProto.FLOAT, HALVES.shape),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT16, HALVES.shape)]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    save(model, path)
    return path


def test_every_half_has_the_bits_of_numpy(tmp_path: Path):
    compiled = lpuc.compile(_model(tmp_path / "m.onnx"), precision="f32")
    got = compiled.run({"x": HALVES, "bias": BIASES})["y"]
    with np.errstate(all="ignore"):
        expected = np.abs((-HALVES).astype(np.float32) + BIASES).astype(np.float16)
    is_nan = np.isnan(expected)
    assert is_nan.any() and np.isinf(expected).any() and not is_nan.all()
    assert np.array_equal(np.isnan(got), is_nan)
    assert np.array_equal(got[~is_nan].view(np.uint16), expected[~is_nan].view(np.uint16))


def test_three_functions_are_three_passes(tmp_path: Path):
    """Of 65536 elements each, 32 in a cycle, and as many set-ups as there are tiles."""
    file = tmp_path / "m.lpu"
    lpuc.compile(_model(tmp_path / "m.onnx"), precision="f32").save(file)
    program, target = Program.load(file), Target.load("lpu-4nm")
    run = record(program, {})
    kinds = Counter(type(run.code[e.pc]).__name__ for e in run.events if e.engine.name == "VXE")
    assert set(kinds) == {"Map1", "Map2"}
    busy = sum(event.busy for event in run.events if event.engine.name == "VXE")
    passes = 3 * HALVES.size // target.vxe_lanes
    assert busy == passes + kinds.total() * target.issue_latency
