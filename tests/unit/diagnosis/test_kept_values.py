"""A value that a pass keeps, or puts in the place of another, has the numbers that it had."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.ir import Operation, SSAValue

from lpuc.compiler.located import parse_module
from lpuc.diagnosis.judging.passes import judge
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import steps
from lpuc.levels.cases import Case
from passes.lpu.demote_precision import LpuDemotePrecisionPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import set_operands
from passes.specification import EXACT, SUMS
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
