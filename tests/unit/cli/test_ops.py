"""`lpuc ops onnx` says of each operator what the compiler does with it."""

from __future__ import annotations

import json

import pytest

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
    limited = listed["com.microsoft", "FusedMatMul"]
    assert limited["status"] == "with limits"
    assert "transBatchA other than 0" in str(limited["limits"])


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
