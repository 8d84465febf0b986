"""Every pass keeps to what it says that it does to numbers, on exports of the checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.instrument import Instrumentation, Watch
from tests.e2e.committed import EXPORTS, ONE, model_id, options

BY_NAME = {model_id(model): model for model in EXPORTS}
CASES = [
    pytest.param(model, precision, id=f"{model_id(model)}-{precision}", marks=marks)
    for model, precision, marks in (
        (ONE, "f32", ()),
        (ONE, "f16", pytest.mark.slow),
        (BY_NAME["gpt2"], "f32", pytest.mark.slow),
        (BY_NAME["opt_torchscript"], "f16", ()),
    )
]
"""Two families, exporters and precisions, one of each together; the other pairs are slow tests."""


@pytest.mark.parametrize(("model", "precision"), CASES)
def test_no_number_departs(model: Path, precision: str):
    chosen = replace(options(), precision=precision)
    compile_model(model, chosen, Instrumentation(Watch(check_numerics=True)))
