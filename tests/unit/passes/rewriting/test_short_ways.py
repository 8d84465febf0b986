"""What is made or rewired without xDSL's checks is what xDSL would have made of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdsl.dialects.builtin import FusedLoc, ModuleOp, NameLoc, NoneAttr, StringAttr, UnknownLoc
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from dialects.errors import location_names, location_of, together
from dialects.lpu.types import tensor
from passes.rewriting.build import Build
from passes.rewriting.creation import put_before, put_last, take_away
from passes.rewriting.kernel import replace
from runtime.numerics.elements import ElementType

Replace = Callable[[SSAValue, SSAValue], None]


def rewired(replace: Replace, name: str | None) -> tuple[list[list[int]], list[int], str | None]:
    """
    What three operations read once `y` stands for `x`, the order of the uses of `y`, and its name.
    """
    block = Block(arg_types=[tensor((2,), ElementType.F32)] * 2)
    x, y = block.args
    anchor = ReturnOp()
    block.add_op(anchor)
    build = Build(anchor)
    for lhs, rhs in ((x, y), (y, y), (x, x)):
        build.map("sub", lhs, rhs)
    x.name_hint, y.name_hint = "x", name
    replace(x, y)
    assert x.first_use is None
    places = {op: place for place, op in enumerate(block.ops)}
    values: dict[SSAValue, int] = {x: 0, y: 1}
    reads = [[values[v] for v in op.operands] for op in block.ops]
    return reads, [2 * places[u.operation] + u.index for u in y.uses], y.name_hint


@pytest.mark.parametrize("name", [None, "y"])
def test_uses_are_replaced_as_by_xdsl(name: str | None):
    ours = rewired(replace, name)
    assert ours == rewired(SSAValue.replace_all_uses_with, name)
    assert ours[0] == [[1, 1], [1, 1], [1, 1], []]


def _block() -> tuple[Block, list[Operation]]:
    operations = [ReturnOp() for _ in range(3)]
    return Block(operations), list(operations)


def _links(block: Block, operations: list[Operation]) -> list[tuple[Operation | int | None, ...]]:
    """What a block and its operations say of their neighbours, by number."""
    numbers: dict[Operation | None, int | None] = {op: n for n, op in enumerate(operations)}
    numbers[None] = None
    neighbours = [
        (numbers[op.prev_op], numbers[op.next_op], op.parent is block) for op in numbers if op
    ]
    return [(numbers[block.first_op], numbers[block.last_op]), *neighbours]


@pytest.mark.parametrize("target", range(3))
@pytest.mark.parametrize("place", range(3))
def test_an_operation_moves_from_any_place_to_any_as_by_xdsl(place: int, target: int):
    (ours, our_ops), (theirs, their_ops) = _block(), _block()
    take_away(our_ops[place])
    their_ops[place].detach()
    assert _links(ours, our_ops) == _links(theirs, their_ops)
    if target != place:
        put_before(our_ops[place], our_ops[target])
        theirs.insert_op_before(their_ops[place], their_ops[target])
        assert _links(ours, our_ops) == _links(theirs, their_ops)


def test_operations_are_put_last_as_by_xdsl():
    (block, our_ops), (_, their_ops) = _block(), _block()
    ours, theirs = Block(), Block()
    for op, other in zip(our_ops, their_ops, strict=True):
        take_away(op)
        put_last(op, ours)
        other.detach()
        theirs.add_op(other)
        assert _links(ours, our_ops) == _links(theirs, their_ops)
    assert block.is_empty


def test_an_operation_stands_in_one_block_and_not_in_itself():
    _, (first, *_) = _block()
    inner = Block()
    with pytest.raises(AssertionError, match="stands in a block already"):
        put_last(first, inner)
    with pytest.raises(AssertionError, match="does not stand in itself"):
        put_last(ModuleOp(Region(inner)), inner)


def test_a_value_that_replaces_itself_keeps_its_uses():
    block = Block(arg_types=[tensor((2,), ElementType.F32)])
    anchor = ReturnOp(block.args[0])
    block.add_op(anchor)
    replace(block.args[0], block.args[0])
    assert [use.operation for use in block.args[0].uses] == [anchor]


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["b", "a", "b"]])
def test_a_location_is_what_xdsl_makes_of_the_names(names: list[str]):
    parts = [NameLoc(StringAttr(name), NoneAttr()) for name in dict.fromkeys(names)]
    expected = parts[0] if len(parts) == 1 else FusedLoc(tuple(parts), NoneAttr())
    location = location_of(names)
    location.verify()
    assert location == expected
    assert hash(location) == hash(expected)
    assert str(location) == str(expected)


def test_names_within_fused_locations_count_once_in_order():
    inner = together([location_of(["b"]), location_of(["a"])])
    outer = together([location_of(["a"]), inner, location_of(["c"]), UnknownLoc()])
    assert location_names(outer) == ("a", "b", "c")
    assert together([]) == UnknownLoc()
