"""`lpuc reduce`: from a file that fails to a test of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from xdsl.dialects.builtin import StringAttr

from dialects.lpu.elementwise import MapOp
from lpuc.cli import invoke
from lpuc.diagnosis.reduction import subjects
from lpuc.diagnosis.reduction.search import Search
from lpuc.errors import INTERRUPTED, MISMATCH, USAGE, USER
from passes.lpu import raise_softmax
from passes.lpu.raise_activation import LpuRaiseActivationPass
from passes.rewriting.kernel import set_property
from tests.lit_runner import LitFailure, run_lit

OPERATORS = ("Neg", "Abs", "Erf", "Tanh", "Relu", "Softmax", "Sqrt")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    names = [f"v{i}" for i in range(len(OPERATORS) + 1)]
    nodes = [
        helper.make_node(operator, [names[i]], [names[i + 1]], operator)
        for i, operator in enumerate(OPERATORS)
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3])
        for name in (names[0], names[-1])
    ]
    graph = helper.make_graph(nodes, "row", ports[:1], ports[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = tmp_path / "row.onnx"
    onnx.save(made, path)
    return path


def crashing(op: object) -> None:
    if isinstance(op, MapOp) and op.fn.data == "tanh":
        raise KeyError("planted")


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(raise_softmax, "raise_softmax", crashing)
    return monkeypatch


def operators(folder: Path) -> list[str]:
    return [node.op_type for node in onnx.load(folder / "model.onnx").graph.node]


def replayed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of the command that a case names."""
    line = (folder / "README.md").read_text().splitlines()[-1]
    words = shlex.split(line)
    assert words[0] == "lpuc"
    with monkeypatch.context() as inside:
        inside.chdir(folder)
        return invoke(words[1:])


def run(*words: str | Path) -> int:
    return invoke(["reduce", *map(str, words)])


def test_a_case_replays(model: Path, crash: pytest.MonkeyPatch, capsys: Any):
    folder = model.with_name("case")
    assert run(model, "-o", folder) == 0
    assert operators(folder) == ["Tanh"]
    out = capsys.readouterr().out
    assert "crash in lpu-raise-softmax at lpu.map (Tanh): KeyError: 'planted'" in out
    assert "7 nodes became 1 in" in out
    assert "crash in lpu-raise-softmax" in (folder / "README.md").read_text()
    given, expected = (np.load(folder / name) for name in ("inputs.npz", "outputs.npz"))
    np.testing.assert_allclose(expected["v4"], np.tanh(given["v3"]), rtol=1e-6)
    assert replayed(folder, crash) == 70
    crash.undo()
    assert replayed(folder, crash) == 0


def test_wrong_numbers_replay(model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    broken(monkeypatch)
    folder = model.with_name("case")
    assert run(model, "-o", folder, "--precision", "f32") == 0
    assert "numbers in lpu-raise-activation at lpu.map (Erf)" in capsys.readouterr().out
    assert operators(folder) == ["Erf"]
    assert replayed(folder, monkeypatch) == MISMATCH
    monkeypatch.undo()
    assert replayed(folder, monkeypatch) == 0


def test_what_bisect_alone_sees_is_reduced_too(model: Path, monkeypatch: pytest.MonkeyPatch):
    """A fault that the few calls of the reducer do not show."""
    broken(monkeypatch)
    monkeypatch.setattr(subjects, "_model_failure", lambda *_: (None, ""))
    folder = model.with_name("case")
    assert run(model, "-o", folder, "--precision", "f32") == 0
    assert operators(folder) == ["Erf"]
    assert "lpuc bisect model.onnx" in (folder / "README.md").read_text()
    assert replayed(folder, monkeypatch) == MISMATCH
    monkeypatch.undo()
    assert replayed(folder, monkeypatch) == 0


def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An erf that becomes a tanh."""
    plain = LpuRaiseActivationPass.rewrite

    def planted(self: LpuRaiseActivationPass, module: Any) -> None:
        plain(self, module)
        for op in module.walk():
            if isinstance(op, MapOp) and op.fn.data == "erf":
                set_property(op, "fn", StringAttr("tanh"))

    monkeypatch.setattr(LpuRaiseActivationPass, "rewrite", planted)


def test_a_model_becomes_a_lit_test(model: Path, crash: pytest.MonkeyPatch):
    path = model.with_name("small.mlir")
    assert run(model, "-o", path) == 0
    text = path.read_text()
    assert text.count("= lpu.map") == 1 and "xdsl-opt %s -p 'lpu-raise-softmax'" in text
    with pytest.raises(LitFailure):
        run_lit(path)
    crash.undo()
    run_lit(path)


def test_ir_is_run_through_its_own_run_line(model: Path, crash: pytest.MonkeyPatch):
    path = model.with_name("big.mlir")
    kind = "!lpu.tensor<[2], f32>"
    path.write_text(
        f"// RUN: xdsl-opt %s -p 'dce,lpu-raise-softmax'\n"
        f"func.func @step(%x : {kind}) -> {kind} {{\n"
        f'  %a = lpu.map "neg" %x : {kind} -> {kind}\n'
        f'  %b = lpu.map "tanh" %a : {kind} -> {kind}\n'
        f"  func.return %b : {kind}\n}}\n"
    )
    with crash.context() as inside:
        inside.chdir(model.parent)
        assert run(path) == 0
    assert "neg" not in (model.parent / "lpuc-reduced.mlir").read_text()


TEST = """
import sys, pathlib, onnx
path = pathlib.Path(sys.argv[-1])
assert sorted(p.name for p in pathlib.Path().iterdir()) == ["inputs.npz", "row.onnx"]
assert path.name == "row.onnx" and sys.argv[1] == "two words"
sys.exit("Relu" not in [node.op_type for node in onnx.load(path).graph.node])
"""


def test_a_program_may_say_what_is_interesting(model: Path):
    script = model.with_name("interesting.py")
    script.write_text(TEST)
    folder = model.with_name("case")
    asked = f"{sys.executable} {script} 'two words'"
    assert run(model, "-o", folder, "--test", asked, "--max-tries", "20") == 0
    assert operators(folder) == ["Relu"]
    assert "'two words' model.onnx" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["row.onnx"], USER, "does not fail"),
        (["row.onnx", "--test", "false"], USER, "does not fail"),
        (["row.onnx", "--test", "no-such-program-here"], USAGE, "no program"),
        (["row.onnx", "--test", "'"], USAGE, "--test"),
        (["row.onnx", "--test", "true", "-o", "x.mlir"], USAGE, "folder"),
        (["nothing.onnx"], USER, "No such file"),
        (["row.onnx", "-o", "empty.mlir/x"], USER, "does not exist"),
        (["row.onnx", "-o", "row.onnx"], USER, "is an input"),
        (["empty.mlir"], USAGE, "--pipeline"),
        (["empty.mlir", "--pipeline", "dce"], USER, "does not fail"),
        (["empty.mlir", "--pipeline", "no-such"], USAGE, "no pass"),
        (["empty.mlir", "--inputs", "in.npz"], USAGE, "--inputs"),
        (["wrong.mlir", "--pipeline", "dce"], USER, "wrong.mlir"),
        (["row.onnx", "--max-tries", "0"], USAGE, "--max-tries"),
    ],
)
def test_refusals(
    words: Sequence[str], code: int, message: str, model: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: Any,
):  # fmt: skip
    (model.parent / "empty.mlir").write_text("func.func @step() {\n  func.return\n}\n")
    (model.parent / "wrong.mlir").write_text("func.func @step() {\n")
    monkeypatch.chdir(model.parent)
    assert run(*words) == code
    found = capsys.readouterr()
    assert message in found.err and "Traceback" not in found.err
    assert (
        not list(model.parent.glob("*.mlir")) or not (model.parent / "lpuc-reduced.mlir").exists()
    )


def test_an_interruption_leaves_the_smallest_so_far(model: Path, crash: pytest.MonkeyPatch):
    plain = Search.better

    def stopping(self: Any, candidate: Any) -> bool:
        if plain(self, candidate) and candidate.nodes < len(OPERATORS):
            raise KeyboardInterrupt
        return False

    crash.setattr(Search, "better", stopping)
    folder = model.with_name("case")
    assert run(model, "-o", folder) == INTERRUPTED
    assert "Tanh" in operators(folder) and len(operators(folder)) < len(OPERATORS)
    assert (folder / "README.md").is_file()


def test_too_few_tries_are_told(model: Path, crash: pytest.MonkeyPatch, capsys: Any):
    assert run(model, "-o", model.with_name("case"), "--max-tries", "1") == 0
    assert "there may be less" in capsys.readouterr().out


def test_the_same_bytes_again(model: Path, crash: pytest.MonkeyPatch):
    folders = [model.with_name(name) for name in ("one", "two")]
    for folder in folders:
        assert run(model, "-o", folder) == 0
    first, second = ({p.name: p.read_bytes() for p in f.iterdir()} for f in folders)
    assert first == second
