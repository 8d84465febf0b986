"""Who is wrong is named, not what meets it: operations that write something else, or elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dialects.affine import Affine
from dialects.lpu_mem import ops
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.bisection import bisect
from lpuc.diagnosis.failure import Failure
from lpuc.levels.cases import Cases
from passes.lpu.convert_to_lpu_mem import ConvertLpuToLpuMemPass
from passes.lpu_mem.selection import instructions as selection
from passes.lpu_mem.tile import LpuMemTilePass
from passes.rewriting.places import MemBuilder
from runtime.isa.instructions.gather import Gather, Rows
from runtime.isa.instructions.vector import Cast
from tests.unit.diagnosis.test_judging_buffers import judged

OPTIONS = CompileOptions("lpu-tiny", "f32")


def save(folder: Path) -> Path:
    """Rows that an index chooses, whose mean is subtracted; and a cast that is added."""
    table = np.random.default_rng(3).standard_normal((9, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "i"], ["rows"], "rows"),
        helper.make_node("Cast", ["n"], ["f"], "cast", to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["rows"], ["mean"], "mean", axes=[-1], keepdims=1),
        helper.make_node("Sub", ["rows", "mean"], ["apart"], "apart"),
        helper.make_node("Mul", ["apart", "f"], ["y"], "scaled"),
    ]
    of = helper.make_tensor_value_info
    inputs = [of("i", TensorProto.INT64, [3]), of("n", TensorProto.INT64, [3, 8])]
    y = of("y", TensorProto.FLOAT, [3, 8])
    weights = [numpy_helper.from_array(table, "table")]
    graph = helper.make_graph(nodes, "graph", inputs, [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def named(model: Path) -> Failure:
    failure = bisect(model, OPTIONS, is_thorough=False).failure
    assert failure is not None
    return failure


def test_an_instruction_of_the_reference_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its numbers are met by a sum, which is right."""
    before = Gather.rows

    def rows(self: Gather, state: Any, operand: Any) -> Rows:
        base, *rest = before(self, state, operand)
        return Rows(base + 4, *rest)

    monkeypatch.setattr(Gather, "rows", rows)
    failure = named(save(tmp_path))
    assert (failure.where, failure.operation) == ("interpreter", "gather"), str(failure)


def test_a_result_that_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What reads it is the first that cannot be run."""

    def cast(s: selection.Selection, _: ops.CastOp, extents: Any, o: list[Any]) -> None:
        s.emit(Cast, extents, dst=replace(o[0], base=o[1].base), a=o[1])

    monkeypatch.setitem(selection.SELECT, ops.CastOp, cast)
    failure = named(save(tmp_path))
    place = failure.where, failure.operation, failure.nodes
    assert place == ("convert-lpu-mem-to-lpu-isa", "lpu_mem.cast", ("cast",)), str(failure)
    assert "nothing is written" in failure.message


def test_an_operation_on_buffers_that_writes_too_little(monkeypatch: pytest.MonkeyPatch):
    """What reads the rest meets what nobody wrote, and the run breaks off there."""
    right = MemBuilder.data

    def data(self: MemBuilder, cls: type[ops.DataOp], extents: Any, *given: Any, **named: Any):
        if cls is ops.VecmatOp:
            extents = (*extents[:-1], extents[-1] - Affine(1))
        return right(self, cls, extents, *given, **named)

    monkeypatch.setattr(MemBuilder, "data", data)
    ((_, found),) = judged([ConvertLpuToLpuMemPass()])
    assert found is not None
    assert (found.operation, found.names) == ("lpu.matmul", ("product",))


@pytest.mark.parametrize("is_wrong_before", [False, True])
def test_a_bug_of_the_judge_shows(
    is_wrong_before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also where it looks for what was wrong before a pass broke off."""
    model = save(tmp_path)

    def broken(*_: object) -> None:
        raise KeyError("nothing is done")

    monkeypatch.setattr(LpuMemTilePass, "rewrite", broken)
    assert named(model).where == "lpu-mem-tile"
    if is_wrong_before:
        monkeypatch.setattr(Cases, "call", None)  # calls cannot be made
        assert named(model).where == "lpu-mem-tile"
    else:

        def mistaken(*_: object) -> None:
            raise KeyError("the judge")

        monkeypatch.setattr("lpuc.diagnosis.search.takes", mistaken)
        with pytest.raises(KeyError, match="the judge"):
            named(model)


def test_time_that_is_over_is_no_error_of_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Operators of the reference may raise anything, which is refused; this is none of it."""
    model = save(tmp_path)
    monkeypatch.setattr(LpuMemTilePass, "rewrite", lambda *_: 1 // 0)
    monkeypatch.setattr("lpuc.diagnosis.earlier.SECONDS", 0.2)

    def spin(*_: object, **__: object) -> None:
        while True:
            pass

    monkeypatch.setattr("dialects.onnx.semantics._by_reference", spin)
    failure = named(model)
    assert (failure.kind, failure.where) == ("crash", "lpu-mem-tile")
