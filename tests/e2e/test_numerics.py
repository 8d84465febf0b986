"""Every pass keeps to what it says that it does to numbers, on every model of the checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.instrument import Instrumentation, Watch
from tests.e2e.committed import MODELS, model_id, options


@pytest.mark.parametrize("precision", ["f32", "f16"])
@pytest.mark.parametrize("model", MODELS, ids=model_id)
def test_no_number_departs(model: Path, precision: str):
    chosen = replace(options(), precision=precision)
    compile_model(model, chosen, Instrumentation(Watch(check_numerics=True)))
