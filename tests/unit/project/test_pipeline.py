"""The default pipeline has the order its passes ask for; a user's that cannot work is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from dialects.errors import CompileError
from lpuc.compiler.pipeline import (
    LEVELS,
    PIPELINE,
    available_passes,
    check_pipeline,
    faults,
    make_context,
    parse_passes,
    pipeline_of,
    stages_until,
)
from lpuc.errors import UsageError
from passes import PASS_NAMES, load_pass
from passes.analysis.levels import dialects_of
from passes.specification import (
    BELONGS,
    EXACT,
    FACTS,
    Numbers,
    Specification,
    specification_of,
)
from tests.lit_runner import LitFailure, run_lit

NAMES = [name for stage in PIPELINE for name in stage.passes]
SEVERAL = [name for stage in pipeline_of(4) for name in stage.passes]
TEXTS = {
    "onnx": "%y = onnx.Relu(%x) {since_version = 14 : i64}"
            " : (!lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32>",
    "lpu": '%y = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>',
    "lpu_esl": "%y = lpu_esl.all_gather %x"
               " : !lpu.tensor<[2], f32> -> !lpu.tensor<[4, 2], f32>",
    "lpu_mem": "%y = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 2>",
    "lpu_isa": "lpu_isa.halt",
}  # fmt: skip


def module_of(level: str) -> ModuleOp:
    text = f"func.func @step(%x : !lpu.tensor<[2], f32>) {{\n{TEXTS[level]}\nfunc.return\n}}"
    return Parser(make_context(), text).parse_module()


def test_each_pass_finds_what_it_needs_and_comes_after():
    assert list(faults(NAMES)) == []
    assert list(faults(SEVERAL)) == []


@pytest.mark.parametrize("index", range(len(NAMES)))
def test_a_pass_that_is_left_out_is_missed(index: int):
    """But for one that stands twice, and where nobody asks for what it gives."""
    left = [*NAMES[:index], *NAMES[index + 1 :]]
    given = {fact for fact in _given(NAMES[index]) if _is_read(fact)}
    assert list(faults(left)) or not given or NAMES[index] in left


def _given(name: str) -> tuple[str, ...]:
    spec = specification_of(available_passes()[name]())
    assert spec is not None
    return spec.gives


def _is_read(fact: str) -> bool:
    specs = [specification_of(available_passes()[name]()) for name in NAMES]
    return any(fact in {*spec.needs, *spec.after} for spec in specs if spec is not None)


def test_raising_needs_that_dead_readers_are_gone():
    last = len(NAMES) - 1 - NAMES[::-1].index("lpu-drop-dead")
    left = [*NAMES[:last], *NAMES[last + 1 :]]
    assert any("'lpu-raise-norm' comes after live" in fault for fault in faults(left))


def test_a_fact_that_a_later_pass_spoils_does_not_hold():
    names = [*NAMES]
    names.remove("lpu-cache-to-state")
    names.insert(names.index("lpu-drop-dead"), "lpu-cache-to-state")
    assert any("'lpu-cache-to-state' comes after" in fault for fault in faults(names))


@pytest.mark.parametrize("name", sorted({*NAMES, *PASS_NAMES}))
def test_every_pass_says_what_it_is(name: str):
    cls = available_passes()[name]()
    assert cls.name == name
    assert isinstance(specification_of(cls), Specification)


def test_facts_are_established_at_the_level_that_they_name():
    for name in PASS_NAMES:
        spec = specification_of(load_pass(name))
        assert spec is not None
        assert {FACTS[fact][0] for fact in spec.gives} <= {spec.level, spec.to}, name


def test_every_fact_has_a_giver():
    assert {fact for name in SEVERAL for fact in _given(name)} == set(FACTS)


def test_raising_rounds_nothing():
    raising = [name for name in PASS_NAMES if name.startswith("lpu-raise-")]
    changes = {load_pass(name).specification.numbers.change for name in raising}  # pyright: ignore
    assert changes <= {"exact", "re-associates"}


def test_a_change_of_numbers_has_a_bound():
    with pytest.raises(AssertionError, match="a change has a bound"):
        Numbers("rounds")
    with pytest.raises(AssertionError, match="no such facts"):
        Specification(level=None, gives=("peace",), numbers=EXACT)


@pytest.mark.parametrize(
    ("text", "level", "ends", "message"),
    [
        ("lpu-mem-tile", "onnx", (),
         "'lpu-mem-tile' works on level lpu_mem, and this is level onnx; "
         "'convert-lpu-to-lpu-mem' leads there"),
        ("convert-lpu-to-lpu-mem,lpu-drop-dead", None, (),
         "'lpu-drop-dead' works on level lpu, and this is level lpu_mem"),
        ("onnx-bind-roles,convert-onnx-to-lpu", "onnx", (),
         "'convert-onnx-to-lpu' needs that every extent is affine in the symbols; "
         "'onnx-resolve-shapes' sees to it"),
        ("convert-lpu-to-lpu-mem,lpu-mem-allocate", None, (), "'lpu-mem-tile' sees to it"),
        ("onnx-check-operators", "onnx", ("registers",),
         "a program needs that every register is one"),
    ],
)  # fmt: skip
def test_a_pipeline_that_cannot_work_is_refused(
    text: str, level: str | None, ends: tuple[str, ...], message: str
):
    with pytest.raises(UsageError, match=message):
        check_pipeline(parse_passes(text), level, ends)


@pytest.mark.parametrize("text", ["lpu-mem-allocate", "lpu-raise-norm,canonicalize,cse", ""])
def test_a_pipeline_that_may_work_is_not(text: str):
    check_pipeline(parse_passes(text))


def test_the_default_pipeline_makes_a_program():
    check_pipeline(parse_passes(",".join(NAMES)), "onnx", ["registers"])


@pytest.mark.parametrize("level", TEXTS)
def test_the_level_of_ir_is_seen(level: str):
    assert dialects_of(module_of(level)) == {level}


@pytest.mark.parametrize("name", [name for name in PASS_NAMES if name != "verify"])
def test_a_pass_refuses_ir_of_another_level(name: str):
    cls = load_pass(name)
    takes = specification_of(cls)
    for level in TEXTS:
        taken = () if takes is None else (str(takes.level), *takes.takes)
        if not any(level in BELONGS[one] for one in taken):
            with pytest.raises(CompileError, match=f"'{name}' works on level {taken[0]}"):
                cls().apply(Context(), module_of(level))


def test_what_is_left_of_a_model_may_be_of_the_next_level():
    for name in ("onnx-check-operators", "convert-onnx-to-lpu"):
        load_pass(name)().apply(Context(), module_of("lpu"))


def test_stock_tools_refuse_it_too(tmp_path: Path):
    file = tmp_path / "wrong.mlir"
    text = 'func.func @f(%x : !lpu.tensor<[2], f32>) {\n%y = lpu.map "exp" %x : '
    text += "!lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>\nfunc.return\n}\n"
    file.write_text(f"// RUN: xdsl-opt %s -p lpu-mem-tile\n{text}")
    with pytest.raises(LitFailure, match="'lpu-mem-tile' works on level lpu_mem"):
        run_lit(file)


def test_extents_without_bounds_are_refused_before_buffers_are_made():
    text = 'func.func @f(%x : !lpu.tensor<[n], f32>) {\n%y = lpu.map "exp" %x : '
    text += "!lpu.tensor<[n], f32> -> !lpu.tensor<[n], f32>\nfunc.return\n}\n"
    module = Parser(make_context(), text).parse_module()
    with pytest.raises(CompileError, match="the symbol 'n' has no bounds"):
        load_pass("convert-lpu-to-lpu-mem")().apply(Context(), module)


def test_buffers_without_addresses_make_no_instructions():
    with pytest.raises(CompileError, match="buffers have no addresses"):
        load_pass("convert-lpu-mem-to-lpu-isa")().apply(Context(), module_of("lpu_mem"))


def test_a_level_is_reached_through_those_above():
    assert [stage.level for stage in stages_until("mem")] == ["onnx", "lpu", "mem"]
    assert [stage.level for stage in stages_until("mem", 4)] == list(LEVELS[:4])


def test_one_device_has_no_level_of_several():
    with pytest.raises(UsageError, match="level 'esl' is one of several devices"):
        stages_until("esl")


def test_products_of_several_devices_are_merged_when_they_are_in_parts():
    assert SEVERAL.count("lpu-merge-matmuls") == 1
    lpu, esl = (stage for stage in pipeline_of(4) if stage.level in ("lpu", "esl"))
    assert "lpu-merge-matmuls" in {*esl.passes} - {*lpu.passes}


def test_a_pipeline_prints_as_it_is_read():
    text = "cse,dce"
    assert ",".join(str(one.spec()) for one in parse_passes(text)) == text
