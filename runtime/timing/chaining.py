"""When, within an instruction, each granule of its operands is touched.

An element of a result is valid when it is written, not when its instruction ends, so dependent
instructions chain: the consumer starts when, at full rate, it never asks for a granule too early.

    ready in [t0, t1], in the order of use; n cycles to use them:  start = max(t0, t1 - (n - 1))

A granule is valid from its last element on and needed at its first. What order an engine takes:

    vector         row-major over the extents, `vxe_lanes` elements a cycle. A result over several
                   elements (of `reduce`, the carry of `scan`) is valid behind the last of them,
                   what `topk` finds in a row behind the row.
    matrix         for each batch, group of columns and row: the chunks of K, one tile a cycle. Its
                   results appear group by group, and a row of x is read again for each group.
    load, store    row-major over the extents, at an even rate

Sources: valid bits and chained instructions, DFX (MICRO 2022); the final sum of a lane is produced
during the product and the next operator works on it at once, PAT-MAP. Assumed: row-major order; one
accumulator per tree, so that a group of columns waits until all rows have passed; writes follow the
reads of a granule by the same rule; a piece that straddles two granules counts for both.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, prod
from typing import Any

import numpy as np

from runtime.isa.accesses import Access
from runtime.isa.fields import Four

Times = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]
Granules = slice | Indices
POINTS = 1 << 18
"""An operand of more pieces counts as a whole: needed at the start and valid at the end."""


@dataclass(frozen=True, eq=False)
class Order:
    """When an engine takes the points with given extents.

    Point i is due in cycle `unit(sum of first[k][i_k])`, done `tick` after `unit(sum of
    last[k][i_k])`; neither decreases along an axis. The pass takes `total` cycles.
    """

    extents: Four
    first: tuple[Times, ...]
    last: tuple[Times, ...]
    unit: Callable[[Times], Times]
    tick: float
    total: float


@dataclass(frozen=True, eq=False)
class Touch:
    """Granules of an operand, needed from cycle `begin` of the pass on and left behind at `end`."""

    granules: Granules
    begin: Times
    end: Times


@lru_cache(4096)
def row_major(extents: Four, lanes: int) -> Order:
    """The order of the vector engine: so many elements a cycle."""
    axes, count = _positions(extents), prod(extents)
    return Order(extents, axes, axes, lambda p: p // lanes, 1.0, float(ceil(count / lanes)))


@lru_cache(4096)
def row_ends(extents: Four, lanes: int) -> Order:
    """The order of results that need the whole row, along axis 3."""
    order = row_major(extents, lanes)
    last = (*order.last[:3], np.full(extents[3], order.last[3][-1]))
    return replace(order, first=(*order.first[:3], np.zeros(extents[3])), last=last)


@lru_cache(4096)
def even(extents: Four, cycles: float) -> Order:
    """The order of the memory engine: all elements within so many cycles."""
    axes, pace = _positions(extents), cycles / max(1, prod(extents))
    return Order(extents, axes, axes, lambda p: p * pace, pace, cycles)


@lru_cache(4096)
def tiles(extents: Four, lanes: int, trees: int) -> tuple[Order, Order]:
    """The orders of the result [B, M, 1, N] and of x [B, M, K, 1] of a product."""
    batch, rows, depth, columns = extents
    chunks, groups = ceil(depth / lanes), ceil(columns / trees)
    b, m, k, n = (np.arange(e, dtype=float) for e in extents)
    b, m, k, n = b * (groups * rows * chunks), m * chunks, k // lanes, n // trees * (rows * chunks)
    zero, total = np.zeros(1), float(batch * rows * chunks * groups)
    again = max(0, groups - 1) * rows * chunks
    tick = 1.0 if total else 0.0
    done = (b, m, zero, n + max(0, chunks - 1))
    result = Order((batch, rows, 1, columns), (b, m, zero, n), done, _same, tick, total)
    x = Order((batch, rows, depth, 1), (b, m, k, zero), (b, m, k + again, zero), _same, tick, total)
    return result, x


def touch(access: Access, order: Order, granule: int) -> Touch:
    """The granules of an access to the LMU that has elements."""
    first, offset = divmod(access.base, granule)
    found = _profile(access._replace(base=offset), order, granule)
    where = found.granules
    if isinstance(where, slice):
        where = slice(where.start + first, where.stop + first)
    else:
        where = where + first
    return Touch(where, found.begin, found.end)


def _same(points: Times) -> Times:
    return points


def _positions(extents: Four) -> tuple[Times, ...]:
    """Contribution of each axis to the row-major position."""
    inner = [prod(extents[k + 1 :]) for k in range(4)]
    return tuple(np.arange(e, dtype=float) * i for e, i in zip(extents, inner, strict=True))


def _sum(parts: Iterable[Any]) -> Any:
    """All sums of one element of each of four vectors, in row-major order."""
    a, b, c, d = parts
    return np.add.outer(np.add.outer(a, b), np.add.outer(c, d)).reshape(-1)


def _pieces(access: Access, granule: int) -> list[int]:
    """Elements along each axis that are taken together, as they touch at most two granules."""
    moving = [e > 1 and s != 0 for e, s in zip(access.extents, access.strides, strict=True)]
    steps = [1 if moves else e for moves, e in zip(moving, access.extents, strict=True)]
    if any(moving):
        inner = min((abs(access.strides[k]), k) for k in range(4) if moving[k])[1]
        steps[inner] = max(1, granule // max(abs(access.strides[inner]), access.itemsize))
    return steps


@lru_cache(4096)
def _profile(access: Access, order: Order, granule: int) -> Touch:
    """The touch of an access that starts in granule 0."""
    extents, strides, steps = access.extents, access.strides, _pieces(access, granule)
    low, high = access.bounds()
    origin, count = low // granule, -(-high // granule) - low // granule
    granules = slice(origin, origin + count)
    if prod(-(-e // c) for e, c in zip(extents, steps, strict=True)) > POINTS:
        return Touch(granules, np.zeros(1), np.full(1, order.total))
    near = [np.arange(0, e, c) for e, c in zip(extents, steps, strict=True)]
    far = [np.minimum(i + c, e) - 1 for i, c, e in zip(near, steps, extents, strict=True)]
    first = _sum(order.first[k][near[k]] for k in range(4))
    last = _sum(order.last[k][far[k] if e > 1 else [-1]] for k, e in enumerate(extents))
    one, other = (
        _sum(i * s for i, s in zip(at, strides, strict=True)) + (access.base - origin * granule)
        for at in (near, far)
    )
    begin, end = np.full(count, np.inf), np.zeros(count)
    for byte in (np.minimum(one, other), np.maximum(one, other) + access.itemsize - 1):
        np.minimum.at(begin, byte // granule, first)
        np.maximum.at(end, byte // granule, last)
    touched = begin < np.inf
    begin, end = order.unit(begin[touched]), order.unit(end[touched]) + order.tick
    return Touch(granules if touched.all() else np.flatnonzero(touched) + origin, begin, end)
