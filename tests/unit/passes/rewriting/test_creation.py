"""Operations that are made the short way are those that xDSL makes."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block

from dialects.errors import location_of
from dialects.lpu.elementwise import MapOp
from dialects.lpu.types import tensor
from passes.rewriting.creation import make
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
