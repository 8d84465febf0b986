"""Tiles fit the LMU and the descriptors of the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, Block

from dialects.affine import Affine
from dialects.errors import CompileError
from dialects.lpu.attributes import IntsAttr
from dialects.lpu_mem import ops
from dialects.lpu_mem.access import Access, AccessAttr, View, row_major
from dialects.lpu_mem.types import Buffer, BufferType
from passes.lpu_mem.tiling.plan import AXES, Plan, footprint, plan, staged_operands
from passes.lpu_mem.tiling.space import simplify, space_of
from runtime.numerics.elements import ElementType

LARGE = 10**9


def operation(
    cls: type[ops.DataOp], extents: list[int], strides: list[list[int]], **properties: Attribute
) -> ops.DataOp:
    """An operation on buffers of f32 in HBM."""
    buffer = BufferType(Buffer("hbm", ElementType.F32, LARGE))
    block = Block(arg_types=[buffer] * len(strides))
    views = tuple(View.of(0, s) for s in strides)
    access = AccessAttr(Access(tuple(Affine(e) for e in extents), views))
    return cls.create(operands=block.args, properties={**properties, "access": access})


def planned(op: ops.DataOp, budget: int) -> Plan:
    return plan(op, simplify(space_of(op)), {}, budget)


def used(op: ops.DataOp, chosen: Plan) -> int:
    return footprint(op, chosen.space, chosen.tiles, staged_operands(op))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(16, 2000), st.booleans())
def test_tiles_fit(extents: list[int], budget: int, transposed: bool):
    dense = [s.const for s in row_major(extents)]
    source = list(reversed(dense)) if transposed else dense
    op = operation(ops.MapOp, extents, [dense, source], fn=StringAttr("neg"))
    chosen = planned(op, budget)
    assert used(op, chosen) <= budget
    assert sum(tile > 1 for tile in chosen.tiles) <= AXES
    assert all(1 <= t <= b for t, b in zip(chosen.tiles, chosen.bounds, strict=True))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(64, 4000))
def test_a_product_has_room_for_vector_and_sum(k: int, n: int, budget: int):
    strides = [[n, 0, 1], [k, 1, 0], [0, n, 1]]
    op = operation(ops.VecmatOp, [1, k, n], strides, accumulate=IntegerAttr(0, i64))
    chosen = planned(op, budget)
    assert used(op, chosen) <= budget
    assert chosen.tiles[0] == 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_a_tile_of_a_sum_has_a_summed_axis(extents: list[int], data: st.DataObject):
    """There is room for one in the descriptor, even where it has one element of the tile."""
    rank = len(extents)
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, rank - 1), min_size=1))))
    dense = [s.const for s in row_major(extents)]
    target = [0 if axis in axes else step for axis, step in enumerate(dense)]
    source = data.draw(st.permutations(dense))
    zero = IntegerAttr(0, i64)
    strides = [target, list(source)]
    op = operation(
        ops.ReduceOp, extents, strides, fn=StringAttr("sum"), axes=IntsAttr(axes), accumulate=zero
    )
    chosen = planned(op, data.draw(st.integers(16, 2000)))
    long = [r for r, tile in zip(chosen.space.reduced, chosen.tiles, strict=True) if tile > 1]
    assert len(long) + (not any(long)) <= AXES


def test_rows_and_a_batch_share_a_tile():
    strides = [[80, 40, 8, 0, 1], [120, 60, 12, 1, 0], [96, 0, 0, 8, 1]]
    op = operation(ops.VecmatOp, [3, 2, 5, 12, 8], strides, accumulate=IntegerAttr(0, i64))
    assert planned(op, 4000).tiles == (1, 2, 5, 12, 8)
    assert planned(op, 400).tiles == (1, 1, 5, 12, 8)
    assert planned(op, 200).tiles == (1, 1, 2, 12, 8)


def test_what_fits_is_one_tile():
    op = operation(ops.MapOp, [8, 8], [[8, 1], [1, 8]], fn=StringAttr("neg"))
    chosen = planned(op, 512)
    assert chosen.tiles == chosen.bounds == (8, 8)
    assert not any(chosen.is_looped(axis) for axis in range(2))


def test_the_innermost_axis_grows_first():
    op = operation(ops.MapOp, [8, 8], [[8, 1], [1, 8]], fn=StringAttr("neg"))
    chosen = planned(op, 128)
    assert chosen.tiles == (2, 8)


def test_an_axis_that_an_operand_does_not_move_along_costs_it_nothing():
    op = operation(ops.MapOp, [100], [[1], [0]], fn=StringAttr("neg"))
    chosen = planned(op, 408)
    assert chosen.tiles == (100,)
    assert (chosen.extent(0, 0), chosen.extent(0, 1)) == (100, 1)


def test_what_an_engine_streams_takes_no_room():
    strides = [[99, 0, 1], [99, 1, 0], [0, 99, 1]]
    op = operation(ops.VecmatOp, [1, 99, 99], strides, accumulate=IntegerAttr(0, i64))
    assert [entry.operand for entry in staged_operands(op)] == [0, 1]


def test_one_element_that_does_not_fit_is_an_error():
    op = operation(ops.MapOp, [8], [[1], [1]], fn=StringAttr("neg"))
    with pytest.raises(CompileError, match="takes 16 bytes of LMU, 8 are free"):
        planned(op, 8)
