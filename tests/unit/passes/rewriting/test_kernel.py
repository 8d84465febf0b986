"""What would make IR that means something else is refused, in the name of pass and node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, UnknownLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation
from xdsl.parser import Parser

from dialects.errors import location_of
from dialects.lpu.elementwise import MapOp
from dialects.lpu.types import tensor
from lpuc.compiler.pipeline import make_context
from passes.rewriting import kernel
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.session import RewriteError, rewriting
from passes.specification import EXACT, Specification
from runtime.numerics.elements import ElementType

TEXT = """
func.func @step(%x : !lpu.tensor<[2, 3], f32>) -> !lpu.tensor<[2, 3], f32> {
  %a = lpu.map "exp" %x : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32> loc("layer/exp")
  %b = lpu.map "neg" %a : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32> loc("layer/neg")
  %c = lpu.reshape %b : !lpu.tensor<[2, 3], f32> -> !lpu.tensor<[2, 3], f32> loc("layer/same")
  func.return %c : !lpu.tensor<[2, 3], f32> loc("outputs")
}
"""
OTHER = tensor((3, 2), ElementType.F32)

Change = Callable[["Step"], None]


@dataclass(frozen=True)
class Step:
    """The operations of the module above."""

    module: ModuleOp

    @property
    def block(self) -> Block:
        func = self.module.body.block.first_op
        assert isinstance(func, FuncOp)
        return func.body.block

    def __iter__(self) -> Iterator[Operation]:
        return iter(list(self.block.ops))


@pytest.fixture
def step() -> Step:
    module = Parser(make_context(), TEXT).parse_module()
    module.verify()
    return Step(module)


def another_type(step: Step) -> None:
    _, negated, same, _ = step
    kernel.replace(negated.results[0], Build(same).transpose(negated.operands[0], (1, 0)))


def another_type_somewhere(step: Step) -> None:
    _, negated, same, _ = step
    turned = Build(same).transpose(negated.operands[0], (1, 0))
    kernel.replace_where(negated.results[0], turned, lambda _: True)


def no_location(step: Step) -> None:
    first, *_ = step
    kinds = [v.type for v in first.results]
    properties = {"fn": StringAttr("exp")}
    made = MapOp.create(operands=first.operands, result_types=kinds, properties=properties)
    kernel.insert(made, first)


def more_elements(step: Step) -> None:
    *_, end = step
    Build(end).reshape(end.operands[0], (2, 4))


def wrong_function(step: Step) -> None:
    first, *_ = step
    kernel.set_property(first, "fn", StringAttr("nonsense"))


def read_before_it_is_defined(step: Step) -> None:
    first, negated, *_ = step
    kernel.set_operands(first, negated.results)


def replaced_by_a_later_one(step: Step) -> None:
    first, *_, end = step
    kernel.replace(first.results[0], Build(end).map("sqrt", step.block.args[0]))


def moved_before_its_operand(step: Step) -> None:
    first, negated, *_ = step
    kernel.move(negated, first)


def reordered(step: Step) -> None:
    kernel.reorder(step.block, [*reversed(list(step)[:-1]), list(step)[-1]])


def reordered_with_a_loss(step: Step) -> None:
    kernel.reorder(step.block, list(step)[1:])


def erased_while_read(step: Step) -> None:
    first, *_ = step
    kernel.erase(first)


def retyped_alone(step: Step) -> None:
    first, *_ = step
    kernel.retype(first.results[0], OTHER)


def argument_dropped(step: Step) -> None:
    kernel.drop_arguments(step.block, step.block.args)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (another_type, "layer/neg: lpu.map: a value of type .* is replaced by one of .*3, 2"),
        (another_type_somewhere, "layer/neg: lpu.map: a value of type .* is replaced"),
        (no_location, "lpu.map: has no location"),
        (more_elements, "outputs: lpu.reshape: .*number of elements differs"),
        (wrong_function, "layer/exp: lpu.map: .*no function 'nonsense'"),
        (read_before_it_is_defined, "layer/exp: lpu.map: reads 'b' before it is defined"),
        (replaced_by_a_later_one, "layer/neg: lpu.map: reads 'a' before it is defined"),
        (moved_before_its_operand, "layer/neg: lpu.map: reads 'a' before it is defined"),
        (reordered, "reads '.' before it is defined"),
        (reordered_with_a_loss, "the new order has other operations than the old"),
        (erased_while_read, "layer/exp: lpu.map: is erased while its results are read"),
        (retyped_alone, "layer/exp: lpu.map: .*broadcast to"),
        (argument_dropped, "drops argument 0, which is read"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_what_is_no_rewrite_is_refused(step: Step, change: Change, message: str):
    @dataclass(frozen=True)
    class ChangePass(RewritingPass):
        name = "change"
        specification = Specification(level=None, gives=(), numbers=EXACT)

        def rewrite(self, module: ModuleOp) -> None:
            change(Step(module))

    with pytest.raises(RewriteError, match=f"pass 'change': .*{message}"):
        ChangePass().apply(Context(), step.module)


def test_text_without_locations_may_stay_so():
    module = Parser(make_context(), TEXT.replace(' loc("outputs")', "")).parse_module()
    with rewriting("change", module):
        no_location(Step(module))
    module.verify()


def test_a_condition_may_be_broken_on_the_way(step: Step):
    """Types are changed one by one, operands before their definition has been moved."""
    first, negated, same, _ = step
    with rewriting("change", step.module):
        kernel.retype(first.results[0], OTHER)
        kernel.set_operands(first, [Build(first).transpose(first.operands[0], (1, 0))])
        kernel.retype(negated.results[0], OTHER)
        root = Build(same).map("sqrt", step.block.args[0])
        kernel.set_operands(first, [Build(first).transpose(root, (1, 0))])
        assert isinstance(root.owner, Operation)
        kernel.move(root.owner, next(iter(step.block.ops)))
    step.module.verify()


def test_a_value_may_be_replaced_by_one_inside_of_no_other_block(step: Step):
    """What a loop defines does not exist behind it."""
    *_, end = step
    text = TEXT.replace(
        "%c = lpu.reshape %b",
        'lpu.for "l" to <2> () { %i = lpu.map "neg" %b : !lpu.tensor<[2, 3], f32> '
        "-> !lpu.tensor<[2, 3], f32> lpu.yield } \n  %c = lpu.reshape %b",
    )
    assert end.parent is step.block
    inner = Step(Parser(make_context(), text).parse_module())
    loop = next(op for op in inner if op.regions)
    value = next(iter(loop.regions[0].block.ops)).results[0]
    value.name_hint = "i"
    with pytest.raises(RewriteError, match=r"func\.return: reads 'i' before"), rewriting("change"):
        kernel.set_operands(list(inner)[-1], [value])


def test_a_location_may_come_later(step: Step):
    first, *_ = step
    with rewriting("change", step.module):
        no_location(step)
        made = first.prev_op
        assert made is not None
        assert made.location == UnknownLoc()
        kernel.locate(made, location_of(["layer/exp"]))
