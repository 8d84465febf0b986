"""What a result that accumulates may be: between two values, for each of its elements.

Of a sum of n terms in f32, in any order, the error is at most n u times the sum of their magnitudes
(u = 2^-24); the sum is rounded once to the type of the result. Where terms are infinite or NaN, the
result is what no order changes; where their magnitudes overflow, it may be anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.isa import DataInst, Inst, Operand, Reduce, Scan, Vecmat
from runtime.isa.spec import values
from runtime.numerics.elements import ElementType

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]
Limits = dict[int, tuple[float, float]]
UNIT, LEAST, TOP = 2.0**-24, 2.0**-149, 2.0**127
ANYTHING = (-np.inf, np.inf)


def positions(registers: Sequence[int], operand: Operand, extents: Sequence[int]) -> Array:
    """The byte address of each element of an operand."""
    found = np.full((1,) * 4, registers[operand.base], np.int64)
    for axis, (extent, stride) in enumerate(zip(extents, operand.strides, strict=True)):
        shape = [-1 if k == axis else 1 for k in range(4)]
        # The stride of a single element plays no part, and may be what no address holds.
        step = registers[stride] if extent > 1 else 0
        found = found + (np.arange(extent) * step).reshape(shape)
    return found


def elements(data: Array, places: Array, element: ElementType) -> Array:
    """The elements at byte addresses of a memory that starts at 0, as f64."""
    raw: Any = data[places[..., None] + np.arange(element.itemsize)]
    found = raw.view(element.dtype).reshape(places.shape)
    return found.astype(np.float64)


def accumulates(inst: Inst) -> bool:
    """Whether the order of floating-point sums or products matters to an instruction."""
    if isinstance(inst, Reduce):
        return inst.fn in ("sum", "mul") and inst.a.type.is_float
    return isinstance(inst, Vecmat | Scan)


def limits(inst: Inst, device: Device, lmu: Array, panel: Any) -> Limits:
    """By address in the LMU, what the elements of an accumulating instruction's results may be.

    `lmu` holds the bytes before the instruction, `panel` what `vecmat` takes from the FIFO.
    """
    registers = device.registers
    if isinstance(inst, Vecmat):
        return _of_product(inst, registers, lmu, panel)
    if isinstance(inst, Reduce):
        return _of_reduction(inst, registers, lmu)
    assert isinstance(inst, Scan)
    return _of_scan(inst, registers, lmu)


def _of_product(inst: Vecmat, registers: Sequence[int], lmu: Array, panel: Array) -> Limits:
    batch, rows, depth, columns = values(registers, inst.extents)
    x = elements(lmu, positions(registers, inst.x, (batch, rows, depth, 1)), inst.x.type)
    dst = positions(registers, inst.dst, (batch, rows, 1, columns))
    terms = x * panel.astype(np.float64)[:, None]
    if inst.accumulate:
        terms = np.concatenate([terms, elements(lmu, dst, inst.dst.type)], axis=2)
    return _between(*_sums(terms, 2), dst, inst.dst.type)


def _of_reduction(inst: Reduce, registers: Sequence[int], lmu: Array) -> Limits:
    extents = values(registers, inst.extents)
    axes = tuple(k for k in range(4) if inst.axes >> k & 1)
    terms = elements(lmu, positions(registers, inst.a, extents), inst.a.type)
    kept = [1 if k in axes else extent for k, extent in enumerate(extents)]
    dst = positions(registers, inst.dst, kept)
    terms = np.moveaxis(terms, axes, range(len(axes))).reshape(-1, *kept)
    if inst.accumulate:
        terms = np.concatenate([terms, elements(lmu, dst, inst.dst.type)[None]])
    return _between(*(_sums if inst.fn == "sum" else _products)(terms, 0), dst, inst.dst.type)


def _of_scan(inst: Scan, registers: Sequence[int], lmu: Array) -> Limits:
    extents = values(registers, inst.extents)
    carried = positions(registers, inst.carry, (*extents[:3], 1))
    a = elements(lmu, positions(registers, inst.a, extents), inst.a.type)
    terms = np.concatenate([elements(lmu, carried, inst.carry.type), a], axis=3)
    places = positions(registers, inst.dst, extents)
    found: Limits = {}
    for n in range(extents[3]):
        taken = terms[..., : n + 1 + (not inst.exclusive)]
        found |= _between(*_sums(taken, 3), places[..., n : n + 1], inst.dst.type)
    return found | _between(*_sums(terms, 3), carried, inst.carry.type)


def _sums(terms: Array, axis: int) -> tuple[Array, Array]:
    """Least and greatest of the sums along an axis."""
    total = terms.sum(axis, keepdims=True)
    size = np.abs(terms).sum(axis, keepdims=True)
    error = terms.shape[axis] * (UNIT * size + LEAST)
    finite = np.abs(np.where(np.isfinite(terms), terms, 0)).sum(axis, keepdims=True)
    blurred = (finite > TOP) & ~np.isnan(terms).any(axis, keepdims=True)
    return np.where(blurred, -np.inf, total - error), np.where(blurred, np.inf, total + error)


def _products(terms: Array, axis: int) -> tuple[Array, Array]:
    """Least and greatest of the products along an axis."""
    total = terms.prod(axis, keepdims=True)
    error = np.abs(total) * UNIT * terms.shape[axis] * 2
    large = np.maximum(np.abs(terms), 1).prod(axis, keepdims=True) > TOP
    small = np.minimum(np.abs(terms), 1).prod(axis, keepdims=True) < 2.0**-126
    blurred = large | (small & (total != 0)) | ~np.isfinite(total) | (total == 0) & large
    return np.where(blurred, -np.inf, total - error), np.where(blurred, np.inf, total + error)


def _between(low: Array, high: Array, places: Array, element: ElementType) -> Limits:
    """The limits, rounded to the type of the result, by address."""
    if not element.is_float:
        return {}
    least, most = (_rounded(v, element).ravel().tolist() for v in (low, high))
    pairs = zip(least, most, strict=True)
    return dict(zip(places.ravel().tolist(), pairs, strict=True))


def _rounded(values_: Array, element: ElementType) -> Array:
    """By way of f32, in which sums are kept."""
    return values_.astype(np.float32).astype(element.dtype).astype(np.float64)


def results(inst: DataInst) -> list[Operand]:
    """The operands that an instruction writes."""
    return [inst.operand(n) for n in ("dst", "carry", "indices") if hasattr(inst, n)]
