"""Makers of the instructions that combine elements along axes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run, applying, codes_of, native
from runtime.device.memory import Array
from runtime.isa.instructions.reduction import Reduce, Scan, TopK, accumulator, identity
from runtime.isa.parts import MANY, parts
from runtime.isa.spec import DataInst
from runtime.native.passes import Function
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind

_UFUNCS: dict[str, Any] = {
    "sum": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip
_NATIVE = {"sum": Function.SUM, "max": Function.GREATEST}
# A row this many times longer than what is wanted of it is not sorted as a whole.
FEW = 8


def _reduce(inst: Reduce) -> Maker:
    axes = tuple(k for k in range(4) if inst.axes >> k & 1)
    kind, ufunc, start = accumulator(inst.a.type), _UFUNCS[inst.fn], identity(inst.fn, inst.a.type)
    combine = partial(ufunc.reduce, axis=axes, dtype=kind, keepdims=True, initial=start)

    def run(out: Array, x: Array) -> None:
        out[...] = combine(x.astype(kind, copy=False))

    def run_onto(out: Array, x: Array) -> None:
        total = combine(x.astype(kind, copy=False))
        out[...] = ufunc(out.astype(kind, copy=False), total)

    def run_many(out: Array, x: Array) -> None:
        total = np.full(out.shape, start, kind)
        for part in parts(x.shape, MANY):
            box = tuple(slice(0, 1) if k in axes else at for k, at in enumerate(part))
            total[box] = ufunc(total[box], combine(x[part].astype(kind, copy=False)))
        out[...] = ufunc(out.astype(kind, copy=False), total) if inst.accumulate else total

    function = None if inst.accumulate else _NATIVE.get(inst.fn)
    codes = codes_of(inst.dst.type, inst.a.type)
    is_native = inst.a.type.dtype == inst.dst.type.dtype == kind and not inst.accumulate
    few = run_onto if inst.accumulate else run

    def make(device: Device, out: Array, x: Array) -> Run:
        if function is not None and codes is not None and _is_of_rows(axes, x):
            call = native(device, function, (out, x), codes)
            if call is not None:
                return call
        if x.size > MANY:
            return partial(run_many, out, x)
        if is_native:
            return partial(ufunc.reduce, x, axes, kind, out, True, start)
        return partial(few, out, x)

    return make


def _is_of_rows(axes: Sequence[int], x: Array) -> bool:
    """Whether what is combined lies along the last axis."""
    return 3 in axes and all(x.shape[axis] == 1 for axis in axes if axis < 3) and x.size > 0


def _scan(inst: Scan) -> Maker:
    kind, exclusive = accumulator(inst.a.type), inst.exclusive

    def run(out: Array, x: Array, carry: Array) -> None:
        terms = np.concatenate((carry.astype(kind), x.astype(kind)), axis=3)
        sums = np.cumsum(terms, axis=3, dtype=kind)
        out[...] = sums[..., :-1] if exclusive else sums[..., 1:]
        carry[...] = sums[..., -1:]

    return applying(run)


def _topk(inst: TopK) -> Maker:
    register, kind = inst.largest, inst.a.type.compute
    is_bool = inst.a.type is ElementType.BOOL

    def run(out: Array, places: Array, x: Array, largest: bool) -> None:
        # numpy sorts bools by their bytes, of which all but 0 are true.
        order = _orders(x.view(np.uint8) if is_bool else x, kind, out.shape[3], largest)
        found = np.take_along_axis(x, order, axis=3)
        out[...] = found
        places[...] = order

    def run_one(out: Array, places: Array, x: Array) -> None:
        # What a greedy token is; `argmax` takes the first of what is greatest, NaN above all.
        at = x.astype(kind, copy=False).argmax()
        out[...], places[...] = x[..., at], at

    def make(device: Device, out: Array, places: Array, x: Array) -> Run:
        count, largest = out.shape[3], device.registers[register]
        if largest not in (0, 1) or count > x.shape[3]:
            message = f"k = {count} of {x.shape[3]} elements, largest = {largest}"
            raise Trap(TrapKind.ILLEGAL, message)
        if largest and count == 1 and x.shape[:3] == (1, 1, 1) and x.size <= MANY and not is_bool:
            return partial(run_one, out, places, x)
        return partial(run, out, places, x, bool(largest))

    return make


def _orders(x: Array, kind: Any, count: int, largest: bool) -> Array:
    """Indices of the `count` first elements along axis 3, row by row where they are many."""
    if x.size <= MANY:
        return _order(x.astype(kind, copy=False), count, largest)
    found = np.empty((*x.shape[:3], count), np.int64)
    for part in parts(x.shape, MANY) if found.size else ():
        rows = part[:3]
        if part[3].stop - part[3].start == x.shape[3]:
            found[rows] = _order(x[part].astype(kind, copy=False), count, largest)
        elif part[3].start == 0:
            found[rows] = _first(x[rows][0, 0, 0], kind, count, largest)
    return found


def _first(row: Array, kind: Any, count: int, largest: bool) -> Array:
    """The same of one row, from the first of what came before and the next ones."""
    best = np.empty(0, np.int64)
    for start in range(0, row.size, MANY):
        near = np.concatenate((best, np.arange(start, min(start + MANY, row.size))))
        values = row[near].astype(kind, copy=False)[None, None, None]
        best = near[_order(values, min(count, near.size), largest)[0, 0, 0]]
    return best


def _order(x: Array, count: int, largest: bool) -> Array:
    """Indices of the `count` first elements along axis 3."""
    if not largest:
        return np.argsort(x, axis=3, kind="stable")[..., :count]
    if count == 1 and x.size:
        return np.argmax(x, axis=3, keepdims=True)
    if x.shape[:3] == (1, 1, 1) and 0 < FEW * count < x.shape[3]:
        return _few(x[0, 0, 0], count).reshape(1, 1, 1, count)
    return _descending(x)[..., :count]


def _descending(x: Array) -> Array:
    """Indices along the last axis, the greatest first, ties to the lower index."""
    backwards = np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]
    return x.shape[-1] - 1 - backwards


def _few(row: Array, count: int) -> Array:
    """The first indices of a long row: only what is not below the last of them is sorted."""
    least = np.partition(row, row.size - count)[row.size - count]
    places = np.flatnonzero(~(row < least))
    return places[_descending(row[places])][:count]


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {
    Reduce: _reduce, Scan: _scan, TopK: _topk,
}  # fmt: skip
