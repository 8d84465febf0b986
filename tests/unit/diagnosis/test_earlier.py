"""A pass that breaks off on what something before it has made wrong is not the one to name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp

from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.bisection import bisect
from lpuc.diagnosis.failure import Failure
from lpuc.diagnosis.of_ir import bisect_ir
from lpuc.errors import INTERNAL
from passes.lpu_esl import insert_sync
from passes.lpu_mem.tile import LpuMemTilePass
from passes.onnx.bind_roles import OnnxBindRolesPass
from passes.onnx.operators import elementwise
from passes.rewriting.build import Build
from runtime.order.deadlock import Flow
from runtime.program import bounds
from tests.planted import off_in_onnx
from tests.unit.levels.models import save_product

OPTIONS = CompileOptions("lpu-tiny", "f32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_product(tmp_path_factory.mktemp("earlier"))


def broken(_: Any, module: ModuleOp) -> None:
    raise KeyError("nothing is done")


def swapped(patch: pytest.MonkeyPatch) -> None:
    """Let the first conversion take operands of differences the other way round."""
    before = Build.map

    def other_way(self: Build, fn: str, *sources: Any) -> Any:
        return before(self, fn, *(sources[::-1] if fn == "sub" else sources))

    patch.setattr(elementwise.Build, "map", other_way)


def searched(model: Path, options: CompileOptions = OPTIONS) -> Failure:
    failure = bisect(model, options, is_thorough=False).failure
    assert failure is not None
    return failure


def test_numbers_that_were_wrong_before_are_named(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LpuMemTilePass, "rewrite", broken)
    failure = searched(model)
    assert (failure.kind, failure.where) == ("crash", "lpu-mem-tile")
    swapped(monkeypatch)
    failure = searched(model)
    assert (failure.kind, failure.where) == ("numbers", "convert-onnx-to-lpu")


def test_behind_a_dump_too(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dump = tmp_path / "dump"
    command = ["compile", str(model), "-o", str(tmp_path / "x.lpu"), "--dump-ir", str(dump)]
    monkeypatch.setattr(LpuMemTilePass, "rewrite", broken)
    assert invoke([*command, "--target", "lpu-tiny", "--precision", "f32"]) == INTERNAL
    (resolved,) = dump.glob("*-onnx-resolve-shapes.mlir")
    failure = bisect_ir(resolved.read_text(), resolved).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("crash", "lpu-mem-tile")
    swapped(monkeypatch)
    failure = bisect_ir(resolved.read_text(), resolved).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("numbers", "convert-onnx-to-lpu")


def test_a_pass_that_leaves_what_it_is_to_remove_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """
    The pass behind it has no form for what is left, and refuses it.

    Of two products, columns of the first are rows of the second, and what is between is needed
    whole.
    """
    numbers = np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "m"], ["h"], "first"),
        helper.make_node("Softmax", ["h"], ["p"], "softmax"),
        helper.make_node("MatMul", ["p", "m"], ["y"], "second"),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 64]) for n in "xy")
    graph = helper.make_graph(nodes, "graph", [x], [y], [numpy_helper.from_array(numbers, "m")])
    model = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), str(model))
    monkeypatch.setattr(insert_sync, "insert_sync", lambda op: None)
    failure = searched(model, replace(OPTIONS, devices=2))
    assert (failure.kind, failure.where) == ("verifier", "lpu-esl-insert-sync")
    assert "left by 'lpu-esl-insert-sync'" in failure.message


def test_a_level_that_is_wrong_is_told_from_the_pass_that_breaks_off(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    """Before roles are bound a model is called as its file declares it."""

    monkeypatch.setattr(OnnxBindRolesPass, "rewrite", broken)
    failure = searched(model)
    assert (failure.kind, failure.where) == ("crash", "onnx-bind-roles")
    off_in_onnx(monkeypatch)
    failure = searched(model)
    assert (failure.kind, failure.where) == ("numbers", "semantics of onnx")
    assert failure.nodes == ("less",)


def test_what_breaks_while_a_program_is_made_is_the_encoders(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What it asks may be a part of the machine that others ask, too; behind a dump as well."""
    dump = tmp_path / "dump"
    words = ("--target", "lpu-tiny", "--precision", "f32", "--dump-ir", str(dump))
    assert invoke(["compile", str(model), "-o", str(tmp_path / "x.lpu"), *words]) == 0
    last = sorted(dump.glob("*.mlir"))[-2]
    monkeypatch.setattr(
        bounds, "Flow", lambda names, sizes, _, *rest: Flow(names, sizes, {}, *rest)
    )
    failure = searched(model)
    assert failure.where == "encoder", str(failure)
    behind = bisect_ir(last.read_text(), last).failure
    assert behind is not None
    assert behind.where == "encoder", str(behind)
