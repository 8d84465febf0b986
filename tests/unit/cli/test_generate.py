"""`lpuc generate` on a program that only counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.errors import INTERRUPTED
from tests.unit.cli.counting import MOST, counting_program


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The counting program in a file."""
    counting_program().write(tmp_path / "p.lpu")
    return tmp_path / "p.lpu"


def test_the_command_uses_the_entry(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["generate", str(file), "--tokens", "5,6", "-n", "3"]) == 0
    assert capsys.readouterr().out == "2 3 4\n"
    assert invoke(["generate", str(file), "--tokens", "5,6", "-n", "99"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {file}: 100 tokens are more than")


def test_an_interrupt_during_the_call_has_its_exit_code(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(_text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lpuc.cli.commands.generate._write", interrupted)
    assert invoke(["generate", str(file), "--tokens", "5,6", "-n", "3"]) == INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--temperature", "nan"],
        ["--temperature", "inf"],
        ["--top-p", "nan"],
        ["--repetition-penalty", "0"],
        ["--repetition-penalty", "nan"],
    ],
)
def test_settings_that_no_arithmetic_survives_are_wrong_usage(file: Path, options: list[str]):
    assert invoke(["generate", str(file), "--tokens", "1", *options]) == 2


def test_inspect_shows_every_entry(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "entries       step, generate\n" in shown
    assert f"entry         generate at word 1, prompt in 1 to {MOST - 1}, total in 1" in shown
    assert "tokens: i64[prompt] (tokens)" in shown
