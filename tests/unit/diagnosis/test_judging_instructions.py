"""What an instruction writes is held to what was written before a pass, value by value."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.bounds import Planted, plants
from dialects.lpu_mem import ops
from lpuc.cli import invoke
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import pipeline_of, stage_passes
from lpuc.diagnosis.checking import RESOLVED
from lpuc.diagnosis.judging.isa.judging import judge_instructions
from lpuc.diagnosis.judging.isa.pairing import ALONE, OFTEN, Compared, paired
from lpuc.diagnosis.judging.isa.written import Place, Write
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import Step, steps
from lpuc.levels.cases import Cases
from lpuc.levels.interface import interface_above
from tests.e2e.committed import ONE

TIMES = 4.0


@pytest.fixture(scope="module", params=[("f32", 1), ("f16", 1), ("f32", 2)], ids=str)
def judged(request: pytest.FixtureRequest) -> list[tuple[Step, Runs, Runs]]:
    """
    The passes to and on instructions, with runs of one step before and behind each.

    Two devices hand each other parts of what they compute all along.
    """
    precision, devices = request.param
    options = CompileOptions("lpu-tiny", precision, max_context=16, prompt_chunk=0, devices=devices)
    passes = list(chain.from_iterable(map(stage_passes, pipeline_of(devices))))
    found, case, last = list[tuple[Step, Runs, Runs]](), None, None
    for step in steps(load_module(ONE, options), passes):
        if step.one.name == RESOLVED:
            made = Cases(interface_above(step.after.module), devices=devices)
            case = next(made.quick())
        elif step.after.level == "lpu_isa" and not step.is_idle:
            assert case is not None
            before, last = last or Runs(step.before, case), Runs(step.after, case)
            found.append((step, before, last))
    return found


def is_exact(step: Step) -> bool:
    return step.numbers.change == "exact"


def test_without_an_error_nothing_departs(judged: list[tuple[Step, Runs, Runs]]):
    assert judged[0][0].one.name == "convert-lpu-mem-to-lpu-isa"
    assert len(judged) >= 2
    for step, before, after in judged:
        assert judge_instructions(is_exact(step), before, after) is None
        assert after.compared is not None and after.compared.count > 50
        assert not after.compared.left


def require_named(step: Step, before: Runs, after: Runs, buffers: Runs, every: int) -> None:
    """Products that are off by little are named, one in so many, wherever they stand."""
    errors = list(plants(after, TIMES, np.random.default_rng(0), buffers))
    assert len(errors) >= 10
    for plant in errors[::-every]:
        planted = Planted(after.snapshot, after.case, plant=plant)
        found = judge_instructions(is_exact(step), before, planted)
        assert found is not None and found.operation in ("lpu_mem.vecmat", "vecmat")
        assert found.names


def test_a_product_that_is_off_by_four_local_bounds_is_named(
    judged: list[tuple[Step, Runs, Runs]],
):
    buffers = judged[0][1]
    for step, before, after in judged:
        require_named(step, before, after, buffers, 5)


@pytest.mark.parametrize("side", ["before", "behind"])
def test_one_array_more_hides_nothing_behind_it(
    judged: list[tuple[Step, Runs, Runs]], side: str, monkeypatch: pytest.MonkeyPatch
):
    """Right, with an array that one side alone has written, and wrong, with that behind it."""
    step, before, after = judged[0]
    copies = [one for one in before.written if isinstance(one.op, ops.CopyOp)]
    if side == "behind":
        kept = [one for one in before.written if one is not copies[0]]
    else:
        elsewhere = [start + 2**40 for start in copies[0].starts]
        kept = [replace(copies[0], starts=elsewhere), *before.written]
    monkeypatch.setattr(Runs, "written", property(lambda runs: kept))
    assert judge_instructions(is_exact(step), before, after) is None
    assert after.compared is not None
    assert {why for _, why in after.compared.left} == {ALONE}
    assert after.compared.left.total() == len(copies[0].parts)
    require_named(step, before, after, before, 20)


def written(*places: tuple[str, int]) -> list[Write]:
    """Arrays of one element from nodes, at addresses, each with its number in it."""
    kind = np.dtype(np.float32)
    return [
        Write("copy", lambda: (), (node,), Place(True, at, 1, kind), np.array([n], kind), list)
        for n, (node, at) in enumerate(places)
    ]


@pytest.mark.parametrize(
    ("before", "after", "pairs", "left"),
    [
        ([("a", 0), ("b", 4)], [("a", 0), ("b", 4)], {0: 0, 1: 1}, {}),
        ([("a", 0), ("b", 4)], [("b", 4), ("a", 0)], {0: 1, 1: 0}, {}),
        ([("a", 0), ("b", 4)], [("c", 0), ("a", 0), ("b", 4)], {1: 0, 2: 1}, {ALONE: 1}),
        ([("a", 0), ("c", 0), ("b", 4)], [("a", 0), ("b", 4)], {0: 0, 1: 2}, {ALONE: 1}),
        ([("a", 0)], [("a", 4)], {}, {ALONE: 2}),
        ([("a", 0)], [("b", 0)], {}, {ALONE: 2}),
        ([("a", 0), ("a", 0)], [("a", 0), ("a", 0)], {0: 0, 1: 1}, {}),
        ([("a", 0), ("a", 0)], [("a", 0)], {}, {OFTEN: 1}),
        ([("a", 0)], [("a", 0), ("a", 0), ("b", 0)], {}, {OFTEN: 2, ALONE: 1}),
    ],
)
def test_what_is_the_same_array(
    before: list[tuple[str, int]],
    after: list[tuple[str, int]],
    pairs: dict[int, int],
    left: dict[str, int],
):
    compared = Compared()
    found = paired(written(*before), written(*after), compared)
    assert {n: int(one.array[0]) for n, one in found.items()} == pairs
    assert compared.count == len(pairs)
    assert {why: n for (_, why), n in compared.left.items()} == left


def scattering(folder: Path) -> Path:
    """The file of a model that writes where its input `i` says."""
    nodes = [
        helper.make_node("ScatterElements", ["x", "i", "u"], ["s"], "put", axis=1),
        helper.make_node("Add", ["s", "x"], ["y"], "sum"),
    ]
    made = helper.make_tensor_value_info
    x, u = (made(name, TensorProto.FLOAT, [2, n]) for name, n in (("x", 8), ("u", 3)))
    inputs, y = [x, made("i", TensorProto.INT64, [2, 3]), u], made("y", TensorProto.FLOAT, [2, 8])
    model = helper.make_model(
        helper.make_graph(nodes, "graph", inputs, [y]), opset_imports=[helper.make_opsetid("", 17)]
    )
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def test_what_is_not_compared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model, dump = scattering(tmp_path), tmp_path / "dump"
    options = ("--target", "lpu-tiny", "--precision", "f32")
    command = ["compile", str(model), "-o", str(tmp_path / "out.lpu"), *options]
    assert invoke([*command, "--check-numerics", "--dump-ir", str(dump)]) == 0
    said = "1 of scatter (written where an index says)"
    assert f"arrays were not compared: {said}" in capsys.readouterr().err
    passes = json.loads((dump / "index.json").read_text())["passes"]
    (entry,) = (one for one in passes if one["pass"] == "convert-lpu-mem-to-lpu-isa")
    (verdict,) = entry["verdicts"]
    left = {"op": "scatter", "why": "written where an index says", "count": 1}
    assert verdict["compared"] > 20 and verdict["left"] == [left]
    assert invoke(["bisect", str(model), *options, "--quick"]) == 0
    assert said in capsys.readouterr().out
