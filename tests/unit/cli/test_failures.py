"""A bug of the compiler: what the report says, what it leaves, and that this shows it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from xdsl.dialects.builtin import StringAttr

from dialects.lpu.elementwise import FillOp
from lpuc.cli import invoke
from lpuc.compiler.pipeline import PIPELINE
from lpuc.compiler.watching import reproducer
from lpuc.compiler.watching.reproducer import Place, recipe_of, versions
from lpuc.errors import INTERNAL
from tests.verifying import Once

Show = Callable[[], str]
MOST_LINES = 14
CRASH = "passes.lpu.raise_norm._deviation"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reproducers lie in the current folder, as they do for users."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproducer, "FOLDER", Path())


def crashing(op: Any) -> Any:
    """A pass that fails while it looks at one operation, which it has damaged."""
    op.attributes["damaged"] = StringAttr("")
    raise KeyError("no such\naxis " + 500 * "x")


def corrupting(_self: object, module: Any) -> None:
    """A pass that leaves an operation which breaks a rule."""
    for op in module.walk():
        if isinstance(op, FillOp):
            op.properties["value"] = StringAttr("00")


def not_encodable(op: Any, *_: object) -> Any:
    raise AssertionError(f"no bits for {op.name}")


def no_pieces(*_: object) -> Any:
    raise ZeroDivisionError("a piece of nothing")
    yield


BUGS = {
    "crash": (CRASH, crashing,
              "pass 'lpu-raise-norm': KeyError", "lpu.map, from ONNX node"),
    "verifier": ("passes.lpu.raise_norm.LpuRaiseNormPass.rewrite", corrupting,
                 "pass 'lpu-raise-norm': 'lpu.fill': expected", "lpu.fill, from ONNX node"),
    "encoder": ("lpuc.compiler.emit._instruction", not_encodable,
                "emission: AssertionError: no bits for lpu_isa.", "lpu_isa."),
    "parameters": ("lpuc.compiler.emit.parameter_pieces", no_pieces,
                   "emission: ZeroDivisionError: a piece of nothing", ""),
}  # fmt: skip


def compiled(capsys: pytest.CaptureFixture[str], small: Path, *options: str) -> str:
    """What is said when a model meets a bug."""
    assert invoke(["compile", str(small), "-o", "out.lpu", *options]) == INTERNAL
    return capsys.readouterr().err


def passed(capsys: pytest.CaptureFixture[str], *options: str, extent: int = 8) -> str:
    """What is said when text with a square root meets a bug, much sooner."""
    text = f"""func.func @step(%x : !lpu.tensor<[{extent}], f32>) {{
      %y = lpu.map "sqrt" %x : !lpu.tensor<[{extent}], f32> -> !lpu.tensor<[{extent}], f32>
      func.return
    }}"""
    Path("x.mlir").write_text(text)
    assert invoke(["opt", "x.mlir", "-p", "lpu-raise-norm", *options]) == INTERNAL
    Path("x.mlir").unlink()
    return capsys.readouterr().err


def replayed(file: str, capsys: pytest.CaptureFixture[str], code: int = INTERNAL) -> str:
    assert invoke(["opt", "--run-reproducer", file]) == code
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "verify_each"), [(kind, False) for kind in BUGS] + [("verifier", True)]
)
def test_a_bug_is_named_and_shown_again(
    kind: str,
    verify_each: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    small: Path,
):
    where, fault, what, operation = BUGS[kind]
    monkeypatch.setattr(where, fault)
    monkeypatch.setattr("lpuc.compiler.instrument.VERIFY_EACH", Once(1) if verify_each else None)
    shown = compiled(capsys, small)
    assert shown.startswith(f"internal error: {what}")
    assert not operation or f"  operation: {operation}" in shown
    assert len(shown.splitlines()) <= MOST_LINES
    assert max(map(len, shown.splitlines())) < 400
    text = Path("lpuc-reproducer.mlir").read_text()
    assert "damaged" not in text
    assert replayed("lpuc-reproducer.mlir", capsys) == shown
    assert sorted(path.name for path in Path().iterdir()) == ["lpuc-reproducer.mlir"]


def test_a_reproducer_names_failure_passes_options_and_versions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], small: Path
):
    monkeypatch.setattr(CRASH, crashing)
    compiled(capsys, small, "--precision", "bf16")
    text = Path("lpuc-reproducer.mlir").read_text()
    assert text.startswith("// RUN: xdsl-opt %s -p 'lpu-raise-norm,lpu-raise-rotary,")
    recipe = recipe_of(text)
    assert recipe.failure.startswith("pass 'lpu-raise-norm': KeyError")
    assert 'precision = "bf16"' in recipe.options
    assert recipe.versions == versions()
    assert set(recipe.versions) == {"lpuc", "xdsl", "numpy", "onnx"}


def test_a_bug_that_is_gone_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with monkeypatch.context() as broken:
        broken.setattr(CRASH, crashing)
        passed(capsys)
    path = Path("lpuc-reproducer.mlir")
    path.write_text(path.read_text().replace(versions()["numpy"], "1.0"))
    shown = replayed(str(path), capsys, code=0)
    assert shown.startswith("note: this does not fail any more: pass 'lpu-raise-norm': KeyError")
    assert f"numpy 1.0, here {versions()['numpy']}" in shown


def test_what_is_left_at_another_level_is_shown_again(
    capsys: pytest.CaptureFixture[str], small: Path
):
    """No pass breaks a rule here: the stage as a whole does."""
    allowed = PIPELINE[1].dialects
    object.__setattr__(PIPELINE[1], "dialects", allowed - {"lpu"})
    try:
        shown = compiled(capsys, small)
        assert shown.startswith("internal error: stage 'lpu': 'lpu.")
        assert "it is left at level 'lpu'\n  operation: lpu." in shown
        assert replayed("lpuc-reproducer.mlir", capsys) == shown
    finally:
        object.__setattr__(PIPELINE[1], "dialects", allowed)


def test_no_reproducer_takes_the_place_of_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Path("lpuc-reproducer.mlir").write_text("mine")
    monkeypatch.setattr(CRASH, crashing)
    for extent in (8, 4, 8):
        shown = passed(capsys, extent=extent)
    assert "reproducer: lpuc-reproducer-2.mlir" in shown
    names = sorted(path.name for path in Path().glob("*.mlir"))
    assert names == ["lpuc-reproducer-2.mlir", "lpuc-reproducer-3.mlir", "lpuc-reproducer.mlir"]
    assert Path("lpuc-reproducer.mlir").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("--reproducer", "crash"),
        ("--reproducer", "encoder"),
        ("--mlir-pass-pipeline-crash-reproducer", "crash"),
    ],
)
def test_a_reproducer_goes_where_the_user_says(
    option: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    small: Path,
):
    where, fault, _, _ = BUGS[kind]
    monkeypatch.setattr(where, fault)
    words = (option, "bug.mlir")
    said = passed(capsys, *words) if kind == "crash" else compiled(capsys, small, *words)
    assert "reproducer: bug.mlir;" in said
    assert [path.name for path in Path().iterdir()] == ["bug.mlir"]


def test_places_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reproducer, "MOST", 2)
    assert [Place().put(text).name for text in "aba"] == [
        "lpuc-reproducer.mlir", "lpuc-reproducer-2.mlir", "lpuc-reproducer.mlir",
    ]  # fmt: skip
    with pytest.raises(FileExistsError):
        Place().put("c")


def test_what_a_failed_pass_left_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(CRASH, crashing)
    assert "damaged" not in passed(capsys)
    for option in ("--print-ir-after-failure", "--mlir-print-ir-after-failure"):
        shown = passed(capsys, option)
        title = "// -----// IR Dump After LpuRaiseNormPass Failed (lpu-raise-norm) //----- //"
        assert title in shown
        assert "damaged" in shown
        assert shown.count("IR Dump") == 1


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ('// {\n//   "pipeline": 3\n// }', "'pipeline' is 3"),
        ('// {\n//   "pipeline": "dce"', "no whole reproducer"),
        ("// [\n// ]\n// }", "no whole reproducer"),
        ('// {\n//   "pipeline": "dce", "more": "x"\n// }', "more"),
        ('// {\n//   "pipeline": "dce", "emit": "all"\n// }', "'all' is nothing"),
        ('// {\n//   "pipeline": "dce", "level": "all"\n// }', "no level 'all'"),
    ],
)
def test_damaged_reproducers_are_refused(
    notes: str, message: str, capsys: pytest.CaptureFixture[str]
):
    about = reproducer._ABOUT  # pyright: ignore[reportPrivateUsage]
    text = f"// RUN: xdsl-opt %s -p 'dce'\n{about}\n{notes}\nbuiltin.module {{}}\n"
    Path("r.mlir").write_text(text)
    assert message in replayed("r.mlir", capsys, code=1)
