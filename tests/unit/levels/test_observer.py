"""An observer sees each operation of a run, and what it gives is what all behind it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dialects.errors import node_names
from dialects.observing import OnDevices
from lpuc.compiler.driver import load_module, lower_by_levels
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.unit.levels.models import save_product

INPUTS = {"x": np.arange(8, dtype=np.float32).reshape(2, 4)}


def _module(level: str, folder: Path) -> ModuleOp:
    options = CompileOptions("lpu-tiny", "f32")
    module = load_module(save_product(folder), options)
    levels = lower_by_levels(module, options, Instrumentation())
    while level != "onnx" and next(levels) != level:
        pass
    return module


@pytest.mark.parametrize("level", ["onnx", "lpu"])
def test_results_are_seen_and_can_be_changed(level: str, tmp_path: Path):
    module, seen = _module(level, tmp_path), list[str]()

    def zero(op: Operation, operands: list[OnDevices], results: list[OnDevices]) -> list[OnDevices]:
        seen.extend(node_names(op))
        if "less" not in node_names(op) or len(operands[0]) != 2:
            return results
        np.testing.assert_array_equal(operands[0][0], INPUTS["x"])
        return [[np.zeros_like(array) for array in parts] for parts in results]

    plain = run_level(level, module, INPUTS)["y"]
    changed = run_level(level, module, INPUTS, observer=zero)["y"]
    assert {"less", "product", "w", "m"} <= set(seen)
    assert plain.any() and not changed.any()
