"""What operators mean at level `onnx` where `onnx.reference` cannot run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.single import Array, Case, Inputs, assert_same, f32, i64

X, THREE = f32(2, 5, 3), np.array(3, np.float32)
PADS: dict[str, tuple[Inputs, dict[str, Any]]] = {
    "a token later, as RWKV shifts": (
        {"x": X, "p": i64(0, 1, 0, 0, -1, 0)}, {"opset": 13, "constants": ("p",)}
    ),
    "cut off before an edge that is repeated": (
        {"x": X, "p": i64(0, -2, 0, 0, 1, 0)}, {"opset": 13, "constants": ("p",), "mode": "edge"}
    ),
    "one axis, and a value": (
        {"x": X, "p": i64(2, -1), "v": THREE, "a": i64(-2)}, {"opset": 18, "constants": ("p", "a")}
    ),
    "an old opset": ({"x": X}, {"opset": 10, "pads": [0, 1, 0, 0, -1, 0], "value": 2.5}),
}  # fmt: skip


@pytest.mark.parametrize("name", PADS)
def test_a_negative_pad_cuts_off(name: str, tmp_path: Path):
    """So the program has it, too, and ONNX Runtime."""
    inputs, options = PADS[name]
    case = Case(tmp_path, "Pad", inputs, **options)
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    found: list[Array] = list(meant.values())
    assert_same(found, case.reference())
    assert_same(case.ours(), case.reference())
