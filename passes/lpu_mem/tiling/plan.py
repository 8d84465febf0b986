"""
How large the tiles of an operation are: as much as the LMU takes, innermost axes first.

Every operand that the engine wants in the LMU and that lies in HBM is staged, dense, tile by tile.
An axis along which a view does not move costs it nothing. At most four axes are longer than 1 in a
tile, which is what a descriptor of the machine takes (decision 12); the others become loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from dialects.affine import Affine, Ranges
from dialects.errors import CompileError, node_names
from dialects.lpu_mem import ops
from passes.lpu_mem.tiling.space import Space, simplify, space_of

AXES = 4
"""Axes of a machine descriptor."""


class Staged(NamedTuple):
    """Which operand is staged, and how many bytes one element takes."""

    operand: int
    itemsize: int


class Plan(NamedTuple):
    """The space, its bounds, and the tile size along each axis."""

    space: Space
    bounds: tuple[int, ...]
    tiles: tuple[int, ...]

    def is_looped(self, axis: int) -> bool:
        """Whether there is a loop along the axis."""
        return self.tiles[axis] < self.bounds[axis] or self.is_optional(axis)

    def is_optional(self, axis: int) -> bool:
        """An axis of one element or none: a loop of one step, or of none."""
        return self.bounds[axis] == 1 and self.space.extents[axis] != Affine(1)

    def extent(self, axis: int, operand: int) -> int:
        """Elements that a staged operand holds along an axis."""
        moves = self.space.views[operand].strides[axis] != Affine()
        return self.tiles[axis] if moves else 1


def is_staged(op: ops.DataOp, index: int) -> bool:
    """Whether the engine needs an operand in the LMU that lies in HBM."""
    return index not in op.DIRECT and ops.buffer_of(op.operands[index]).space == "hbm"


def staged_operands(op: ops.DataOp) -> list[Staged]:
    """The operands that tiles have to be made for."""
    return [
        Staged(i, ops.buffer_of(buffer).dtype.itemsize)
        for i, buffer in enumerate(op.operands)
        if is_staged(op, i) and not is_transfer(op)
    ]


def is_transfer(op: ops.DataOp) -> bool:
    """Whether an operation is a copy that the memory engine makes in one go."""
    spaces = {ops.buffer_of(buffer).space for buffer in op.operands}
    return isinstance(op, ops.CopyOp) and "lmu" in spaces


def footprint(op: ops.DataOp, space: Space, tiles: Sequence[int], staged: Sequence[Staged]) -> int:
    """Bytes of LMU that one tile of all staged operands takes, each rounded up to 8."""
    total = 0
    for entry in staged:
        strides = space.views[entry.operand].strides
        extents = [t for t, s in zip(tiles, strides, strict=True) if s != Affine()]
        if isinstance(op, ops.TopkOp) and entry.operand < op.WRITES:
            extents = [*extents[:-1], op.k.value.data]
        total += -(-prod(extents) * entry.itemsize // 8) * 8
    return total


def growth_order(op: ops.DataOp, space: Space, bounds: Sequence[int]) -> list[int]:
    """The axes that a tile may extend along, most urgent first."""
    if isinstance(op, ops.VecmatOp):
        batch = [axis for axis in reversed(range(space.rank - 3)) if bounds[axis] > 1]
        return [space.rank - 2, space.rank - 1, space.rank - 3, *batch[:1]]
    inner_first = list(reversed(range(space.rank)))
    return sorted(inner_first, key=lambda axis: not _must_be_whole(op, space, axis))


def _is_matrix(op: ops.DataOp, space: Space, axis: int) -> bool:
    """Whether an axis is the K or the N of a product."""
    return isinstance(op, ops.VecmatOp) and axis >= space.rank - 2


def _needs_last_axis(op: ops.DataOp, space: Space, tiles: Sequence[int], axis: int) -> bool:
    """Whether the last axis of a tile must be kept for one that a reduction sums over."""
    is_summed = any(r and tile > 1 for r, tile in zip(space.reduced, tiles, strict=True))
    return isinstance(op, ops.ReduceOp) and not (is_summed or space.reduced[axis])


def _must_be_whole(op: ops.DataOp, space: Space, axis: int) -> bool:
    topk = isinstance(op, ops.TopkOp) and axis == space.rank - 1
    return topk or space.dynamic_stride(axis)


def _largest(
    op: ops.DataOp,
    space: Space,
    tiles: list[int],
    staged: Sequence[Staged],
    axis: int,
    bound: int,
    budget: int,
) -> int:
    """The largest tile along one axis that still fits, by bisection."""

    def fits(size: int) -> bool:
        return footprint(op, space, [*tiles[:axis], size, *tiles[axis + 1 :]], staged) <= budget

    if fits(bound):
        return bound
    low, high = 1, bound
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def least_bytes(op: ops.DataOp, ranges: Ranges) -> int:
    """The bytes of LMU that the smallest tile of an operation takes."""
    space = simplify(space_of(op))
    bounds = [max(b, 1) for b in space.bounds(ranges)]
    tiles = [b if _must_be_whole(op, space, axis) else 1 for axis, b in enumerate(bounds)]
    return footprint(op, space, tiles, staged_operands(op))


def plan(op: ops.DataOp, space: Space, ranges: Ranges, budget: int, axes: int = AXES) -> Plan:
    """Choose the tiles of an operation, of so many axes at most, for `budget` bytes of LMU."""
    bounds = tuple(max(b, 1) for b in space.bounds(ranges))
    staged = staged_operands(op)
    tiles = [1] * space.rank
    free = axes
    for axis in growth_order(op, space, bounds):
        if bounds[axis] == 1 or (free == 1 and _needs_last_axis(op, space, tiles, axis)):
            continue
        limit = budget
        if isinstance(op, ops.VecmatOp) and space.reduced[axis]:
            limit = budget // 2
        tiles[axis] = _largest(op, space, tiles, staged, axis, bounds[axis], limit)
        free -= 1
        is_split = tiles[axis] < bounds[axis]
        if free == 0 or (is_split and not _is_matrix(op, space, axis)):
            break
    _check(op, space, bounds, tiles, footprint(op, space, tiles, staged), budget)
    return Plan(space, bounds, tuple(tiles))


def _check(
    op: ops.DataOp,
    space: Space,
    bounds: Sequence[int],
    tiles: Sequence[int],
    need: int,
    budget: int,
) -> None:
    names = node_names(op)
    node = names[0] if names else None
    if need > budget:
        raise CompileError(
            f"one element of each operand takes {need} bytes of LMU, {budget} are free",
            node=node,
            op=op.name,
            hint="choose a target with more LMU",
        )
    for axis in range(space.rank):
        if tiles[axis] < bounds[axis] and _must_be_whole(op, space, axis):
            raise CompileError(
                f"an axis of {bounds[axis]} elements must be in the LMU at once; "
                f"{tiles[axis]} fit in {budget} bytes",
                node=node,
                op=op.name,
                hint="choose a target with more LMU or a smaller --max-context",
            )
