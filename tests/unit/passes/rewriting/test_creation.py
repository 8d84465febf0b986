"""Operations that are made the short way are those that xDSL makes, and copies its clones."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, SSAValue
from xdsl.parser import Parser

from dialects.errors import location_of
from dialects.lpu.elementwise import MapOp
from dialects.lpu.types import tensor
from lpuc.compiler.pipeline import make_context
from passes.rewriting import kernel
from passes.rewriting.creation import copy_of, make
from passes.rewriting.session import rewriting
from runtime.numerics.elements import ElementType

KIND = tensor((2,), ElementType.F32)


def test_both_ways_give_the_same_operation():
    block, location = Block(arg_types=[KIND, KIND]), location_of(["node"])
    x, y = block.args
    parts = ([x, y, x], [KIND], {"fn": StringAttr("fma")}, location)
    short = make(MapOp, *parts)
    long = MapOp.create(
        operands=parts[0], result_types=parts[1], properties=parts[2], location=location
    )
    for op in (short, long):
        block.add_op(op)
    for name in (
        *("operands", "result_types", "properties", "attributes", "location"),
        *("regions", "successors", "successor_uses", "parent"),
    ):
        assert getattr(short, name) == getattr(long, name), name
    assert [(r.op, r.index, r.first_use) for r in short.results] == [(short, 0, None)]
    assert [(use.operation, use.index) for use in x.uses] == [
        (long, 2),
        (long, 0),
        (short, 2),
        (short, 0),
    ]
    short.detach()
    short.erase()
    assert {use.operation for use in x.uses} == {long}
    assert parts[2] == {"fn": StringAttr("fma")}


def test_properties_of_two_operations_are_two():
    properties = {"fn": StringAttr("exp")}
    block, location = Block(arg_types=[KIND]), location_of(["node"])
    first, second = (make(MapOp, block.args, [KIND], properties, location) for _ in range(2))
    first.properties["fn"] = StringAttr("neg")
    assert second.properties == properties == {"fn": StringAttr("exp")}


NESTED = """
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> attributes {a = 1 : i64} {
  %y = lpu.map "exp" %x {note} : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("exp")
  %z = lpu.for "i" to <3> (%y : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  ^bb0(%old : !lpu.tensor<[2], f32>):
    %new = lpu.map "add" %old, %x
        : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("add")
    lpu.yield %new : !lpu.tensor<[2], f32>
  }
  %w = lpu.map "mul" %z, %z
      : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32> loc("mul")
  func.return %w : !lpu.tensor<[2], f32> loc("outputs")
}
"""


def test_a_copied_function_is_the_one_that_xdsl_clones():
    module = Parser(make_context(), NESTED).parse_module()
    function = next(iter(module.ops))
    assert isinstance(function, FuncOp)
    values = dict[SSAValue, SSAValue]()
    assert copy_of(module, values).is_structurally_equivalent(module)
    defined = {id(v) for op in module.walk() for v in op.results}
    defined |= {id(a) for op in module.walk() for r in op.regions for a in r.block.args}
    assert set(map(id, values)) == defined
    with rewriting("test") as now:
        copy = kernel.copied(function)
    assert now.tally.inserted == 6
    assert copy.is_structurally_equivalent(function.clone())
    pairs = list(zip(function.walk(), copy.walk(), strict=True))
    for old, new in pairs:
        assert new is not old and new.location == old.location
        assert [v.name_hint for v in new.results] == [v.name_hint for v in old.results]
        assert new.properties is not old.properties and new.attributes is not old.attributes
    assert [a.name_hint for a in copy.args] == ["x"]
    inside = {id(value) for _, new in pairs for value in (*new.results, *copy.args)}
    inside |= {id(a) for _, new in pairs for r in new.regions for a in r.block.args}
    assert all(id(operand) in inside for _, new in pairs for operand in new.operands)
