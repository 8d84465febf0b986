"""What an operation becomes is made once and repeated for equal ones, and for no others."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation, SSAValue

from dialects.errors import location_of, node_names
from dialects.lpu.elementwise import MapOp
from dialects.lpu.types import tensor
from passes.rewriting.build import Build
from passes.rewriting.creation import make
from passes.rewriting.templates import Templates
from runtime.numerics.elements import ElementType

PAIR = tensor((2,), ElementType.F32)
FOUR = tensor((4,), ElementType.F32)
FN = {name: {"fn": StringAttr(name)} for name in ("sub", "exp")}


class Graph:
    """A block of operations that are still to be replaced, and how often that was worked out."""

    def __init__(self) -> None:
        self.block = Block(arg_types=[PAIR, PAIR, FOUR, FOUR])
        self.templates = Templates()
        self.calls = 0

    def original(self, fn: str, x: SSAValue, y: SSAValue, node: str = "node") -> Operation:
        op = make(MapOp, (x, y), [x.type], FN[fn], location_of([node]))
        self.block.add_op(op)
        return op

    def replaced(self, op: Operation) -> Sequence[SSAValue | None]:
        def negated() -> Sequence[SSAValue | None]:
            self.calls += 1
            build = Build(op)
            return [build.map("neg", build.map("add", op.operands[1], op.operands[0]))]

        return self.templates.made(op, negated)


def test_an_equal_operation_is_replaced_alike_with_its_own_operands_and_location():
    graph = Graph()
    x, y, *_ = graph.block.args
    graph.replaced(graph.original("sub", x, y, "first"))
    (result,) = graph.replaced(graph.original("sub", y, x, "second"))
    assert graph.calls == 1
    assert isinstance(result, SSAValue)
    neg = result.owner
    assert isinstance(neg, MapOp)
    add = neg.operands[0].owner
    assert isinstance(add, MapOp)
    assert (neg.fn.data, add.fn.data) == ("neg", "add")
    assert tuple(add.operands) == (x, y)
    assert node_names(neg) == node_names(add) == ("second",)


def test_another_type_or_attribute_is_worked_out_anew():
    graph = Graph()
    x, y, a, b = graph.block.args
    for op in (graph.original("sub", x, y), graph.original("sub", a, b)):
        graph.replaced(op)
    assert graph.calls == 2
    graph.replaced(graph.original("exp", x, y))
    assert graph.calls == 3


def test_one_operand_read_twice_is_not_like_two():
    graph = Graph()
    x, y, *_ = graph.block.args
    graph.replaced(graph.original("sub", x, x))
    (result,) = graph.replaced(graph.original("sub", x, y))
    assert isinstance(result, SSAValue)
    assert isinstance(result.owner, MapOp)
    add = result.owner.operands[0].owner
    assert isinstance(add, MapOp)
    assert tuple(add.operands) == (y, x)


def test_what_reads_something_else_is_not_repeated():
    graph = Graph()
    x, y, *_ = graph.block.args
    calls: list[Operation] = []
    for op in (graph.original("sub", x, x), graph.original("sub", x, x)):

        def other(op: Operation = op) -> Sequence[SSAValue | None]:
            calls.append(op)
            return [Build(op).map("add", op.operands[0], y)]

        graph.templates.made(op, other)
    assert len(calls) == 2


def test_an_operand_may_stand_for_a_result():
    graph = Graph()
    x, y, *_ = graph.block.args
    first, second = graph.original("sub", x, y), graph.original("sub", y, x)
    graph.templates.made(first, lambda: [first.operands[1], None])
    assert graph.templates.made(second, lambda: []) == [x, None]
