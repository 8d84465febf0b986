"""Real exports roll into one loop over resident caches, and compute what they did before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from dialects.lpu.control import ForOp, StateOp, state_of
from dialects.lpu.execution import input_tensors, run_interface
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import make_context, parse_passes
from lpuc.onnx_import import import_model
from passes.analysis.functions import model_folder, step_function

EXPORTS = Path(__file__).parents[4] / "samples" / "exports"
UNROLLED = (
    "onnx-bind-roles,onnx-resolve-shapes,convert-onnx-to-lpu,lpu-fold-constants,cse,dce,"
    "lpu-gather-to-view,dce"
)


def _run(module: ModuleOp, passes: str) -> ModuleOp:
    for one in parse_passes(passes):
        one.apply(make_context(), module)
    module.verify()
    return module


def _inputs(module: ModuleOp, tokens: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found: dict[str, np.ndarray] = {}
    for name, tensor in input_tensors(step_function(module)).items():
        shape = [d.evaluate({"P": tokens}) for d in tensor.shape]
        values = rng.standard_normal(shape) if tensor.dtype.is_float else rng.integers(0, 2, shape)
        found[name] = values.astype(tensor.dtype.dtype)
    return found


@pytest.mark.parametrize("name", ["opt_torchscript", "qwen2"])
def test_an_export_becomes_one_loop(name: str):
    module = import_model(EXPORTS / f"{name}.onnx")
    module.attributes["lpu.options"] = CompileOptions(max_context=16).attribute()
    unrolled = _run(module, UNROLLED)
    rolled = _run(unrolled.clone(), "lpu-cache-to-state,lpu-roll-layers,cse,dce")
    function = step_function(rolled)
    loops = [op for op in function.body.block.ops if isinstance(op, ForOp)]
    states = [state_of(op.result) for op in function.body.block.ops if isinstance(op, StateOp)]
    assert [loop.upper.data.const for loop in loops] == [2]
    assert len(states) == 2 and all(state.static_shape()[0] == 2 for state in states)
    for tokens in (0, 7):
        inputs = _inputs(unrolled, tokens)
        expected, got = (
            run_interface(step_function(m), inputs, model_folder(m)) for m in (unrolled, rolled)
        )
        assert got.keys() == expected.keys()
        for key, array in expected.items():
            np.testing.assert_allclose(got[key], array, rtol=0, atol=1e-5)
