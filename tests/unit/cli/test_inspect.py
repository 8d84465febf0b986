"""`lpuc inspect`: what a model or a program holds, and whether a model compiles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpuc.cli import invoke
from tests.unit.cli.conftest import MODEL


def test_inspect_shows_models_and_programs(program: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["inspect", str(program), "--check"]) == 0
    assert "vecmat" in capsys.readouterr().out
    assert invoke(["inspect", str(MODEL)]) == 0
    assert "compiles      yes" in capsys.readouterr().out


def test_what_a_model_or_a_program_holds_is_data_too(
    program: Path, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["inspect", str(MODEL), "--max-context", "32", "--json"]) == 0
    model = json.loads(capsys.readouterr().out)
    assert (model["compiles"], model["refusal"]) == (True, None)
    assert invoke(["inspect", str(program), "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["weights"] == "in the program"
    assert {**held, "weights": "embed"} == model["program"]
    assert held["entries"]["step"]["symbols"] == {"P": [0, 31]}


def test_inspect_refuses_what_compile_refuses(capsys: pytest.CaptureFixture[str]):
    options = ["--max-context", "2000000000"]
    assert invoke(["inspect", str(MODEL), *options]) == 0
    (verdict,) = [
        line.split("no: ")[1]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("compiles ")
    ]
    assert invoke(["compile", str(MODEL), *options]) == 1
    assert verdict in capsys.readouterr().err
