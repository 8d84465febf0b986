"""The folder of a dump and its index."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.located import parse_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import parse_passes, run_pipeline
from lpuc.errors import InternalError

ROOT = Path(__file__).parents[3]
TEXT = 'func.func @step() {\n  %0 = arith.constant 1 : i32 loc("a")\n  func.return\n}\n'


@dataclass(frozen=True)
class Fail(ModulePass):
    """Fails."""

    name = "fail"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        raise AssertionError("no room\nat all")


def index(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "index.json").read_text())["passes"]


def test_the_index_says_what_each_pass_is_costs_and_changes(tmp_path: Path):
    passes = parse_passes("canonicalize,cse")
    module = parse_module(TEXT, "a.mlir")
    watch = Watch(dump_dir=tmp_path, verify_each=True)
    instrumentation = Instrumentation(watch)
    with instrumentation.watching(module):
        run_pipeline(module, passes, instrumentation)
    start, changed, kept = index(tmp_path)
    assert (start["pass"], start["file"], start["verdicts"]) == ("import", "00-import.mlir", [])
    assert changed["options"] == {}
    assert changed["ops"] == {
        "before": {"arith": 1, "builtin": 1, "func": 2},
        "after": {"builtin": 1, "func": 2},
    }
    assert isinstance(changed["seconds"], float)
    assert 0 < changed["seconds"] < 10
    assert changed["verdicts"] == [{"by": "verify", "right": True}]
    assert changed["hash"] != start["hash"]
    assert (kept["file"], kept["hash"]) == (None, changed["hash"])
    assert len(str(kept["hash"])) == hashlib.sha256().digest_size * 2


def test_equal_ir_has_equal_hashes_wherever_it_stands(tmp_path: Path):
    hashes: list[list[object]] = []
    for name, passes in (("a", "verify,dce"), ("b", "dce")):
        module, watch = parse_module(TEXT, "a.mlir"), Watch(dump_dir=tmp_path / name)
        instrumentation = Instrumentation(watch)
        with instrumentation.watching(module):
            run_pipeline(module, parse_passes(passes), instrumentation)
        hashes.append([entry["hash"] for entry in index(tmp_path / name)])
    assert hashes[0][0] == hashes[0][1] == hashes[1][0]
    assert hashes[0][2] == hashes[1][1] != hashes[0][0]


def test_a_pass_that_fails_is_in_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    module, instrumentation = (
        parse_module(TEXT, "a.mlir"),
        Instrumentation(Watch(dump_dir=tmp_path)),
    )
    with pytest.raises(InternalError), instrumentation.watching(module):
        run_pipeline(module, [*parse_passes("dce"), Fail()], instrumentation)
    last = index(tmp_path)[-1]
    assert (last["pass"], last["file"]) == ("fail", None)
    assert last["verdicts"] == [{"by": "pass", "right": False, "says": "AssertionError: no room"}]


def test_machine_and_plan_lie_beside(tmp_path: Path):
    text = (ROOT / "runtime/targets/lpu-tiny.toml").read_text()
    (tmp_path / "own.toml").write_text(text)
    options = CompileOptions(tmp_path / "own.toml", "f32", 16)
    module = load_module(ROOT / "samples/exports/llama.onnx", options)
    lower(module, options, "onnx", Instrumentation(Watch(dump_dir=tmp_path / "dump")))
    assert (tmp_path / "dump/target.toml").read_text() == text
    assert not (tmp_path / "dump/plan.json").exists()
    (resolved,) = (tmp_path / "dump").glob("*-onnx-resolve-shapes.mlir")
    head = resolved.read_text().partition("\n")[0]
    assert 'behind = "onnx-resolve-shapes", rest = ["convert-onnx-to-lpu", ' in head
    assert '"lpu-isa-allocate-registers"]' in head
