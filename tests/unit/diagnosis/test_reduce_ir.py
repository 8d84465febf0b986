"""Failing IR is cut down to what fails, and what is left is a lit test that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import MapOp
from lpuc.compiler.located import Source
from lpuc.compiler.pipeline import parse_passes
from lpuc.diagnosis.failure import Failure
from lpuc.diagnosis.reduction.ir.operations import without_operations
from lpuc.diagnosis.reduction.ir.steps import is_right, operation_count, reduce, search_of
from lpuc.diagnosis.reduction.oracle import IrOracle
from lpuc.diagnosis.reduction.subjects import Limits, of_ir
from lpuc.diagnosis.reduction.written import lit_test
from lpuc.errors import UserError
from passes.lpu import raise_norm, raise_softmax
from passes.lpu_mem import tile
from passes.rewriting.kernel import set_operands
from tests.lit_runner import LitFailure, run_lit

T = "!lpu.tensor<[2, 8], f32>"
R = "!lpu.tensor<[2, 1], f32>"
SOFTMAX = f"""
func.func @other(%x : {T}) -> {T} {{
  func.return %x : {T}
}}
func.func @step(%x : {T}, %z : {T}) -> ({T}, {T}) attributes {{
    lpu.interface = #lpu.interface<["x" data f32, "z" data f32] -> ["y" data f32, "w" data f32]>,
    lpu.symbols = #lpu.symbols<[]>}} {{
  %a = lpu.map "neg" %x : {T} -> {T}
  %b = lpu.map "abs" %a : {T} -> {T}
  %0 = lpu.reduce "max" %b over <[1]> : {T} -> {R}
  %1 = lpu.map "sub" %b, %0 : {T}, {R} -> {T}
  %2 = lpu.map "exp" %1 : {T} -> {T}
  %3 = lpu.reduce "sum" %2 over <[1]> : {T} -> {R}
  %y = lpu.map "div" %2, %3 : {T}, {R} -> {T}
  %c = lpu.map "mul" %y, %z : {T}, {T} -> {T}
  %d = lpu.for "l" to <3>(%c : {T}) -> {T} {{
  ^bb0(%e : {T}):
    %f = lpu.map "add" %e, %z : {T}, {T} -> {T}
    lpu.yield %f : {T}
  }}
  %g = lpu.map "tanh" %d : {T} -> {T}
  func.return %g, %z : {T}, {T}
}}
"""
PASS = "lpu-raise-softmax"
S = "!lpu.tensor<[], f32>"
NORM = f"""
func.func @step(%x : {T}, %z : {T}) -> {T} {{
  %n = lpu.fill "00000041" : {S}
  %e = lpu.fill "acc52737" : {S}
  %a = lpu.map "add" %x, %z : {T}, {T} -> {T}
  %b = lpu.map "mul" %a, %a : {T}, {T} -> {T}
  %s = lpu.reduce "sum" %b over <[1]> : {T} -> {R}
  %m = lpu.map "div" %s, %n : {R}, {S} -> {R}
  %f = lpu.map "add" %m, %e : {R}, {S} -> {R}
  %q = lpu.map "sqrt" %f : {R} -> {R}
  %y = lpu.map "div" %a, %q : {T}, {R} -> {T}
  %c = lpu.map "mul" %y, %z : {T}, {T} -> {T}
  func.return %c : {T}
}}
"""


def module_of(text: str) -> ModuleOp:
    return Source(text, "test.mlir").read()


def reduced(text: str, pipeline: str) -> tuple[ModuleOp, str, Failure]:
    """What is left, its lit test, and how it fails."""
    subject, passes = of_ir(module_of(text), parse_passes(pipeline), Limits())
    subject.run()
    assert subject.failure is not None and not subject.is_spent
    best = subject.search.best
    oracle = IrOracle(passes)
    assert subject.failure.same(oracle(best.clone()))
    for index in range(operation_count(best)):
        for fewer in without_operations(best, index, index + 1):
            shorter = operation_count(fewer) < operation_count(best)
            assert not (shorter and is_right(fewer) and subject.failure.same(oracle(fewer)))
    return best, lit_test(best, passes, subject.failure), subject.failure


def names(module: ModuleOp) -> list[str]:
    return [op.name for op in module.walk() if op.name.startswith(("lpu.", "lpu_mem."))]


def shown(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lit test fails as long as the fault is there, and passes without it."""
    path = folder / "small.mlir"
    path.write_text(text)
    with pytest.raises(LitFailure):
        run_lit(path)
    monkeypatch.undo()
    run_lit(path)


def crashing(op: Operation) -> None:
    if isinstance(op, MapOp) and op.fn.data == "exp":
        raise KeyError("planted")


def breaking(op: Operation) -> None:
    if isinstance(op, MapOp) and op.fn.data == "exp":
        set_operands(op, [*op.operands, *op.operands])


def test_wrong_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    plain = raise_norm._deviation

    def planted(op: MapOp) -> tuple[SSAValue, float] | None:
        found = plain(op)
        return None if found is None else (found[0], found[1] + 1)

    monkeypatch.setattr(raise_norm, "_deviation", planted)
    best, text, failure = reduced(NORM, "lpu-raise-norm")
    assert failure.same(Failure("numbers", "lpu-raise-norm", "lpu.norm"))
    assert names(best).count("lpu.map") == 5 and len(names(best)) <= 8
    assert text.startswith("// RUN: lpuc opt %s -p 'lpu-raise-norm' --check-numerics | filecheck")
    shown(text, tmp_path, monkeypatch)


def test_a_crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(raise_softmax, "raise_softmax", crashing)
    best, text, failure = reduced(SOFTMAX, PASS)
    assert failure.same(Failure("crash", PASS, "lpu.map"))
    assert names(best) == ["lpu.map"]
    assert text.startswith(f"// RUN: xdsl-opt %s -p '{PASS}' | filecheck %s\n")
    assert "[1, 1]" in text, "extents are as small as they can be"
    shown(text, tmp_path, monkeypatch)


def test_a_rule_that_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(raise_softmax, "raise_softmax", breaking)
    best, text, failure = reduced(SOFTMAX, PASS)
    assert failure.same(Failure("verifier", PASS, "lpu.map"))
    assert names(best) == ["lpu.map"]
    shown(text, tmp_path, monkeypatch)


def test_the_pass_that_fails_is_found_among_several(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raise_softmax, "raise_softmax", crashing)
    _, text, _ = reduced(SOFTMAX, f"cse,dce,{PASS},dce")
    assert f"-p '{PASS}'" in text


B = "!lpu_mem.buffer<hbm, f32, 4>"
BUFFERS = f"""
func.func @step(%x : {B}) attributes {{
    lpu.symbols = #lpu.symbols<[]>,
    lpu_mem.inputs = [#lpu_mem.port<"x", data, f32, [4], [1], 0>],
    lpu_mem.outputs = [#lpu_mem.port<"y", data, f32, [4], [1], 0>]}} {{
  %0 = lpu_mem.alloc : {B}
  %1 = lpu_mem.alloc : {B}
  lpu_mem.for "i" to <2> step 1 {{
    lpu_mem.map "neg" %0, %x <[4] {{0: [1]}} {{0: [1]}}> : {B}, {B} loc("/neg")
  }}
  lpu_mem.map "sub" %1, %0, %x <[4] {{0: [1]}} {{0: [1]}} {{0: [1]}}> : {B}, {B}, {B} loc("/sub")
  lpu_mem.return %1 : {B}
}}
"""


@pytest.mark.parametrize("crashes", [True, False])
def test_buffers(crashes: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    plain = tile._tile_op

    def planted(op: Operation, *rest: object) -> None:
        if op.name == "lpu_mem.map" and len(op.operands) == 3:
            if crashes:
                raise KeyError("planted")
            target, left, right = op.operands
            set_operands(op, [target, right, left])
        plain(op, *rest)

    monkeypatch.setattr(tile, "_tile_op", planted)
    best, text, failure = reduced(BUFFERS, "lpu-mem-tile")
    kind = "crash" if crashes else "numbers"
    assert failure.same(Failure(kind, "lpu-mem-tile", "lpu_mem.map"))
    assert names(best).count("lpu_mem.map") == (1 if crashes else 2)
    assert "lpu_mem.for" not in names(best)
    shown(text, tmp_path, monkeypatch)


def test_what_does_not_fail_is_refused():
    with pytest.raises(UserError, match="does not fail"):
        of_ir(module_of(SOFTMAX), parse_passes(PASS), Limits())


def test_loops_and_symbols_become_numbers():
    text = """
func.func @step(%x : !lpu.tensor<[P + 1, 2], f32>) -> !lpu.tensor<[P + 1, 2], f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %0 = lpu.for "l" to <P + 1>(%x : !lpu.tensor<[P + 1, 2], f32>) -> !lpu.tensor<[P + 1, 2], f32> {
  ^bb0(%e : !lpu.tensor<[P + 1, 2], f32>):
    %f = lpu.map "erf" %e : !lpu.tensor<[P + 1, 2], f32> -> !lpu.tensor<[P + 1, 2], f32>
    lpu.yield %f : !lpu.tensor<[P + 1, 2], f32>
  }
  func.return %0 : !lpu.tensor<[P + 1, 2], f32>
}
"""

    def fails(module: ModuleOp) -> bool:
        return any(isinstance(op, MapOp) for op in module.walk())

    search = search_of(module_of(text), fails)
    reduce(search)
    assert names(search.best) == ["lpu.map"]
    assert "P" not in str(search.best)


def test_tries_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raise_softmax, "raise_softmax", crashing)
    subject, _ = of_ir(module_of(SOFTMAX), parse_passes(PASS), Limits(tries=3))
    subject.run()
    assert subject.is_spent and subject.search.tries == 3


def test_a_pass_that_does_not_end(monkeypatch: pytest.MonkeyPatch):
    def hang(op: Operation) -> None:
        while isinstance(op, MapOp) and op.fn.data == "exp":
            pass

    monkeypatch.setattr(raise_softmax, "raise_softmax", hang)
    subject, _ = of_ir(module_of(SOFTMAX), parse_passes(PASS), Limits(tries=6, seconds=0.2))
    assert subject.failure is not None and subject.failure.kind == "hang"
    subject.run()
    assert subject.size(subject.search.best) < subject.before
