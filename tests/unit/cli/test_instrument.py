"""What can be seen of a pipeline, and what a bug leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.parser import Parser
from xdsl.passes import ModulePass

from dialects.errors import CompileError
from lpuc.errors import InternalError
from lpuc.instrument import Instrumentation, Watch
from lpuc.pipeline import make_context, parse_passes, run_pipeline
from tests.lit_runner import run_lit

TEXT = """
builtin.module {
  func.func @step() {
    %0 = arith.constant 1 : i32 loc("node/a")
    func.return
  }
}
"""


@dataclass(frozen=True)
class Boom(ModulePass):
    """Damages the module, then fails with what it is given."""

    name = "boom"
    error: Callable[[], Exception] = AssertionError

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        op.attributes["damaged"] = StringAttr("yes")
        raise self.error()

    def spec(self, *, include_default: bool = False):
        return parse_passes("dce")[0].spec(include_default=include_default)


@dataclass(frozen=True)
class Corrupt(ModulePass):
    """Leaves IR that does not verify."""

    name = "corrupt"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in op.walk():
            inner.attributes.pop("function_type", None)
            inner.properties.pop("function_type", None)


def module() -> ModuleOp:
    return Parser(make_context(), TEXT).parse_module()


def run(instrumentation: Instrumentation, *passes: ModulePass) -> None:
    parsed = module()
    with instrumentation.watching(parsed):
        run_pipeline(parsed, passes, instrumentation)


def test_ir_is_printed_around_passes_with_locations(capsys: pytest.CaptureFixture[str]):
    watch = Watch(before=frozenset({"cse"}), after=frozenset({"dce"}))
    run(Instrumentation(watch), *parse_passes("cse,dce"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "IR before cse" in shown.err
    assert "IR after dce" in shown.err
    assert "IR after cse" not in shown.err
    assert 'loc("node/a")' in shown.err


def test_only_changes_are_printed(capsys: pytest.CaptureFixture[str]):
    run(Instrumentation(Watch(after_change=True)), *parse_passes("dce,dce"))
    assert capsys.readouterr().err.count("IR after dce") == 1


def test_a_dump_holds_what_changed_and_an_index_of_all(tmp_path: Path):
    (tmp_path / "07-old.mlir").write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    run(Instrumentation(Watch(dump_dir=tmp_path)), *parse_passes("dce,dce"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["00-import.mlir", "01-dce.mlir", "index.json", "notes.txt"]
    index = json.loads((tmp_path / "index.json").read_text())
    assert [(e["name"], e["file"]) for e in index] == [
        ("import", "00-import.mlir"),
        ("dce", "01-dce.mlir"),
        ("dce", None),
    ]


def test_every_dump_can_be_read_back(tmp_path: Path):
    run(Instrumentation(Watch(dump_dir=tmp_path)), *parse_passes("dce"))
    for path in tmp_path.glob("*.mlir"):
        Parser(make_context(), path.read_text()).parse_module().verify()


def test_times_are_a_table_on_stderr(capsys: pytest.CaptureFixture[str]):
    run(Instrumentation(Watch(time_passes=True)), *parse_passes("cse,dce"))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["pass", "cse", "dce", "total"]


def test_a_bug_leaves_a_reproducer_of_the_ir_before_it(tmp_path: Path):
    path = tmp_path / "r.mlir"
    with pytest.raises(InternalError) as caught:
        run(Instrumentation(reproducer=path), *parse_passes("cse"), Boom(), *parse_passes("dce"))
    assert caught.value.reproducer == path
    text = path.read_text()
    assert text.startswith("// RUN: xdsl-opt %s -p 'dce,dce'\n")
    assert "damaged" not in text
    run_lit(path)


def test_the_ir_before_a_bug_is_made_anew_by_the_passes_before_it(tmp_path: Path):
    path, parsed = tmp_path / "r.mlir", module()
    instrumentation = Instrumentation(reproducer=path)
    passes = (*parse_passes("dce"), Boom())
    with pytest.raises(InternalError), instrumentation.watching(parsed, again=module):
        run_pipeline(parsed, passes, instrumentation)
    text = path.read_text()
    assert "damaged" not in text
    assert "arith.constant" not in text


def test_the_users_fault_leaves_no_reproducer(tmp_path: Path):
    path = tmp_path / "r.mlir"
    with pytest.raises(CompileError):
        run(Instrumentation(reproducer=path), Boom(lambda: CompileError("no")))
    assert not path.exists()


def test_a_bug_is_reported_even_when_the_reproducer_cannot_be_written(tmp_path: Path):
    with pytest.raises(InternalError) as caught:
        run(Instrumentation(reproducer=tmp_path / "none" / "r.mlir"), Boom())
    assert caught.value.reproducer is None


def test_verify_each_names_the_pass_that_broke_the_ir(tmp_path: Path):
    watch, path = Watch(verify_each=True), tmp_path / "r.mlir"
    with pytest.raises(InternalError, match="pass 'corrupt'"):
        run(Instrumentation(watch, reproducer=path), Corrupt())
    assert path.exists()
