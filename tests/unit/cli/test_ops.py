"""`lpuc ops onnx` says of each operator what the compiler does with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

import lpuc
from dialects.errors import CompileError
from dialects.onnx.schemas import DOMAINS, operators
from lpuc.cli import invoke


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], dict[str, object]]:
    assert invoke(["ops", "onnx", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return {(row["domain"], row["name"]): row for row in found}


def test_every_operator_is_listed_once(listed: dict[tuple[str, str], dict[str, object]]):
    assert set(listed) == {(d or "ai.onnx", name) for d in DOMAINS for name in operators(d)}


def test_three_kinds_are_told_apart(listed: dict[tuple[str, str], dict[str, object]]):
    assert listed["ai.onnx", "Tanh"]["status"] == "compiles"
    assert listed["ai.onnx", "Det"]["status"] == "refused"
    limited = listed["com.microsoft", "Attention"]
    assert limited["status"] == "with limits"
    assert "do_rotary other than 0" in str(limited["limits"])
    held = listed["ai.onnx", "Loop"]
    assert held["status"] == "with limits"
    assert "more than 32 steps" in str(held["limits"])


def test_what_is_read_as_other_nodes_is_told_apart(
    listed: dict[tuple[str, str], dict[str, object]],
):
    norm = listed["ai.onnx", "GroupNormalization"]
    assert norm["status"] == "by expansion"
    assert str(norm["limits"]).startswith("['what Add, ") and "ReduceMean" in str(norm["limits"])
    assert "opset 27 and older" in str(listed["ai.onnx", "SpaceToDepth"]["limits"])
    lacking = listed["ai.onnx", "Bernoulli"]
    assert (lacking["status"], lacking["limits"]) == (
        "refused",
        ["it stands for RandomUniformLike"],
    )


@pytest.mark.parametrize(("opset", "is_read"), [(27, False), (28, True)])
def test_an_expansion_is_as_the_table_says(opset: int, is_read: bool, tmp_path: Path):
    """A row of blocks of 2 by 2: the channels of a block come before those of the next."""
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    text = f"""<ir_version: 10, opset_import: ["": {opset}]>
    g (float[1, 1, 4, 4] x) => (float[1, 4, 2, 2] y) {{ y = SpaceToDepth <blocksize = 2> (x) }}"""
    onnx.save(parser.parse_model(text), tmp_path / "m.onnx")
    if not is_read:
        with pytest.raises(CompileError, match="SpaceToDepth"):
            lpuc.compile(tmp_path / "m.onnx")
        return
    (got,) = lpuc.compile(tmp_path / "m.onnx", precision="f32").run({"x": x}).values()
    np.testing.assert_array_equal(got[0], [x[0, 0, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def test_opsets_are_those_that_changed_the_operator(
    listed: dict[tuple[str, str], dict[str, object]],
):
    assert listed["ai.onnx", "Softmax"]["opsets"] == [1, 11, 13]


def test_operations_of_a_dialect_are_data_too(capsys: pytest.CaptureFixture[str]):
    assert invoke(["ops", "lpu", "lpu_mem.fill", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = [row["name"] for row in rows]
    assert "lpu.topk" in names
    assert names[-1] == "lpu_mem.fill"
    assert all(row["document"] for row in rows)


def test_targets_are_data_too(capsys: pytest.CaptureFixture[str]):
    assert invoke(["targets", "lpu-tiny", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "lpu-tiny"
    assert {"value", "unit", "source", "grade"} == set(row["entries"]["clock_hz"])
