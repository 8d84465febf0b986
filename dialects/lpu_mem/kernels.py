"""
What each operation over data does to strided views: numpy over any number of axes.

Only scalar functions come from the runtime; reductions, scans, products and index vectors are
written here, from the descriptions of the operations, and not from the machine's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dialects.lpu_mem import ops
from dialects.lpu_mem.memory import Array, MemoryFault, Region, Strided, indexed
from runtime.numerics.elements import ElementType, binary, convert, unary


class Point:
    """An operation with its extents, offsets and strides as numbers, and the memory it names."""

    def __init__(
        self, shape: list[int], places: list[tuple[int, list[int]]], regions: list[Region]
    ) -> None:
        self.shape = shape
        self.places = places
        self.regions = regions

    def padded(self, rank: int) -> Point:
        """The same with leading axes of extent 1, up to `rank` axes."""
        more = max(0, rank - len(self.shape))
        places = [(offset, [0] * more + strides) for offset, strides in self.places]
        return Point([1] * more + self.shape, places, self.regions)

    def dtype(self, index: int) -> ElementType:
        return self.regions[index].dtype

    def view(self, index: int, replaced: dict[int, int] | None = None) -> Strided:
        """The view of a buffer; `replaced` gives axes another extent."""
        offset, strides = self.places[index]
        shape = [(replaced or {}).get(axis, extent) for axis, extent in enumerate(self.shape)]
        return self.regions[index].view(offset, shape, strides)

    def positions(self, index: int) -> Array:
        """The element that each point names in a buffer, as numbers."""
        offset, strides = self.places[index]
        total = np.full(self.shape, offset, np.int64)
        for axis, stride in enumerate(strides):
            line = np.arange(self.shape[axis], dtype=np.int64) * stride
            total += line.reshape([-1 if k == axis else 1 for k in range(len(self.shape))])
        return total


def wide(dtype: ElementType) -> Any:
    """The type that sums of elements are kept in."""
    if dtype.is_float:
        return np.float32
    return np.bool_ if dtype is ElementType.BOOL else np.int64


REDUCTIONS: dict[str, tuple[Any, Callable[[ElementType], Any]]] = {
    "sum": (np.add, lambda _: 0),
    "mul": (np.multiply, lambda _: 1),
    "max": (np.maximum, lambda dtype: _extreme(dtype, low=True)),
    "min": (np.minimum, lambda dtype: _extreme(dtype, low=False)),
}


def _extreme(dtype: ElementType, low: bool) -> float | int | bool:
    if dtype.is_float:
        return -np.inf if low else np.inf
    if dtype is ElementType.BOOL:
        return not low
    limits = np.iinfo(dtype.dtype)
    return int(limits.min if low else limits.max)


def run_map(op: ops.MapOp, p: Point) -> None:
    sources = [p.view(i).read() for i in range(1, len(p.regions))]
    types = [p.dtype(i) for i in range(len(p.regions))]
    out = np.empty(p.shape, types[0].dtype)
    kernel: Any = unary if len(sources) == 1 else binary
    kernel(op.fn.data, *types)(out, *sources)
    p.view(0).write(out)


def run_select(_: ops.SelectOp, p: Point) -> None:
    condition, a, b = (p.view(i).read() for i in (1, 2, 3))
    p.view(0).write(np.where(condition, a, b))


def run_cast(_: ops.CastOp, p: Point) -> None:
    p.view(0).write(convert(p.view(1).read(), p.dtype(0)))


def run_copy(_: ops.CopyOp, p: Point) -> None:
    p.view(0).write(p.view(1).read().copy())


def run_fill(op: ops.FillOp, p: Point) -> None:
    p.view(0).write(np.frombuffer(bytes.fromhex(op.value.data), p.dtype(0).dtype)[0])


def run_reduce(op: ops.ReduceOp, p: Point) -> None:
    axes = tuple(op.axes.data)
    ufunc, identity = REDUCTIONS[op.fn.data]
    source, out = p.view(1).read(), p.view(0, dict.fromkeys(axes, 1))
    kind = wide(p.dtype(1))
    first = identity(p.dtype(1))
    total = ufunc.reduce(source.astype(kind), axis=axes, keepdims=True, initial=first)
    if op.accumulate.value.data:
        total = ufunc(out.read().astype(kind), total)
    out.write(total)


def run_scan(op: ops.ScanOp, p: Point) -> None:
    last = len(p.shape) - 1
    kind = wide(p.dtype(2))
    carry = p.view(1, {last: 1})
    sums = np.cumsum(p.view(2).read().astype(kind), axis=last, dtype=kind)
    start = carry.read().astype(kind)
    inclusive = sums + start
    if op.exclusive.value.data:
        p.view(0).write(np.concatenate((start, inclusive), axis=last)[..., : p.shape[last]])
    else:
        p.view(0).write(inclusive)
    if p.shape[last]:
        carry.write(inclusive[..., -1:])


def _rows(index: Array, limit: int) -> Array:
    rows = np.where(index < 0, index + limit, index)
    if rows.size and (rows.min() < 0 or rows.max() >= limit):
        raise MemoryFault(f"an index is outside a dimension of {limit}")
    return rows


def run_gather(_: ops.GatherOp, p: Point, limit: int, row: int) -> None:
    positions = p.positions(1) + _rows(p.view(2).read(), limit) * row
    flat, at, shadow = indexed(p.regions[1], positions)
    if shadow is not None and not shadow[at].all():
        raise MemoryFault("gathers elements that nothing wrote")
    p.view(0).write(flat[at] if at.size else 0)


def run_scatter(op: ops.ScatterOp, p: Point, limit: int, row: int) -> None:
    positions = p.positions(0) + _rows(p.view(2).read(), limit) * row
    flat, at, shadow = indexed(p.regions[0], positions)
    if shadow is None and at.size:
        raise MemoryFault("writes to a weight")
    fn = op.fn.data
    if fn != "set" and shadow is not None and not shadow[at].all():
        raise MemoryFault("updates elements that nothing wrote")
    _update(flat, at.reshape(-1), p.view(1).read().reshape(-1), fn)
    if shadow is not None:
        shadow[at] = True


def _update(flat: Array, positions: Array, values: Array, fn: str) -> None:
    if fn == "set":
        flat[positions] = values
        return
    function = REDUCTIONS["sum" if fn == "add" else fn][0]
    for position, value in zip(positions.tolist(), values, strict=True):
        flat[position] = function(flat[position], value)


def run_topk(op: ops.TopkOp, p: Point) -> None:
    last, k = len(p.shape) - 1, op.k.value.data
    source = p.view(2).read()
    keys = source.astype(p.dtype(2).compute)
    if op.largest.value.data:
        flipped = np.argsort(np.flip(keys, last), axis=last, kind="stable")
        order = p.shape[last] - 1 - np.flip(flipped, last)
    else:
        order = np.argsort(keys, axis=last, kind="stable")
    order = order[..., :k]
    p.view(0, {last: k}).write(np.take_along_axis(source, order, axis=last))
    p.view(1, {last: k}).write(order)


def run_vecmat(op: ops.VecmatOp, p: Point) -> None:
    p = p.padded(3)
    m, k, n = range(len(p.shape) - 3, len(p.shape))
    kind = wide(p.dtype(1))
    out = p.view(0, {k: 1})
    x = p.view(1, {n: 1}).read()[..., 0].astype(kind)
    panel = p.view(2, {m: 1}).read()[..., 0, :, :].astype(kind)
    product = np.matmul(x, panel)[..., :, None, :]
    out.write(out.read().astype(kind) + product if op.accumulate.value.data else product)


KERNELS: dict[type[ops.DataOp], Callable[..., None]] = {
    ops.MapOp: run_map,
    ops.SelectOp: run_select,
    ops.CastOp: run_cast,
    ops.CopyOp: run_copy,
    ops.FillOp: run_fill,
    ops.ReduceOp: run_reduce,
    ops.ScanOp: run_scan,
    ops.TopkOp: run_topk,
    ops.VecmatOp: run_vecmat,
}
