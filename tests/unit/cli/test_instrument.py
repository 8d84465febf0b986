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

from dialects.affine import Affine
from dialects.errors import CompileError
from dialects.lpu.elementwise import FillOp
from dialects.lpu.types import tensor
from lpuc.compiler.driver import CompiledProgram
from lpuc.compiler.instrument import Instrumentation, Prints, Watch
from lpuc.compiler.pipeline import PIPELINE, make_context, parse_passes, run_pipeline
from lpuc.compiler.watching.checks import check_level
from lpuc.errors import InternalError
from runtime.numerics.elements import ElementType
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
    prints = Prints(before=frozenset({"cse"}), after=frozenset({"dce"}))
    run(Instrumentation(Watch(prints)), *parse_passes("cse,dce"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "IR Dump Before CommonSubexpressionElimination (cse)" in shown.err
    assert "IR Dump After DeadCodeElimination (dce)" in shown.err
    assert "IR Dump After CommonSubexpressionElimination" not in shown.err
    assert 'loc("node/a")' in shown.err


def test_only_changes_are_printed(capsys: pytest.CaptureFixture[str]):
    run(Instrumentation(Watch(Prints(after_change=True))), *parse_passes("dce,dce"))
    assert capsys.readouterr().err.count("IR Dump After DeadCodeElimination (dce)") == 1


def test_a_dump_holds_what_changed_and_an_index_of_all(tmp_path: Path):
    (tmp_path / "07-old.mlir").write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    run(Instrumentation(Watch(dump_dir=tmp_path)), *parse_passes("dce,dce"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["00-import.mlir", "01-dce.mlir", "index.json", "notes.txt"]
    index = json.loads((tmp_path / "index.json").read_text())
    assert [(e["pass"], e["file"]) for e in index["passes"]] == [
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


@dataclass(frozen=True)
class Loosen(ModulePass):
    """Uses a name that nothing binds, which xDSL's verifier does not see."""

    name = "loosen"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            if inner.name == "arith.constant":
                loose = FillOp.create(
                    properties={"value": StringAttr("00000000")},
                    result_types=[tensor((Affine.symbol("Q"),), ElementType.F32)],
                )
                loose.location = inner.location
                inner.parent_block().insert_op_after(loose, inner)

    def spec(self, *, include_default: bool = False):
        return parse_passes("cse")[0].spec(include_default=include_default)


def _judge(instrumentation: Instrumentation, work: Callable[[ModuleOp], None]) -> None:
    parsed = module()
    with (
        instrumentation.watching(parsed, again=module),
        instrumentation.judging("stage 'lpu'", parsed),
    ):
        work(parsed)


def test_the_end_of_a_stage_names_pass_operation_and_node(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("lpuc.compiler.instrument.VERIFY_EACH", None)
    instrumentation = Instrumentation(reproducer=tmp_path / "bug.mlir")
    with pytest.raises(InternalError) as caught:
        _judge(instrumentation, lambda parsed: run_pipeline(parsed, [Loosen()], instrumentation))
    message = str(caught.value)
    assert "pass 'loosen'" in message
    assert "'lpu.fill': nothing around it binds the names Q" in message
    assert (caught.value.operation, caught.value.nodes) == ("arith.constant", ("node/a",))
    assert caught.value.reproducer is not None
    text = caught.value.reproducer.read_text()
    assert text.startswith("// RUN: xdsl-opt %s -p 'cse'")
    assert "lpu.fill" not in text.partition("// }")[2]


def test_a_stage_that_leaves_another_level_says_so(tmp_path: Path):
    instrumentation = Instrumentation(reproducer=tmp_path / "bug.mlir")
    with pytest.raises(InternalError) as caught:
        _judge(
            instrumentation,
            lambda parsed: check_level(parsed, PIPELINE[1].level, PIPELINE[1].dialects),
        )
    assert "stage 'lpu'" in str(caught.value)
    assert "'arith.constant': it is left at level 'lpu'" in str(caught.value)
    assert caught.value.nodes == ("node/a",)


def test_a_bug_of_emission_names_the_node_and_leaves_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A virtual register is no register of the machine: the passes should have replaced it."""
    text = """func.func @step() {
      lpu_isa.li r1, 5
      lpu_isa.li v7, 5 loc("fc1")
      lpu_isa.halt
    }"""
    left = Parser(make_context(), text).parse_module()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InternalError, match=r"fc1: lpu_isa\.li v7, 5: .*register") as caught:
        _ = CompiledProgram(left, ()).program
    assert caught.value.reproducer is not None
    found = Parser(make_context(), caught.value.reproducer.read_text()).parse_module()
    assert found.is_structurally_equivalent(left)
