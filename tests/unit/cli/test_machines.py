"""`lpuc targets`: machines beside each other, and what does not go together in one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpuc.cli import invoke
from lpuc.reports.machines import WITHOUT_EFFECT, differences, findings
from runtime.isa import Load, Operand, Store
from runtime.program.program import Program
from runtime.target import CHOICES, Target
from runtime.timing import predict
from runtime.traps import Trap
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled
from tests.unit.runtime.timing.random_programs import random_exchange, random_program
from tests.unit.runtime.timing.timed import F16, ONE, TWO, Timed

LPU = Target.load("lpu-4nm")


@pytest.mark.parametrize("name", Target.presets())
def test_presets_do_not_contradict_themselves(name: str) -> None:
    assert [one for one in findings(Target.load(name)) if one.contradicts] == []


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"hbm_bandwidth": 3.3e12}, None, ""),
        ({"hbm_bandwidth": 3.4e12}, "hbm_bandwidth", "deliver 3276.8 GB/s, not 3400.0"),
        ({"hbm_nbl": 4}, "hbm_bandwidth", "every 4 x 0.625 ns deliver 1638.4 GB/s"),
        ({"hbm_bank_groups": 3}, "hbm_banks", "16 is no multiple of hbm_bank_groups, 3"),
        ({"hbm_row_bytes": 1000}, "hbm_row_bytes", "1000 is no multiple of hbm_burst_bytes, 32"),
        ({"hbm_latency": 16}, "hbm_latency", "16 cycles are shorter"),
        ({"hbm_latency": 17}, None, ""),
    ],
)
def test_contradictions(changes: dict[str, Any], key: str | None, words: str) -> None:
    found = [one for one in findings(replace(LPU, **changes)) if one.contradicts]
    assert [one.key for one in found] == [key] * (key is not None)
    assert all(words in one.text for one in found)


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"mac_trees": 48}, "mac_trees", "48 is no power of two"),
        ({"fifo_bytes": 1 << 18}, "fifo_bytes", "streams run at 80% of the rate"),
        ({"clock_hz": 0.4e9}, "mac_trees", "less than the memory gives: 0.50 of it"),
        ({"hbm_nfaw": 7}, "hbm_nfaw", "less time than their bursts"),
        ({"hbm_trfc_ns": 1000.0}, "hbm_trfc_ns", "more than a quarter"),
        ({"hbm_lead": 129}, "hbm_lead", "129 bursts ahead of others, of which the FIFO holds 128"),
    ],
)
def test_what_is_odd(changes: dict[str, Any], key: str, words: str) -> None:
    usual = {(one.key, one.text) for one in findings(LPU)}
    found = [one for one in findings(replace(LPU, **changes)) if (one.key, one.text) not in usual]
    assert any(one.key == key and words in one.text for one in found)


FUNCTIONS = """
        map1.exp (@1,@1,@1,@1), f16 @0[@0,@0,@0,@0], f16 @0[@0,@0,@0,@0]
        map1.sqrt (@1,@1,@1,@1), f16 @0[@0,@0,@0,@0], f16 @0[@0,@0,@0,@0]
        map2.mul (@1,@1,@1,@1), f16 @0[@0,@0,@0,@0], f16 @0[@0,@0,@0,@0], f16 @0[@0,@0,@0,@0]
"""
DEEP = """
        stream (@1,@1,@8192,@32), f16 @16777216[@0,@0,@64,@2]
        vecmat (@1,@4,@8192,@32), f16 @4096[@0,@64,@0,@2], f16 @0[@0,@0,@0,@0], 0
"""
"""A product of rows that is deeper than the reuse buffer."""
LOOP = "li r90, 0\nhead:\nloop r90, @10, 1, head\n"


def test_entries_without_effect_are_those_that_change_no_time() -> None:
    """
    Every entry made half and twice as large, on programs that use all engines.

    Those come first that show at once what few programs show: one is enough for an entry.
    """
    programs = [*map(assembled, (FUNCTIONS, DEEP, LOOP)), one_bank(), random_exchange(7)]
    programs += [*map(random_program, range(11, -1, -1)), *map(random_exchange, range(7))]

    def time(program: Program, target: Target) -> int:
        try:
            return predict(replace(program, target=target), {}).cycles
        except Trap:
            return -1

    usual = [(program, time(program, program.target)) for program in programs]
    without = set[str]()
    for key in set(LPU.entries) - {"name", *CHOICES}:
        kind = type(getattr(LPU, key))

        def scaled(target: Target, by: float, key: str = key, kind: type = kind) -> Target:
            changed: Any = {key: kind(max(1, getattr(target, key) * by))}
            made = replace(target, **changed)
            least = made.hbm_channels * made.hbm_burst_bytes
            return replace(made, fifo_bytes=max(least, made.fifo_bytes))

        if all(time(p, scaled(p.target, by)) == cycles for p, cycles in usual for by in (0.5, 2)):
            without.add(key)
    assert without == WITHOUT_EFFECT.keys()


@pytest.mark.parametrize(("key", "words"), CHOICES.items())
def test_words_have_an_effect(key: str, words: tuple[str, ...]) -> None:
    program = one_bank()
    times = {
        predict(replace(program, target=replace(program.target, **{key: word})), {}).cycles
        for word in words
    }
    assert len(times) == len(words)


def one_bank() -> Program:
    """Elements written and read 2 MiB apart, on a machine that does not skew: rows of one bank."""
    t = Timed(replace(LPU, hbm_skew="none"))
    many, step, far = t.at(64).base, t.at(1 << 21).base, t.at(1 << 22).base
    rows, each = Operand(F16, far, (0, 0, step, 0)), (ONE, ONE, many, ONE)
    near = Operand(F16, t.at(0).base, (0, 0, TWO, 0))
    code = [Store(each, rows, near), Load(each, near, rows)]
    return t.program(code)


def test_differences_are_those_of_values() -> None:
    other = replace(LPU, entries=dict(LPU.entries))
    assert differences(LPU, other) == ()
    stack = Target.load("lpu-4nm-1stack")
    assert {one.key for one in differences(LPU, stack)} >= {"hbm_channels", "mac_trees"}


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["targets", "check", "lpu-4nm"]) == 0
    assert "no effect on times" in capsys.readouterr().out
    assert invoke(["targets", "diff", "lpu-4nm", "lpu-u55c", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["second"] == "lpu-u55c"
    assert invoke(["targets", "show", "lpu-4nm"]) == 0
    shown = capsys.readouterr().out
    assert invoke(["targets", "lpu-4nm"]) == 0
    assert capsys.readouterr().out == shown
    text = Path("runtime/targets/lpu-4nm.toml").read_text()
    odd = tmp_path / "odd.toml"
    odd.write_text(text.replace("3.2768e12", "4.0e12"))
    assert invoke(["targets", "check", str(odd)]) == 3
    assert "contradiction" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["diff", "lpu-4nm"], ["check"], ["show"], ["check", "lpu"]])
def test_what_is_no_machine(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["targets", *words]) == 2
    assert "error: " in capsys.readouterr().err
