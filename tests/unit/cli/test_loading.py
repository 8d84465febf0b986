"""A compile loads what it uses: every module takes its share of the time before the first pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from xdsl.dialects.builtin import StringAttr
from xdsl.irdl import IRDLOperation, prop_def
from xdsl.irdl.declarative_assembly_format import FormatProgram
from xdsl.utils.exceptions import ParseError

from dialects import DIALECTS
from dialects.definition import op_definition

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "samples/exports/gpt2.onnx"

UNUSED = (
    *("dialects.lpu.execution", "dialects.lpu_mem.semantics", "dialects.onnx.execution"),
    *("dialects.onnx.extra", "passes.onnx.operators.others", "passes.lpu_esl"),
    *("lpuc.compiler.dumping.written", "lpuc.compiler.resuming", "lpuc.diagnosis", "lpuc.levels"),
    *("lpuc.profiling", "lpuc.verification", "onnx.reference", "onnxruntime"),
    *("runtime.calling", "runtime.device", "runtime.ring.checks.load", "runtime.run"),
    *("runtime.weights.streaming.pieces", "xdsl.universe"),
)
"""What a model of the standard's usual operators needs nothing of, with weights by reference."""

COMPILE = f"""
import sys
import dialects.definition
from lpuc.cli import invoke

dialects.definition.FormatProgram = None  # no operation of ours is read or written
assert invoke(["compile", {str(MODEL)!r}, "-o", "p.lpu", "--weights", "reference"]) == 0
print(*sys.modules)
"""


def test_a_compile_loads_little_that_it_does_not_use(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = done.stdout.splitlines()[-1].split()
    assert "passes.onnx.operators.elementwise" in modules
    assert sorted(set(UNUSED) & set(modules)) == []


def test_every_assembly_format_can_be_read():
    found = [op for make in DIALECTS.values() for op in make().operations]
    texts = [(op, op.assembly_format) for op in found if issubclass(op, IRDLOperation)]
    read = [FormatProgram.from_str(text, op.get_irdl_definition()) for op, text in texts if text]
    assert len(read) > 50


def test_an_assembly_format_is_read_when_an_operation_is_written():
    @op_definition
    class WrongOp(IRDLOperation):
        name = "test.wrong"
        word = prop_def(StringAttr)
        assembly_format = "$worde attr-dict"

    with pytest.raises(ParseError, match="worde"):
        str(WrongOp(properties={"word": StringAttr("a")}))
