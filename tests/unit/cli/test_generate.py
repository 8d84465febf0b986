"""`lpuc generate` on a program that only counts."""

from __future__ import annotations

import io
import re
import shutil
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


STORIES = Path(__file__).parents[3] / "samples/stories"
WORDS = STORIES / "tokenizer.json"


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that continues text."""
    path = str(tmp_path_factory.mktemp("stories") / "s.lpu")
    model = str(STORIES / "model.onnx")
    assert invoke(["compile", model, "--max-context", "32", "-o", path]) == 0
    return path


def test_a_prompt_can_be_in_a_file_or_on_stdin(
    stories: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    options = ["--tokenizer", str(WORDS), "-n", "6"]
    capsys.readouterr()
    assert invoke(["generate", stories, "--prompt", "One day", *options]) == 0
    given = capsys.readouterr().out
    assert given.startswith("One day")
    (tmp_path / "prompt.txt").write_bytes(b"One day\n")
    assert (
        invoke(["generate", stories, "--prompt-file", str(tmp_path / "prompt.txt"), *options]) == 0
    )
    assert capsys.readouterr().out == given
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"One day\n")))
    assert invoke(["generate", stories, "--prompt", "-", *options]) == 0
    assert capsys.readouterr().out == given


def test_a_prompt_that_is_no_text_is_an_error(
    stories: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    assert invoke(["generate", stories, "--prompt", "-", "--tokenizer", str(WORDS)]) == 1
    assert capsys.readouterr().err == "error: <stdin>: is not UTF-8 text, see byte 0\n"


def test_how_fast_tokens_came_is_said_on_stderr(stories: str, capsys: pytest.CaptureFixture[str]):
    assert invoke(["generate", stories, "--tokens", "1,5", "-n", "4"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.split()) == 4
    assert re.fullmatch(r"4 tokens, the first after \S+ s, then \S+ tokens/s\n", shown.err)


def test_a_model_is_compiled_first(stories: str, capsys: pytest.CaptureFixture[str]):
    model = str(STORIES / "model.onnx")
    assert invoke(["generate", stories, "--tokens", "1,5", "-n", "4"]) == 0
    expected = capsys.readouterr().out
    options = ["--tokens", "1,5", "-n", "4", "--max-context", "32"]
    assert invoke(["generate", model, *options]) == 0
    assert capsys.readouterr().out == expected
    assert invoke(["generate", stories, *options]) == 2
    assert "--max-context is for models" in capsys.readouterr().err


def test_a_folder_of_a_tokenizer_ends_the_text(
    stories: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["generate", stories, "--tokens", "1,5", "-n", "6"]) == 0
    tokens = capsys.readouterr().out.split()
    shutil.copy(WORDS, tmp_path)
    (tmp_path / "generation_config.json").write_text(f'{{"eos_token_id": [{tokens[3]}]}}')
    command = ["generate", stories, "--tokens", "1,5", "-n", "6", "--tokenizer", str(tmp_path)]
    assert invoke(command) == 0
    assert capsys.readouterr().out.split() == tokens[: tokens.index(tokens[3])]
    assert invoke([*command, "--ignore-end"]) == 0
    assert capsys.readouterr().out.split() == tokens


def test_a_tokenizer_of_another_model_is_an_error(file: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["generate", str(file), "--prompt", "a", "--tokenizer", str(WORDS)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {WORDS}: has ids up to 1535, the model 11")


def test_an_interrupt_during_the_call_has_its_exit_code(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(_text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lpuc.cli.commands.generate.write", interrupted)
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
