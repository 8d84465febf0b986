"""Planted faults: the first pass, or what else is to blame, the operation and its ONNX node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import VerifyException

import runtime.ring.checks.compile as checks
from dialects.affine import Affine
from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.bisection import Bisection, bisect
from lpuc.diagnosis.failure import UNKNOWN
from lpuc.diagnosis.judging import machine
from lpuc.diagnosis.judging.mem import contents
from lpuc.diagnosis.judging.snapshots import Snapshot, Step
from lpuc.diagnosis.search import Search
from lpuc.errors import MISMATCH, USAGE
from lpuc.levels import instructions
from passes.analysis.levels import level_of
from passes.lpu_isa.describe_code import LpuIsaDescribeCodePass
from passes.lpu_isa.hoist_streams import LpuIsaHoistStreamsPass
from passes.lpu_mem.tile import LpuMemTilePass
from passes.onnx.operators import elementwise
from passes.onnx.roles import binding
from passes.rewriting.build import Build
from runtime.device.device import Device
from runtime.errors import Invalid
from runtime.program.program import Program
from runtime.ring.checks.compile import Rule, Unproved
from runtime.run import host_io
from runtime.run.host_io import HostIO
from tests.e2e.committed import ONE
from tests.planted import (
    off_in_lpu,
    off_in_mem,
    off_in_onnx,
    off_in_program,
    off_on_the_fast_path,
)
from tests.unit.levels.models import save_product

OPTIONS = CompileOptions("lpu-tiny", "f32")
ALLOCATE = "lpu-isa-allocate-registers"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_product(tmp_path_factory.mktemp("faults"))


def searched(model: Path) -> Bisection:
    return bisect(model, OPTIONS, is_thorough=False)


def test_without_a_fault_nothing_is_named(model: Path):
    found = searched(model)
    assert found.failure is None
    assert found.cases


@pytest.mark.parametrize(
    ("plant", "where", "operation", "node"),
    [
        (off_in_onnx, "semantics of onnx", "onnx.Sub", "less"),
        (off_in_lpu, "semantics of lpu", "lpu.map", "less"),
        (off_in_mem, "semantics of mem", "lpu_mem.map", "less"),
        (off_in_program, "interpreter", "map2", "less"),
        (off_on_the_fast_path, "interpreter", "map2", "less"),
    ],
)
def test_what_runs_a_level_is_told_from_a_pass(
    plant: Callable[[pytest.MonkeyPatch], None],
    where: str,
    operation: str,
    node: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    plant(monkeypatch)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("numbers", where)
    assert (failure.operation, failure.nodes) == (operation, (node,))


def test_a_conversion_that_swaps_operands(model: Path, monkeypatch: pytest.MonkeyPatch):
    before = Build.map

    def swapped(self: Build, fn: str, *sources: Any) -> Any:
        return before(self, fn, *(sources[::-1] if fn == "sub" else sources))

    monkeypatch.setattr(elementwise.Build, "map", swapped)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("numbers", "convert-onnx-to-lpu")
    assert (failure.operation, failure.nodes) == ("lpu.map", ("less",))


def test_inputs_of_which_none_can_be_made_are_those_of_the_pass_that_says_them(
    monkeypatch: pytest.MonkeyPatch,
):
    """A mask that is shorter than the cache by more than the tokens."""
    before = binding._bind

    def shorter(one: Any, tensors: Any, extents: Any) -> None:
        lengths = [e and (e - Affine(2) if e.terms else e) for e in extents]
        before(one, tensors, lengths)

    monkeypatch.setattr(binding, "_bind", shorter)
    options = replace(OPTIONS, max_context=8, prompt_chunk=0)
    failure = bisect(ONE, options, is_thorough=False).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("crash", "onnx-bind-roles")
    assert "negative dimensions" in failure.message


def test_an_importer_that_reads_other_weights(model: Path, monkeypatch: pytest.MonkeyPatch):
    from lpuc.onnx_import import tensors

    before = tensors.small

    def backwards(data: bytes, *given: Any) -> Any:
        return before(np.frombuffer(data, np.float32)[::-1].tobytes(), *given)

    monkeypatch.setattr(tensors, "small", backwards)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("numbers", "importer")


@pytest.mark.parametrize("broken", ["inputs", "outputs", "register"])
def test_the_host_is_told_from_the_first_pass_on_instructions(
    broken: str, model: Path, monkeypatch: pytest.MonkeyPatch
):
    """All that runs instructions goes through the same host."""
    write, read, restart = host_io._write, HostIO._read, Device.restart

    def forgotten(self: Device) -> None:
        restart(self)
        self.registers[0] = 1

    if broken == "inputs":
        monkeypatch.setattr(host_io, "_write", lambda d, p, a, value: write(d, p, a, value[::-1]))
    elif broken == "outputs":
        monkeypatch.setattr(HostIO, "_read", lambda self, port: read(self, port)[::-1])
    else:
        monkeypatch.setattr(Device, "restart", forgotten)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where, failure.operation) == ("numbers", "interpreter", None)
    said = {"inputs": "input 'x'", "outputs": "output 'y'", "register": "register 0"}[broken]
    assert failure.message.startswith(said)


@pytest.mark.parametrize(
    ("proved", "where"), [(0, UNKNOWN), (1, "lpu-isa-hoist-streams"), (9, ALLOCATE)]
)
def test_what_is_not_proved_is_blamed_on_a_pass_only_if_it_was_proved_before(
    proved: int, where: str, model: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(program: Program) -> Program:
        raise Unproved(Rule.CONTENT, "store at pc 3", (3,), ("product",))

    monkeypatch.setattr(checks, "proved", refused)
    known = iter([None] * proved)
    monkeypatch.setattr(
        machine, "prove", lambda code: None if next(known, 1) is None else refused(code)
    )
    failure = bisect(model, replace(OPTIONS, devices=2), is_thorough=False).failure
    assert failure is not None
    assert (failure.kind, failure.where, failure.nodes) == ("refusal", where, ("product",))
    assert "not proved for several devices" in failure.message


def test_where_the_code_is_what_it_was_the_description_of_its_function_is_at_fault():
    before, after = (Snapshot.of(ModuleOp([]), "lpu_isa") for _ in range(2))
    step = Step(LpuIsaDescribeCodePass(), before, after, {})
    error = Unproved(Rule.MEANT, "from li at pc 0 on", (0,), ("product",))
    failure = machine.unproved([step], step, error)
    assert (failure.where, failure.operation) == ("lpu-isa-describe-code", "func.func")


def test_instructions_that_the_machine_refuses_are_a_failure(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    """Not an exception of the search, which looks at them again to find the operation."""

    def refused(module: Any, folder: Path) -> Program:
        raise Invalid("the body of loop at pc 3 writes its counter r3")

    for user in (instructions, contents):
        monkeypatch.setattr(user, "executable", refused)
    monkeypatch.setattr(Search, "fast", refused)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("refusal", "convert-lpu-mem-to-lpu-isa")
    assert "writes its counter" in failure.message


def test_it_says_when_no_pass_departs_though_the_program_is_wrong(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    before = Build.map

    def swapped(self: Build, fn: str, *sources: Any) -> Any:
        return before(self, fn, *(sources[::-1] if fn == "sub" else sources))

    monkeypatch.setattr(elementwise.Build, "map", swapped)
    monkeypatch.setattr(Search, "passes", lambda *_: None)
    monkeypatch.setattr(Search, "machine", lambda *_: None)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("numbers", UNKNOWN)


@pytest.mark.parametrize("broken", [LpuMemTilePass, LpuIsaHoistStreamsPass])
def test_a_pass_that_crashes(broken: Any, model: Path, monkeypatch: pytest.MonkeyPatch):
    def crash(self: Any, module: Any) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(broken, "rewrite", crash)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("crash", broken.name)
    assert "gone" in failure.message


def test_a_rule_of_xdsl_is_broken_by_the_first_pass_behind_which_it_is(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its verifiers are asked where a level ends: some passes later."""

    def verify(self: ModuleOp, *_: Any, **__: Any) -> None:
        if level_of(self) == "lpu_mem":
            raise VerifyException("no buffers, please")

    monkeypatch.setattr(ModuleOp, "verify", verify)
    failure = searched(model).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("verifier", "convert-lpu-to-lpu-mem")


def test_passes_behind_a_dump_are_judged_by_it(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    dump = tmp_path / "dump"
    options = ("--target", "lpu-tiny", "--precision", "f32")
    command = ["compile", str(model), "-o", str(tmp_path / "x.lpu"), "--dump-ir", str(dump)]
    assert invoke([*command, *options]) == 0
    (imported,) = dump.glob("*-onnx-resolve-shapes.mlir")
    (lowered,) = dump.glob("*-convert-onnx-to-lpu.mlir")
    assert invoke(["bisect", str(lowered)]) == 0
    assert invoke(["bisect", str(lowered), "--precision", "f16"]) == USAGE
    assert "--precision is for models" in capsys.readouterr().err
    before = Build.map

    def swapped(self: Build, fn: str, *sources: Any) -> Any:
        return before(self, fn, *(sources[::-1] if fn == "sub" else sources))

    monkeypatch.setattr(elementwise.Build, "map", swapped)
    capsys.readouterr()
    assert invoke(["bisect", str(lowered)]) == 0
    assert invoke(["bisect", str(imported)]) == MISMATCH
    shown = capsys.readouterr().out
    assert "where       convert-onnx-to-lpu" in shown
    assert "ONNX nodes  less" in shown


def test_the_command_says_what_it_found(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    command = ["bisect", str(model), "--target", "lpu-tiny", "--precision", "f32", "--quick"]
    assert invoke(command) == 0
    assert "nothing departs" in capsys.readouterr().out
    off_in_mem(monkeypatch)
    assert invoke(command) == MISMATCH
    shown = capsys.readouterr().out
    assert "where       semantics of mem" in shown
    assert "operation   lpu_mem.map" in shown
    assert "ONNX nodes  less" in shown
