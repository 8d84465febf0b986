"""A pass is judged by the IR before it: faults are seen where they are made, and only they."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.errors import node_names
from dialects.reading import all_within
from lpuc.compiler.located import parse_module
from lpuc.compiler.pipeline import parse_passes
from lpuc.diagnosis.judging.departures import Departure
from lpuc.diagnosis.judging.passes import judge
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import Step, steps
from lpuc.diagnosis.judging.tensors.forcing import Shared, regional
from lpuc.levels.cases import Case
from lpuc.levels.contracts import local_bound
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import set_operands, substitute
from passes.specification import EXACT, SUMS, Numbers, Specification, rounds
from runtime.numerics.elements import ElementType

K = 64
TEXT = f"""
func.func @step(%x : !lpu.tensor<[2, {K}], f32>, %w : !lpu.tensor<[{K}, 4], f32>)
    -> !lpu.tensor<[2, 4], f32>
    attributes {{lpu.interface = #lpu.interface<["x" data f32, "w" data f32] -> ["y" data f32]>}} {{
  %p = lpu.matmul %x, %w : !lpu.tensor<[2, {K}], f32>, !lpu.tensor<[{K}, 4], f32>
      -> !lpu.tensor<[2, 4], f32> loc("product")
  %n = lpu.map "neg" %p : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32> loc("negated")
  %y = lpu.map "exp" %n : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32> loc("power")
  func.return %y : !lpu.tensor<[2, 4], f32> loc("end")
}} loc("step")
"""
Change = Callable[[Build, Operation], SSAValue]
"""What is put in the place of an operation."""


@dataclass(frozen=True)
class PlantedPass(RewritingPass):
    """Puts something else in the place of what one node became."""

    name = "planted"
    specification: ClassVar[Specification]
    node: ClassVar[str]
    change: ClassVar[Change]

    def rewrite(self, module: ModuleOp) -> None:
        op = next(o for o in all_within(module) if node_names(o) == (self.node,))
        substitute(op, [type(self).change(Build(op), op)])


def case() -> Case:
    random = np.random.default_rng(5)
    arrays = {"x": random.standard_normal((2, K)) / 8, "w": random.standard_normal((K, 4))}
    return Case("one", {name: array.astype(np.float32) for name, array in arrays.items()})


def judged(node: str, change: Change, numbers: Numbers, text: str = TEXT) -> Departure | None:
    """What is found of a pass that does this, and says that of itself."""
    PlantedPass.node, PlantedPass.change = node, staticmethod(change)
    PlantedPass.specification = Specification(level="lpu", gives=(), numbers=numbers)
    (step,) = steps(parse_module(text, "test"), [PlantedPass()], "lpu")
    return judged_step(step)


def judged_step(step: Step, tolerance: float = 5e-5) -> Departure | None:
    return judge(step, Runs(step.before, case()), Runs(step.after, case()), tolerance)


def again(build: Build, op: Operation) -> SSAValue:
    """The same product."""
    return build.matmul(*op.operands)


def in_halves(build: Build, op: Operation) -> SSAValue:
    """The same product, summed in another order."""
    left, right = op.operands
    half = K // 2
    parts = [
        build.matmul(build.slice_axis(left, 1, at, half), build.slice_axis(right, 0, at, half))
        for at in (0, half)
    ]
    return build.map("add", *parts)


def off_by(factor: float) -> Change:
    """The product, off by something."""

    def change(build: Build, op: Operation) -> SSAValue:
        right = build.matmul(*op.operands)
        added = build.scalar(factor, ElementType.F32)
        return build.map("add", right, added)

    return change


def test_equal_numbers_are_right():
    assert judged("product", again, EXACT) is None


@pytest.mark.parametrize("numbers", [EXACT, SUMS])
def test_another_order_of_a_sum_is_right(numbers: Numbers):
    assert judged("product", in_halves, numbers) is None


def bound() -> float:
    """The local bound of the product, its largest."""
    inputs = case().inputs
    left, right = inputs["x"], inputs["w"]
    op = next(o for o in all_within(parse_module(TEXT, "test")) if node_names(o) == ("product",))
    return float(local_bound(op, (left, right), left @ right).max())


def test_four_times_the_local_bound_is_seen_where_it_is_made():
    found = judged("product", off_by(4 * bound()), SUMS)
    assert found is not None
    assert found.names == ("product",)
    assert found.operation == "lpu.map"


def test_within_the_local_bound_nothing_is_seen():
    assert judged("product", off_by(bound() / 2), SUMS) is None


def test_what_nobody_uses_stands_for_nothing():
    """The product in f32 stays and is exact; what is computed of is one in f16."""

    @dataclass(frozen=True)
    class ShortenPass(RewritingPass):
        name = "shorten"
        specification = Specification(level="lpu", gives=(), numbers=rounds("n u sum |terms|"))

        def rewrite(self, module: ModuleOp) -> None:
            ops = {node_names(op): op for op in all_within(module)}
            product, negated = ops["product",], ops["negated",]
            build = Build(negated)
            short = [build.cast(v, ElementType.F16) for v in product.operands]
            set_operands(negated, [build.cast(build.matmul(*short), ElementType.F32)])

    (step,) = steps(parse_module(TEXT, "test"), [ShortenPass()], "lpu")
    assert judged_step(step, 5e-3) is None


def reciprocal(build: Build, op: Operation) -> SSAValue:
    """exp(x) as 1 / exp(-x), which rounds otherwise."""
    power = build.map("exp", build.map("neg", op.operands[0]))
    return build.map("div", build.scalar(1.0, ElementType.F32), power)


def test_what_sums_nothing_is_equal_behind_an_exact_pass():
    found = judged("power", reciprocal, EXACT)
    assert found is not None
    assert found.names == ("power",)
    assert found.bound == 0


def test_it_may_round_where_the_pass_says_so():
    assert judged("power", reciprocal, SUMS) is None


def test_an_output_that_is_another_value_is_seen():
    def swapped(module: ModuleOp) -> None:
        (func,) = (op for op in module.ops if isinstance(op, FuncOp))
        end = func.body.block.last_op
        assert end is not None
        product = next(o for o in all_within(module) if node_names(o) == ("negated",))
        set_operands(end, [product.results[0]])

    @dataclass(frozen=True)
    class SwapPass(RewritingPass):
        name = "swap"
        specification = Specification(level="lpu", gives=(), numbers=SUMS)

        def rewrite(self, module: ModuleOp) -> None:
            swapped(module)

    (step,) = steps(parse_module(TEXT, "test"), [SwapPass()], "lpu")
    found = judged_step(step)
    assert found is not None
    assert (found.operation, found.names) == (None, ("y",))


def test_a_pass_that_changes_nothing_is_not_looked_at():
    @dataclass(frozen=True)
    class IdlePass(RewritingPass):
        name = "idle"
        specification = Specification(level="lpu", gives=(), numbers=EXACT)

        def rewrite(self, module: ModuleOp) -> None:
            del module

    (step,) = steps(parse_module(TEXT, "test"), [IdlePass()], "lpu")
    assert step.is_idle


TWICE = TEXT.replace(
    '%y = lpu.map "exp" %n',
    '%s = lpu.map "neg" %p : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32> loc("negated")\n'
    '%y = lpu.map "add" %n, %s',
).replace(
    "%s : !lpu.tensor<[2, 4], f32> ->", "%s : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> ->"
)


def test_a_pass_of_xdsl_that_removes_nothing_is_not_looked_at_either():
    again, first = (
        [step.is_idle for step in steps(parse_module(text, "test"), parse_passes("cse,dce"), "lpu")]
        for text in (TEXT, TWICE)
    )
    assert again == [True, True]
    assert first == [False, True]


LOOP = """
func.func @step(%x : !lpu.tensor<[4, 4], f32>) -> !lpu.tensor<[4, 4], f32>
    attributes {lpu.interface = #lpu.interface<["x" data f32] -> ["y" data f32]>} {
  %r = lpu.for "l" to <2> (%x : !lpu.tensor<[4, 4], f32>) -> !lpu.tensor<[4, 4], f32> {
  ^bb0(%c : !lpu.tensor<[4, 4], f32>):
    %d = lpu.matmul %c, %c : !lpu.tensor<[4, 4], f32>, !lpu.tensor<[4, 4], f32>
        -> !lpu.tensor<[4, 4], f32> loc("product")
    lpu.yield %d : !lpu.tensor<[4, 4], f32> loc("product")
  } loc("layers")
  %y = lpu.map "neg" %r : !lpu.tensor<[4, 4], f32> -> !lpu.tensor<[4, 4], f32> loc("negated")
  func.return %y : !lpu.tensor<[4, 4], f32> loc("end")
} loc("step")
"""


def test_what_goes_on_to_the_next_turn_rounds_what_is_computed_behind_the_loop():
    (step,) = steps(parse_module(LOOP, "test"), parse_passes("cse"), "lpu")
    x = np.random.default_rng(1).random((4, 4)).astype(np.float32)
    runs = Runs(step.before, Case("one", {"x": x}))
    last = runs.events[-1]
    known = {last.key: last.array}
    (bounds, *_) = regional(runs, Shared({}, known, known), True, {last.key})
    assert bounds[last.key].min() > 0
