"""A file of a wrong kind gets a sentence that says what it is, and who takes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lpuc.cli import invoke
from runtime.target import PRESETS
from tests.unit.cli.conftest import MODEL

TAKES = {
    "run": (["run", "X", "--inputs", "in.npz", "--outputs", "out"], "program text"),
    "run --inputs": (["run", "program", "--inputs", "X", "--outputs", "out"], "archive"),
    "generate": (["generate", "X", "--tokens", "1", "-n", "1"], "program model"),
    "bench": (["bench", "X", "--context", "2", "-n", "1", "--rounds", "1"], "program model"),
    "bench --model": (["bench", "program", "--model", "X", "-n", "1"], "model"),
    "disasm": (["disasm", "X"], "program"),
    "inspect": (["inspect", "X"], "program model"),
    "compile": (["compile", "X", "-o", "out"], "model"),
    "verify": (["verify", "X"], "model"),
    "bisect": (["bisect", "X"], "model text"),
    "reduce": (["reduce", "X", "-o", "out"], "model text"),
    "asm": (["asm", "X", "-o", "out"], "text"),
    "opt": (["opt", "X"], "text"),
}
WORDS = {
    "program": "is a program, not",
    "model": "is an ONNX model, not",
    "archive": "is an archive such as .npz, not",
    "text": "is text, not",
    "empty": "is empty, not",
    "folder": "is a folder, not a regular file",
    "pipe": "is a pipe, not a regular file",
    "device": "is a device, not a regular file",
}


@pytest.fixture(scope="module")
def files(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of each kind, by the name of the kind."""
    folder = tmp_path_factory.mktemp("kinds")
    shutil.copy(program, folder / "program")
    shutil.copy(MODEL, folder / "model")
    with (folder / "archive").open("wb") as archive:
        np.savez(archive, x=np.ones(3))
    (folder / "text").write_text("hello\n")
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "device").symlink_to("/dev/zero")
    return folder


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("command", TAKES)
def test_a_wrong_file_is_named_by_its_kind(
    command: str,
    kind: str,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    arguments, taken = TAKES[command]
    if kind in taken.split():
        return
    monkeypatch.chdir(files)
    assert invoke([kind if word == "X" else word for word in arguments]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: {kind}: {WORDS[kind]}")
    assert shown.count("\n") == 1
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["targets", "X.toml"],
        ["compile", "model", "-o", "out", "--target", "X.toml"],
        ["generate", "program", "--prompt", "a", "--tokenizer", "X"],
        ["generate", "program", "--prompt-file", "X", "--tokenizer", "text"],
        ["asm", "text.s", "-o", "out"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_text_is_waited_for(
    arguments: list[str],
    kind: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    for name in ("program", "model", "text"):
        (tmp_path / name).symlink_to(files / name)
    (tmp_path / "X").symlink_to(files / kind)
    (tmp_path / "X.toml").symlink_to(files / kind)
    (tmp_path / "text.s").write_text('.target "X.toml"\nhalt\n')
    assert invoke(arguments) in (1, 2)
    assert f"is a {kind}, not a regular file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["X.toml"], ["X.toml", "--json"]])
def test_a_target_does_not_steer_the_terminal(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    tiny = (PRESETS / "lpu-tiny.toml").read_text("utf-8")
    Path("X.toml").write_text(tiny.replace("lpu-tiny", r"\u001b[2J").replace("JESD", r"\u0007"))
    assert invoke(["targets", *arguments]) == 0
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "[2J" in shown
