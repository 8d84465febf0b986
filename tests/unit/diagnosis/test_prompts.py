"""A fault in `prompt_chunk` alone, which no step and no `generate` shows, is named by its pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from dialects.affine import Affine
from dialects.lpu_isa.code import CodeAttr
from dialects.lpu_isa.ops import IsaOp
from dialects.lpu_mem.ops import MapOp
from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.bisection import bisect
from lpuc.errors import INTERNAL, MISMATCH
from passes.lpu import derive_chunk
from passes.lpu_isa.hoist_streams import LpuIsaHoistStreamsPass
from passes.lpu_mem.tile import LpuMemTilePass
from runtime.isa.instructions.vector import Map2
from runtime.program.interface_json import CHUNK

TINY = ("--target", "lpu-tiny", "--precision", "f32", "--max-context", "16", "--prompt-chunk", "4")
OPTIONS = CompileOptions("lpu-tiny", "f32", max_context=16, prompt_chunk=4)
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder of one layer: a chunk of it is judged in half the time."""
    path = tmp_path_factory.mktemp("decoder") / "model.onnx"
    write_decoder(path, replace(SHAPES["llama-tiny"], layers=1))
    return path


def other_positions(patch: Patch) -> None:
    """Tokens of a chunk are told that they come one later, and nobody asks whether that is so."""
    right = derive_chunk._given  # pyright: ignore[reportPrivateUsage]

    def given(value: BlockArgument, role: str, past: Affine) -> None:
        right(value, role, past + 1 if role == "positions" else past)

    patch.setattr(derive_chunk, "_given", given)
    patch.setattr(derive_chunk, "check", lambda *_: None)


def behind(patch: Patch, one: type[Any], change: Callable[[Operation], bool]) -> None:
    """Behind a pass the first operation of a chunk that a change takes is another one."""
    right = one.rewrite

    def rewrite(self: Any, module: ModuleOp) -> None:
        right(self, module)
        found = [op for op in module.walk() if _is_in_chunk(op)]
        assert any(map(change, found))

    patch.setattr(one, "rewrite", rewrite)


def _is_in_chunk(op: Operation) -> bool:
    parent: Operation | None = op
    while parent is not None and not isinstance(parent, FuncOp):
        parent = parent.parent_op()
    return parent is not None and parent.sym_name.data == CHUNK


def other_function_of_buffers(patch: Patch) -> None:
    def change(op: Operation) -> bool:
        is_sum = isinstance(op, MapOp) and op.fn.data == "add"
        if is_sum:
            op.properties["fn"] = StringAttr("sub")
        return is_sum

    behind(patch, LpuMemTilePass, change)


def other_function_of_an_instruction(patch: Patch) -> None:
    def change(op: Operation) -> bool:
        code = op.code.data if isinstance(op, IsaOp) else None
        if code is None or code.inst is not Map2 or code.values[0] != "mul":
            return False
        op.properties["code"] = CodeAttr(replace(code, values=("add", *code.values[1:])))
        return True

    behind(patch, LpuIsaHoistStreamsPass, change)


FAULTS = [
    (other_positions, "lpu-derive-chunk", "lpu.reshape"),
    (other_function_of_buffers, "lpu-mem-tile", "lpu_mem.map"),
    (other_function_of_an_instruction, "lpu-isa-hoist-streams", "map2"),
]
WATCHED = [
    pytest.param(*fault, marks=pytest.mark.slow if n % 2 == 0 else ())
    for n, fault in enumerate(FAULTS)
]
"""Those that `bisect` is not asked for are not slow."""


def test_without_a_fault_a_chunk_is_judged_and_nothing_is_named(model: Path):
    found = bisect(model, OPTIONS, is_thorough=False)
    assert found.failure is None and "a chunk" in found.cases


@pytest.mark.parametrize(("plant", "where", "operation"), FAULTS[::2])
def test_bisect_names_pass_and_operation(
    plant: Callable[[Patch], None], where: str, operation: str, monkeypatch: Patch, model: Path
):
    plant(monkeypatch)
    found = bisect(model, OPTIONS, is_thorough=False)
    assert found.failure is not None and found.case == "a chunk"
    assert (found.failure.kind, found.failure.where) == ("numbers", where)
    assert found.failure.operation == operation and found.failure.nodes


@pytest.mark.parametrize(("plant", "where", "operation"), WATCHED)
def test_so_does_check_numerics(
    plant: Callable[[Patch], None],
    where: str,
    operation: str,
    monkeypatch: Patch,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    plant(monkeypatch)
    command = ["compile", str(model), "-o", str(tmp_path / "out.lpu"), *TINY, "--check-numerics"]
    assert invoke([*command, "--reproducer", str(tmp_path / "r.mlir")]) == INTERNAL
    shown = capsys.readouterr().err
    assert f"pass '{where}'" in shown and operation in shown


@pytest.mark.parametrize(
    "name", [pytest.param("lpu-raise-attention", marks=pytest.mark.slow), "lpu-mem-promote"]
)
def test_from_a_dump_of_any_level_on(
    name: str, monkeypatch: Patch, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    dump = ["compile", str(model), "-o", str(tmp_path / "out.lpu"), *TINY]
    assert invoke([*dump, "--dump-ir", str(tmp_path / "dump")]) == 0
    capsys.readouterr()
    other_function_of_buffers(monkeypatch)
    (file,) = (tmp_path / "dump").glob(f"*{name}.mlir")
    assert invoke(["bisect", str(file)]) == MISMATCH
    shown = capsys.readouterr().out
    assert "lpu-mem-tile" in shown and "a chunk" in shown
