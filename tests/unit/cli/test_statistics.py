"""What passes are counted to change is what they change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.watching.statistics import Statistics
from tests.unit.cli.conftest import MODEL


@pytest.fixture(scope="module")
def statistics() -> list[Statistics]:
    options = CompileOptions(max_context=16, devices=2)
    watching = Instrumentation(Watch(statistics=True))
    lower(load_module(MODEL, options), options, "isa", watching)
    return watching.statistics


def test_what_is_inserted_and_erased_is_what_there_is_more_or_less(statistics: list[Statistics]):
    """Nothing changes IR past the kernel, and the kernel counts all of it."""
    for one in statistics:
        if one.tally is not None:
            more = sum(one.after.values()) - sum(one.before.values())
            assert one.tally.inserted - one.tally.erased == more, one.name


def test_passes_that_change_something_are_counted(statistics: list[Statistics]):
    found = {one.name: one.tally for one in statistics if one.tally is not None}
    replaced, moved = found["lpu-raise-norm"].replaced, found["lpu-isa-hoist-streams"].moved
    changed, erased = found["lpu-mem-promote"].changed, found["lpu-drop-dead"].erased
    assert min(replaced, moved, changed, erased) > 0
    assert found["onnx-check-operators"].inserted == 0


@pytest.mark.parametrize("option", ["--pass-statistics", "--mlir-pass-statistics"])
def test_the_table_shows_counts_and_dialects(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path, kind = tmp_path / "x.mlir", "!lpu.tensor<[2], f32>"
    path.write_text(
        f'func.func @f(%x : {kind}) {{ %0 = lpu.map "neg" %x : {kind} -> {kind} func.return }}'
    )
    assert invoke(["opt", str(path), "-p", "lpu-drop-dead,dce", option]) == 0
    head, ours, other = capsys.readouterr().err.splitlines()
    assert head.split()[:6] == ["pass", "inserted", "erased", "replaced", "moved", "changed"]
    expected = r"lpu-drop-dead +0 +1 +0 +0 +0  builtin 1, func 2, lpu 1 -> 0"
    assert re.fullmatch(expected, ours)
    assert re.fullmatch(r"dce +- +- +- +- +-  builtin 1, func 2", other)


@pytest.mark.parametrize("option", ["--time-passes", "--mlir-timing"])
def test_times_are_shown(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.mlir"
    path.write_text("builtin.module {}")
    assert invoke(["opt", str(path), "-p", "dce", option]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["pass", "dce", "total"]
