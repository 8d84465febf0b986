"""Planted faults: `verify` names the column that is off, first of all where it begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialects.lpu_mem import kernels
from dialects.lpu_mem.ops import MapOp as MemMapOp
from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.errors import MISMATCH
from lpuc.onnx_import import tensors
from lpuc.verification import judgement
from lpuc.verification.verified import Verification, verified
from passes.lpu.generation import loops
from passes.lpu_mem.tile import LpuMemTilePass
from passes.onnx.operators import elementwise
from passes.rewriting.build import Build
from runtime.isa.instructions.vector import Map2
from runtime.traps import Trap, TrapKind
from tests.planted import (
    OFF,
    off_in_lpu,
    off_in_mem,
    off_in_onnx,
    off_in_program,
    off_on_the_fast_path,
)
from tests.unit.levels.models import save_product

LEVELS = ("onnx", "lpu", "mem", "program", "fast")
SAMPLE = Path(__file__).parents[3] / "samples/exports/llama.onnx"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_product(tmp_path_factory.mktemp("faults"))


def judged(model: Path) -> Verification:
    return verified(model, CompileOptions("lpu-tiny", "f32"), None, 0)


def named(found: Verification) -> list[str]:
    """The levels that are off, in the order in which they are named."""
    return [level for _, level in found.mismatches]


@pytest.mark.parametrize(
    ("plant", "level"),
    [
        (off_in_onnx, "onnx"),
        (off_in_lpu, "lpu"),
        (off_in_mem, "mem"),
        (off_in_program, "program"),
        (off_on_the_fast_path, "fast"),
    ],
)
def test_wrong_semantics_of_one_level_are_off_there_alone(
    plant: Callable[[pytest.MonkeyPatch], None],
    level: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    plant(monkeypatch)
    found = judged(model)
    assert named(found) == [level]
    assert OFF / 10 < found.table["y"][level] < 100 * OFF


def test_without_a_fault_nothing_is_named(model: Path):
    found = judged(model)
    assert found.is_right
    assert tuple(found.table["y"]) == LEVELS
    assert max(found.table["y"].values()) < 5e-6


def test_a_conversion_that_swaps_operands_is_off_from_its_level_on(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    before = Build.map

    def swapped(self: Build, fn: str, *sources: Any) -> Any:
        return before(self, fn, *(sources[::-1] if fn == "sub" else sources))

    monkeypatch.setattr(elementwise.Build, "map", swapped)
    assert named(judged(model)) == ["lpu", "mem", "program", "fast"]


def test_a_level_that_raises_has_its_own_column(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def broken(op: Any, point: Any) -> None:
        raise KeyError("no such kernel")

    monkeypatch.setitem(kernels.KERNELS, MemMapOp, broken)
    assert invoke(["verify", str(model), "--target", "lpu-tiny", "--precision", "f32"]) == MISMATCH
    shown = capsys.readouterr()
    row = next(line for line in shown.out.splitlines() if line.startswith("y "))
    assert [i for i, cell in enumerate(row.split()[1:]) if cell == "error"] == [LEVELS.index("mem")]
    expected = "crash in semantics of mem at lpu_mem.map (less): KeyError: 'no such kernel'"
    assert f"level mem: input 'random': {expected}" in shown.out
    assert "level mem breaks off, first with input 'random'" in shown.err
    assert "Traceback" not in shown.out + shown.err


def test_levels_that_break_alike_are_one_line(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def broken(self: LpuMemTilePass, module: Any) -> None:
        raise KeyError("no tile")

    monkeypatch.setattr(LpuMemTilePass, "rewrite", broken)
    assert invoke(["verify", str(model), "--target", "lpu-tiny", "--precision", "f32"]) == MISMATCH
    (line,) = (t for t in capsys.readouterr().out.splitlines() if t.startswith("level "))
    assert line.startswith("level mem, program, fast: input 'random': crash in lpu-mem-tile")


def test_a_trap_is_a_difference_of_its_path(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def trapped(self: Map2, state: Any) -> None:
        raise Trap(TrapKind.INDEX, "planted")

    monkeypatch.setattr(Map2, "execute", trapped)
    command = ["verify", str(model), "--target", "lpu-tiny", "--precision", "f32", "--json"]
    assert invoke(command) == MISMATCH
    found = json.loads(capsys.readouterr().out)
    assert found["mismatches"] == [["y", "program"]]
    assert found["table"]["y"]["program"] == "inf"
    failure = found["breakdowns"][0]["failure"]
    assert (failure["kind"], failure["where"]) == ("crash", "interpreter")
    assert (failure["operation"], failure["nodes"]) == ("map2", ["less"])


def test_levels_above_a_pass_that_breaks_are_judged_still(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from passes.lpu_mem.tile import LpuMemTilePass

    def broken(self: Any, *given: Any) -> None:
        raise IndexError("planted")

    monkeypatch.chdir(tmp_path)  # a reproducer is written
    monkeypatch.setattr(LpuMemTilePass, "apply", broken)
    found = judged(model)
    assert named(found) == ["mem", "program", "fast"]
    assert found.table["y"]["lpu"] < 5e-6
    (mem, *_) = found.breakdowns
    assert (mem.level, mem.failure.where) == ("mem", "lpu-mem-tile")
    assert mem.failure.message == "IndexError: planted"


def test_an_encoder_that_breaks_leaves_the_levels_of_ir(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    import lpuc.compiler.driver as driver

    def broken(*given: Any) -> None:
        raise IndexError("planted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(driver, "program_in_memory", broken)
    found = judged(model)
    assert named(found) == ["program", "fast"]
    assert {b.failure.where for b in found.breakdowns} == {"encoder"}


def test_a_fault_of_generate_alone_is_in_the_row_of_tokens(monkeypatch: pytest.MonkeyPatch):
    before = loops.greedy

    def least(b: Build, logits: Any) -> Any:
        return before(b, b.map("neg", logits))

    monkeypatch.setattr(loops, "greedy", least)
    found = verified(SAMPLE, CompileOptions("lpu-tiny", "f32", 16), None, 0)
    assert found.mismatches == [("tokens", n) for n in ("lpu", "mem", "program", "fast")]
    assert found.worst["tokens"]["lpu"] == "generate greedy"


def misread_small(patch: pytest.MonkeyPatch) -> None:
    """Small tensors are imported backwards."""
    before = tensors.small

    def backwards(data: bytes, *given: Any) -> Any:
        return before(np.frombuffer(data, np.float32)[::-1].tobytes(), *given)

    patch.setattr(tensors, "small", backwards)


def test_a_weight_that_the_importer_misreads_is_its_own_fault(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    misread_small(monkeypatch)
    found = judged(model)
    assert named(found) == list(LEVELS)
    (misread,) = found.breakdowns
    assert misread.failure.where == "importer"
    assert misread.failure.nodes == ("w",)


def test_a_recipe_that_is_read_wrong_leaves_level_onnx_right(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its numbers are those of the file; the breakdown says what else reads them."""
    monkeypatch.setattr(judgement, "misread", lambda module: iter(()))
    misread_small(monkeypatch)
    assert named(judged(model)) == ["lpu", "mem", "program", "fast"]
