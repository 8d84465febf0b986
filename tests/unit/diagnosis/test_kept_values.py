"""A value that a pass keeps, or puts in the place of another, has the numbers that it had."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.ir import Operation, SSAValue

from lpuc.compiler.located import parse_module
from lpuc.diagnosis.judging.departures import Departure
from lpuc.diagnosis.judging.passes import judge
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import steps
from lpuc.levels.cases import Case
from passes.lpu.demote_precision import LpuDemotePrecisionPass
from passes.lpu.precision import forms
from passes.rewriting.build import Build
from passes.rewriting.kernel import set_operands
from passes.specification import EXACT, SUMS
from runtime.numerics.elements import ElementType
from tests.unit.diagnosis.test_judging import TEXT, judged

SCORES = """
builtin.module attributes {lpu.options = {precision = "f16"}} {
  func.func @step(%q : !lpu.tensor<[2, 8], TYPE>, %k : !lpu.tensor<[8, 4], TYPE>)
      -> !lpu.tensor<[1, 2, 4], TYPE>
      attributes {lpu.interface = #lpu.interface<["q" data f32, "k" data f32] -> ["y" data f32]>} {
    %a = lpu.map "exp" %q : !lpu.tensor<[2, 8], TYPE> -> !lpu.tensor<[2, 8], TYPE> loc("q")
    %b = lpu.map "exp" %k : !lpu.tensor<[8, 4], TYPE> -> !lpu.tensor<[8, 4], TYPE> loc("k")
    %p = lpu.matmul %a, %b : !lpu.tensor<[2, 8], TYPE>, !lpu.tensor<[8, 4], TYPE>
        -> !lpu.tensor<[2, 4], TYPE> loc("product")
    %v = lpu.reshape %p : !lpu.tensor<[2, 4], TYPE> -> !lpu.tensor<[1, 2, 4], TYPE> loc("view")
    %c = lpu.fill "QUARTER" : !lpu.tensor<[], TYPE> loc("scaled")
    %s = lpu.map "mul" %v, %c : !lpu.tensor<[1, 2, 4], TYPE>, !lpu.tensor<[], TYPE>
        -> !lpu.tensor<[1, 2, 4], TYPE> loc("scaled")
    %y = lpu.map "neg" %s : !lpu.tensor<[1, 2, 4], TYPE> -> !lpu.tensor<[1, 2, 4], TYPE> loc("end")
    func.return %y : !lpu.tensor<[1, 2, 4], TYPE> loc("end")
  } loc("step")
}
"""


@pytest.mark.parametrize(("kind", "quarter"), [("f32", "0000803e"), ("f16", "0034")])
def test_a_product_that_takes_over_a_scale_is_another_value(kind: str, quarter: str):
    text = SCORES.replace("TYPE", kind).replace("QUARTER", quarter)
    (step,) = steps(parse_module(text, "test"), [LpuDemotePrecisionPass()], "lpu")
    random = np.random.default_rng(3)
    shapes = {"q": (2, 8), "k": (8, 4)}
    case = Case("one", {n: random.random(s).astype(np.float32) for n, s in shapes.items()})
    assert judge(step, Runs(step.before, case), Runs(step.after, case), 5e-3) is None


MASKED = """
builtin.module attributes {lpu.options = {precision = "PRECISION"}} {
  func.func @step(%x : !lpu.tensor<[4], f16>, %m : !lpu.tensor<[4], bool>) -> !lpu.tensor<[4], f16>
      attributes {lpu.interface = #lpu.interface<["x" data f16, "m" data bool] -> ["y" data f16]>} {
    %zero = lpu.fill "0000" : !lpu.tensor<[], f16> loc("zero")
    %least = lpu.fill "fffb" : !lpu.tensor<[], f16> loc("least")
    %b = lpu.select %m, %zero, %least : !lpu.tensor<[4], bool>, !lpu.tensor<[], f16>,
        !lpu.tensor<[], f16> -> !lpu.tensor<[4], f16> loc("masked")
    %s = lpu.map "add" %x, %b : !lpu.tensor<[4], f16>, !lpu.tensor<[4], f16>
        -> !lpu.tensor<[4], f16> loc("scores")
    %y = lpu.map "exp" %s : !lpu.tensor<[4], f16> -> !lpu.tensor<[4], f16> loc("end")
    func.return %y : !lpu.tensor<[4], f16> loc("end")
  } loc("step")
}
"""


def masked(precision: str) -> Departure | None:
    """What is found of the demotion of a mask that a model has in f16."""
    text = MASKED.replace("PRECISION", precision)
    (step,) = steps(parse_module(text, "test"), [LpuDemotePrecisionPass()], "lpu")
    given = {"x": np.arange(4, dtype=np.float16), "m": np.array([True, False, True, False])}
    case = Case("one", given)
    return judge(step, Runs(step.before, case), Runs(step.after, case), 5e-3)


@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_the_least_number_of_a_short_type_may_become_the_least_f32(precision: str):
    assert masked(precision) is None


@pytest.mark.parametrize("other", [-3.3e38, -65536.0, -np.inf])
def test_no_other_number_may_stand_for_the_least(other: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(forms.LEAST, ElementType.F32, other)
    found = masked("bf16")
    assert found is not None
    assert (found.operation, found.names) == ("lpu.select", ("masked",))


def test_a_value_that_takes_the_place_of_another_had_its_numbers():
    """What comes out is right; but the product that stays means something else than it did."""

    def moved_up(_build: Build, op: Operation) -> SSAValue:
        (product,) = op.operands
        assert isinstance(product.owner, Operation)
        left, right = product.owner.operands
        set_operands(product.owner, [Build(product.owner).map("neg", left), right])
        return product

    found = judged("negated", moved_up, SUMS)
    assert found is not None
    assert (found.operation, found.names) == ("lpu.map", ("negated",))
    assert found.got == -found.expected


def test_two_values_of_the_same_numbers_may_be_one():
    kind = "!lpu.tensor<[2, 4], f32>"
    larger = f'%m = lpu.map "max" %n, %n : {kind}, {kind} -> {kind} loc("larger")'
    text = TEXT.replace('%y = lpu.map "exp" %n', f'{larger}\n  %y = lpu.map "exp" %m')
    assert judged("larger", lambda _build, op: op.operands[0], EXACT, text) is None
