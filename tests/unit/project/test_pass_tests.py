"""A lit file that passes when its pass does nothing tests nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from passes import PASSES, load_pass, module_name
from tests.lit_runner import LitFailure, run_lit

FOLDER = Path(__file__).parents[2] / "filecheck"


def _identity(name: str) -> type[ModulePass]:
    """A pass with the options of another that does nothing."""
    original: Any = load_pass(name)

    @dataclass(frozen=True)
    class Identity(original):
        def apply(self, ctx: Context, op: ModuleOp) -> None:
            pass

    return Identity


@pytest.mark.parametrize("name", PASSES)
def test_the_lit_file_needs_its_pass(name: str):
    path = FOLDER / f"{module_name(name).replace('.', '/')}.mlir"
    with pytest.raises(LitFailure):
        run_lit(path, {name: lambda: _identity(name)})
