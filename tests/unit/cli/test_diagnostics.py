"""Where in a text something is wrong, and `lpuc opt --verify-diagnostics`."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.compiler.reading.expectations import expectations
from lpuc.compiler.reading.parts import parts_of

WRONG = '%y = lpu.fill "00" : !lpu.tensor<[2], f32>'
RIGHT = '%y = lpu.fill "00000000" : !lpu.tensor<[2], f32>'
SAID = "'lpu.fill': expected 8 hex digits"
DET = (
    "func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {\n"
    "  %y = onnx.Det(%x) {since_version = 11 : i64}"
    ' : (!lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> loc("det")\n'
    "  func.return %y : !lpu.tensor<[2], f32>\n}"
)


def said(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str], *options: str, code: int = 1
) -> list[str]:
    """The lines on stderr, of which each begins with the file."""
    path = folder / "x.mlir"
    path.write_text(text)
    assert invoke(["opt", str(path), *options]) == code
    return [line.replace(str(path), "x.mlir") for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"\n  {WRONG}", f"2:8: {SAID}"),
        (f"func.func @f() {{\n{WRONG}\nfunc.return }}", f"2:6: {SAID}"),
        ("\n\n func.func @f(%x : !lpu.tensor<[Q], f32>)"
         " attributes {lpu.symbols = #lpu.symbols<[]>} { func.return }",
         "3:2: 'func.func': nothing around it binds the names Q"),
        ('"builtin.module"() ({\n  "func.func"() <{sym_name = "f", function_type = () -> ()}>'
         ' ({\n ^bb0:\n  "test.op"() : () -> ()\n }) : () -> ()\n}) : () -> ()',
         "2:3: 'func.func': its block ends with an operation that ends none"),
        ('%a = "test.op"() : () -> i32\n%b:2, %c = "test.op"() : () -> (i32, i32, i32)\n'
         '%d = arith.addi %a, %c : i64', "3:17: "),
        ('%a = "test.op"() : () -> i32\n%d = "arith.addi"(%a) : (i32) -> i32',
         "2:6: 'arith.addi': "),
        ("\n nope.op", "2:2: Operation nope.op is not registered"),
        ('\n%nope = "nope.op"() : () -> i32', "2:10: Operation nope.op is not registered"),
        ("func.func @f() {\n func.return\n", "3:1: "),
        ("%y = lpu.fill 3", "1:16: "),
        ("(" * 9000, "1:1: "),
        ('%x = arith.constant "', "1:21: the string that begins here does not end"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_split", [False, True])
def test_what_is_wrong_with_a_text_has_line_and_column(
    text: str, expected: str, is_split: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Lines are counted from the start of the file, in a part that stands behind others, too."""
    head, options = ("", ()) if not is_split else (f"{RIGHT}\n// -----\n", ("--split-input-file",))
    line, _, rest = expected.partition(":")
    found = said(tmp_path, head + text, capsys, *options)
    assert len(found) == 1
    assert found[0].startswith(f"error: x.mlir:{int(line) + head.count(chr(10))}:{rest}")


def test_what_a_pass_refuses_stands_where_its_operation_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = said(tmp_path, DET, capsys, "-p", "onnx-check-operators")
    assert len(found) == 1
    assert found[0].startswith("error: x.mlir:2:8: det: Det: unsupported operators: Det (1)")


def test_text_from_stdin_has_lines(monkeypatch, capsys: pytest.CaptureFixture[str]):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"\n{WRONG}\n".encode())))
    assert invoke(["opt", "-"]) == 1
    assert capsys.readouterr().err == f"error: <stdin>:2:6: {SAID}\n"


def test_parts_lie_between_lines_that_hold_nothing_else():
    text = "a\n// -----\nb // ----- c\n// ----- d\n// ----- \ne"
    assert list(parts_of(text)) == [
        ("a\n", 1), ("\nb // ----- c\n// ----- d\n", 2), ("\ne", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"// expected-error @+1 {{{{{SAID}}}}}\n{WRONG}",
        f"// expected-error@+2 {{{{8 hex}}}}\n\n{WRONG}",
        f"{WRONG}\n// expected-error @-1 {{{{{SAID}}}}}",
        f"{WRONG} // expected-error {{{{hex digits}}}}",
        f"{WRONG}\n// expected-error @above {{{{hex}}}}",
        f"// expected-error @below {{{{hex}}}}\n{WRONG}",
        f"// expected-error-re @below {{{{expected {{{{[0-9]+}}}} hex}}}}\n{WRONG}",
        "// expected-error @below {{nope.op is not registered}}\nnope.op",
        f"// expected-error @+2 {{{{unsupported operators: Det}}}}\n{DET}",
        "// expected-error @unknown {{works on level onnx}}\nfunc.func @f() {\n lpu_isa.halt\n}",
    ],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_what_is_expected_and_happens_is_right(
    text: str, is_split: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    options = ["-p", "onnx-check-operators", "--verify-diagnostics"]
    if is_split:
        other = "func.func @step() {\n func.return\n}"
        text = f"{other}\n// -----\n{text}\n// -----\n{other}"
        options.append("--split-input-file")
    assert said(tmp_path, text, capsys, *options, code=0) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"// expected-error {{{{hex}}}}\n{RIGHT}",
         ['1: expected error "hex" was not produced']),
        (WRONG, [f"1:6: unexpected error: {SAID}"]),
        (f"// expected-error @+2 {{{{hex}}}}\n{WRONG}",
         [f"2:6: unexpected error: {SAID}", '1: expected error "hex" at line 3 was not produced']),
        (f"// expected-error @+1 {{{{octal}}}}\n{WRONG}",
         [f"2:6: unexpected error: {SAID}",
          '1: expected error "octal" at line 2 was not produced']),
        (f"// expected-error @+1 {{{{hex.digits}}}}\n{WRONG}",
         [f"2:6: unexpected error: {SAID}",
          '1: expected error "hex.digits" at line 2 was not produced']),
        (f"// expected-warning @+1 {{{{hex}}}}\n{WRONG}",
         [f"2:6: unexpected error: {SAID}",
          '1: expected warning "hex" at line 2 was not produced']),
        (f"// expected-error @+1 {{{{hex}}}}\n{WRONG} // expected-error {{{{hex}}}}",
         ['2: expected error "hex" was not produced']),
        (f"// expected-error @unknown {{{{hex}}}}\n{WRONG}",
         [f"2:6: unexpected error: {SAID}",
          '1: expected error "hex" without a place was not produced']),
        (f"// expected-error @+1 {{hex}}\n{WRONG}",
         [f"2:6: unexpected error: {SAID}",
          "1: this cannot be read: // expected-error @+1 {hex}"]),
        (f"// expected-error-re @+1 {{{{{{{{(}}}}}}}}\n{RIGHT}",
         ["1: this cannot be read: // expected-error-re @+1 {{{{(}}}}"]),
    ],
)  # fmt: skip
def test_what_is_left_over_is_a_failure_with_one_line_each(
    text: str, expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = said(tmp_path, text, capsys, "--verify-diagnostics")
    assert found == [f"error: x.mlir:{line}" for line in expected]


def test_all_parts_are_judged_and_those_that_are_right_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(f"{WRONG}\n// -----\n{RIGHT}\n// -----\n{WRONG}\n")
    assert invoke(["opt", str(path), "--split-input-file", "--verify-diagnostics"]) == 1
    shown = capsys.readouterr()
    assert [line.split(":")[2] for line in shown.err.splitlines()] == ["1", "5"]
    assert shown.out.count("lpu.fill") == 1


def test_designators_skip_lines_with_comments():
    text = "a\n// expected-error @above {{x}}\n// expected-error @below {{y}}\nb"
    assert [(e.line, e.about) for e in expectations(text, first=10)] == [(11, 10), (12, 13)]


def test_bugs_of_passes_are_no_diagnostics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: object) -> None:
        raise KeyError("octal")

    monkeypatch.setattr("passes.lpu.drop_dead.LpuDropDeadPass.rewrite", fail)
    text = f"// expected-error @unknown {{{{octal}}}}\n{RIGHT}"
    found = said(tmp_path, text, capsys, "-p", "lpu-drop-dead", "--verify-diagnostics", code=70)
    assert "pass 'lpu-drop-dead'" in found[0]
