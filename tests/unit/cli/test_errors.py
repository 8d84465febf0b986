"""Which message and exit code each failure gets."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dialects.errors import CompileError
from lpuc.cli import invoke
from lpuc.errors import (
    INTERNAL,
    INTERRUPTED,
    PIPE,
    TERMINATED,
    USAGE,
    USER,
    InternalError,
    State,
    Terminated,
    UsageError,
    UserError,
    printable,
    printable_lines,
    report,
    verdict,
)
from runtime.errors import Malformed, Unlinkable
from runtime.traps import Trap, TrapKind
from tests.unit.cli.conftest import MODEL

STATE = State(file="model.onnx")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("bad"), USER),
        (CompileError("bad"), USER),
        (Malformed("bad"), USER),
        (Unlinkable("x", "f32", "i64"), USER),
        (Trap(TrapKind.FIFO, "bad"), USER),
        (OSError(errno.ENOENT, "No such file", "x"), USER),
        (MemoryError(), USER),
        (UsageError("bad"), USAGE),
        (InternalError("bad"), INTERNAL),
        (AssertionError("bad"), INTERNAL),
        (RecursionError(), INTERNAL),
        (OverflowError(), INTERNAL),
        (BrokenPipeError(), PIPE),
        (KeyboardInterrupt(), INTERRUPTED),
        (Terminated(), TERMINATED),
    ],
)
def test_exit_code(error: BaseException, code: int):
    assert verdict(error, STATE).code == code


def test_a_compile_error_names_file_node_and_hint():
    error = CompileError("extent 3", node="attn/qk", op="onnx.MatMul", hint="give --shape seq=1")
    text = verdict(error, STATE).text
    assert text == "error: model.onnx: attn/qk: onnx.MatMul: extent 3; give --shape seq=1"


def test_the_file_is_named_once():
    assert verdict(Malformed("model.onnx: cut off"), STATE).text == "error: model.onnx: cut off"


def test_an_os_error_names_its_own_file():
    error = OSError(errno.ENOENT, "No such file or directory", "other.bin")
    assert verdict(error, STATE).text == "error: other.bin: No such file or directory"


def test_control_characters_do_not_reach_the_terminal():
    assert printable("a\x1b[31mb\u202ec\n") == "a\\x1b[31mb\\u202ec\\n"
    assert printable("Grüße 你好") == "Grüße 你好"
    text = verdict(CompileError("x", node="evil\x1b]0;title\x07"), State(file="\x1bf")).text
    assert text.isprintable()


def test_lines_and_tabs_of_a_text_stay():
    assert printable_lines("a\nb\tc\x1b[2J é\u202e\n") == "a\nb\tc\\x1b[2J é\\u202e\n"


def test_a_lone_surrogate_is_printable():
    assert printable("\udc80") == "\\udc80"


def test_an_internal_error_is_one_line_and_names_its_reproducer(
    capsys: pytest.CaptureFixture[str],
):
    error = InternalError("pass 'x': boom\nwhole module\n" * 99)
    assert report(error, STATE) == INTERNAL
    shown = capsys.readouterr().err
    assert shown.startswith("internal error: pass 'x': boom\n")
    assert "whole module" not in shown
    assert "Traceback" not in shown


def test_debug_shows_the_traceback_without_the_notes(capsys: pytest.CaptureFixture[str]):
    error = AssertionError("boom")
    error.add_note("the whole module")
    report(error, State(debug=True))
    shown = capsys.readouterr().err
    assert "AssertionError: boom" in shown
    assert "the whole module" not in shown


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["compil", "model.onnx"], "no command 'compil'; did you mean compile?"),
        (["frobnicate"], "no command 'frobnicate'; `lpuc --help` lists them"),
        (["passes", "lpu-foldconstants"], "did you mean lpu-fold-constants"),
        (["passes", "frobnicate"], "no pass 'frobnicate'; `lpuc passes` lists them"),
        (["ops", "lpu.matmull"], "did you mean lpu.matmul"),
        (["ops", "LPU"], "did you mean lpu"),
        (["compile", str(MODEL), "--pipeline", "lpu-raise-norms"], "did you mean lpu-raise-norm"),
        (["compile", str(MODEL), "--print-ir-after", "lpu-til"], "did you mean lpu-mem-tile"),
    ],
)
def test_a_typo_gets_what_was_meant(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
):
    assert invoke(arguments) == USAGE
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"builtin.module"() ({\n}) {a = "' + 60 * "a" + "\n", "2:9"),
        ('// a "comment\n\n"func' + 60 * "a", "3:1"),
        ('"a\\q' + 60 * "a" + '"', "1:1"),
    ],
)
def test_a_string_without_an_end_is_refused_at_once(
    text: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """xDSL's lexer would look for the end in all ways there are, 2 to the power of 60."""
    path = tmp_path / "a.mlir"
    path.write_text(text)
    assert invoke(["opt", str(path)]) == 1
    assert f"a.mlir:{place}: the string that begins here does not end" in (capsys.readouterr().err)
