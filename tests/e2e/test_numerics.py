"""Every pass keeps to what it says that it does to numbers, on every export of the checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.instrument import Instrumentation, Watch
from tests.e2e.committed import EXPORTS, ONE, model_id, options

PRECISIONS = ("f32", "f16")
CASES = [
    pytest.param(model, precision, id=f"{model_id(model)}-{precision}")
    for number, model in enumerate(EXPORTS)
    for precision in (PRECISIONS if model == ONE else (PRECISIONS[number % 2],))
]
"""One model in either precision, the others in one."""


@pytest.mark.parametrize(("model", "precision"), CASES)
def test_no_number_departs(model: Path, precision: str):
    chosen = replace(options(), precision=precision)
    compile_model(model, chosen, Instrumentation(Watch(check_numerics=True)))
