"""`--debug-only`: passes say what they do and leave, and why, to who listens."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lpuc.cli import invoke
from passes.rewriting.remarks import AREAS, RAISING, heard
from tests.unit.cli.conftest import MODEL

NORM = """func.func @step(%x : {wide}) -> {wide} {
  %n = lpu.fill "00000041" : {one}
  %e = lpu.fill "0000803a" : {one}
  %0 = lpu.map "mul" %x, %x : {wide}, {wide} -> {wide}
  %1 = lpu.reduce "sum" %0 over <[1]> : {wide} -> {thin}
  %2 = lpu.map "div" %1, %n : {thin}, {one} -> {thin}
  %3 = lpu.map "add" %2, %e : {thin}, {one} -> {thin}
  %4 = lpu.map "sqrt" %3 : {thin} -> {thin} loc("root")
  %5 = lpu.map "div" %x, %4 : {wide}, {thin} -> {wide}
  func.return %5 : {wide}
}
""".replace("{wide}", "!lpu.tensor<[2, 8], f32>").replace("{thin}", "!lpu.tensor<[2, 1], f32>")
NORM = NORM.replace("{one}", "!lpu.tensor<[], f32>")

Said = Callable[..., list[str]]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """What `lpu-raise-norm` says of a text."""

    def run(text: str, *options: str) -> list[str]:
        path = tmp_path / "x.mlir"
        path.write_text(text)
        assert invoke(["opt", str(path), "-p", "lpu-raise-norm", *options]) == 0
        return capsys.readouterr().err.splitlines()

    return run


@pytest.mark.parametrize("option", ["--debug-only=raising", "-debug-only=rolling,raising"])
def test_what_is_found_is_said(option: str, said: Said):
    assert said(NORM, option) == [
        "[raising] lpu-raise-norm: root: lpu.norm: stands for 6 operations"
    ]


def test_nothing_is_said_of_other_areas(said: Said):
    assert said(NORM) == []
    assert said(NORM, "--debug-only=rolling") == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"sum"', '"max"', "it is the root of no mean of the last axis and a number"),
        ("00000041", "00000841", "it is the root of no mean of the last axis and a number"),
        ('"add" %2', '"sub" %2', "it is the root of no sum"),
        ('%0 = lpu.map "mul" %x, %x', '%0 = lpu.map "min" %x, %x', "it is no mean of squares"),
        ('"div" %x', '"add" %x', "what it is the deviation of is not all that is divided by it"),
    ],
)
def test_near_misses_say_what_lacks(old: str, new: str, why: str, said: Said):
    (line,) = said(NORM.replace(old, new), "--debug-only=raising")
    assert line == f"[raising] lpu-raise-norm: root: lpu.map: not: {why}"


def test_every_area_is_spoken_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """By a model on two devices; what is made of it is what is made of it in silence."""
    options = ["--devices", "2", "--max-context", "16", "--prompt-chunk", "0"]
    options += ["--reproducer", str(tmp_path / "none")]
    loud, silent = tmp_path / "loud.lpu", tmp_path / "silent.lpu"
    areas = [f"--debug-only={','.join(AREAS)}"]
    model = MODEL.with_name("llama.onnx")
    assert invoke(["compile", str(model), *options, "-o", str(loud), *areas]) == 0
    found = re.findall(r"^\[(\w+)\] ([\w-]+): ", capsys.readouterr().err, re.MULTILINE)
    assert {area for area, _ in found} == set(AREAS)
    passes = {name for _, name in found}
    assert {
        *("lpu-raise-norm", "lpu-raise-softmax", "lpu-raise-activation", "lpu-raise-rotary"),
        *("lpu-raise-attention", "lpu-roll-layers", "lpu-merge-matmuls", "lpu-esl-plan"),
        *("lpu-esl-partition", "lpu-isa-hoist-streams"),
    } <= passes
    assert invoke(["compile", str(model), *options, "-o", str(silent)]) == 0
    assert capsys.readouterr().err == ""
    assert loud.read_bytes() == silent.read_bytes()


def test_remarks_that_nobody_hears_are_not_put_together():
    class Loud:
        def __str__(self) -> str:
            raise AssertionError

    RAISING.no(None, "{}", Loud())
    lines: list[str] = []
    with heard(["raising"], lines.append):
        RAISING.no(None, "{} of {}", 1, 2)
    RAISING.yes(None, "{}", Loud())
    assert lines == ["[raising] none: not: 1 of 2"]


def test_the_help_lists_the_areas(capsys: pytest.CaptureFixture[str]):
    assert invoke(["opt", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{', '.join(AREAS)}." in shown


def test_an_area_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]):
    assert invoke(["opt", "x.mlir", "--debug-only", "razing"]) == 2
    assert "no area 'razing'; did you mean raising" in capsys.readouterr().err
