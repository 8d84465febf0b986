"""IR of every level prints and parses back to the same text, and means the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from benchmarks.decoder_inputs import Call
from lpuc.compiler.driver import CompiledProgram, load_module, lower
from lpuc.compiler.instrument import Instrumentation, ir_text
from lpuc.compiler.located import parse_module
from lpuc.compiler.pipeline import LEVELS
from lpuc.levels.execution import run_level
from tests.e2e.committed import ONE, feeds, options

CALL = Call(new=1, past=3, mask="random")


def at_level(level: str) -> ModuleOp:
    """The model lowered to a level; `import` is before any pass."""
    chosen = replace(options(), devices=2 if level == "esl" else 1)
    module = load_module(ONE, chosen)
    return module if level == "import" else lower(module, chosen, level, Instrumentation())


@pytest.mark.parametrize("level", ["import", *LEVELS])
def test_text_round_trip(level: str, tmp_path: Path):
    module = at_level(level)
    text = ir_text(module)
    parsed = parse_module(text, f"{level}.mlir")
    assert ir_text(parsed) == text
    if level == "isa":
        assert _bytes(parsed, tmp_path / "b.lpu") == _bytes(module, tmp_path / "a.lpu")
    else:
        same_results(level.replace("import", "onnx"), module, parsed)


def same_results(level: str, module: ModuleOp, parsed: ModuleOp) -> None:
    """Both compute the same bits."""
    inputs = feeds(ONE, CALL)
    before, after = (run_level(level, one, inputs) for one in (module, parsed))
    assert list(before) == list(after)
    for name, value in before.items():
        assert np.array_equal(after[name], value, equal_nan=True), name


def _bytes(module: ModuleOp, path: Path) -> bytes:
    CompiledProgram(module, ()).save(path)
    return path.read_bytes()
