"""What is made or rewired without xDSL's checks is what xDSL would have made of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdsl.dialects.builtin import FusedLoc, NameLoc, NoneAttr, StringAttr, UnknownLoc
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, SSAValue

from dialects.errors import location_names, location_of, together
from dialects.lpu.types import tensor
from passes.rewriting.build import Build
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
