"""Products that ONNX Runtime's optimiser makes of transposed operands, against its kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.single import MICROSOFT, Case, Inputs, assert_refused, assert_same, f32

ROWS, COLUMNS = f32(4, 3, 2, 5), f32(5, 3, 2, 6, seed=1)
PRODUCTS: dict[str, tuple[str, Inputs, dict[str, float]]] = {
    "rows before batches": (
        "FusedMatMul", {"a": ROWS, "b": COLUMNS.transpose(1, 2, 0, 3).copy()}, {"transBatchA": 1}
    ),
    "both, and the second turned": (
        "FusedMatMul",
        {"a": ROWS, "b": COLUMNS.transpose(3, 1, 2, 0).copy()},
        {"transBatchA": 1, "transBatchB": 1, "transB": 1, "alpha": 0.5},
    ),
    "an older name": (
        "TransposeMatMul", {"a": f32(2, 5, 4), "b": f32(5, 6)}, {"transA": 1, "alpha": 0.5}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_of_turned_operands(name: str, tmp_path: Path):
    """As a program, and by the meaning of the operator itself."""
    op, inputs, options = PRODUCTS[name]
    case = Case(tmp_path, op, inputs, domain=MICROSOFT, **options)
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    assert_same(case.ours(), case.reference())
    assert_same(list(meant.values()), case.reference())


def test_batches_that_one_side_lacks_are_refused(tmp_path: Path):
    """ONNX Runtime refuses them, too."""
    options = {"domain": MICROSOFT, "transBatchA": 1}
    message = "need batches of one rank on both sides"
    assert_refused(tmp_path, "FusedMatMul", {"a": ROWS, "b": f32(5, 6)}, options, message)
