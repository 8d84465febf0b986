"""Makers of the element-wise instructions of the vector engine."""

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run, applying, assign
from runtime.device.memory import Array
from runtime.isa.instructions.vector import Cast, Copy, Fill, Iota, Map1, Map2, Select
from runtime.isa.spec import DataInst
from runtime.numerics.elements import ElementType, binary_into, convert, unary_into

_WRAP = 1 << 64


def _map1(inst: Map1) -> Maker:
    kernel = unary_into(inst.fn, inst.dst.type, inst.a.type)

    def make(device: Device, out: Array, a: Array) -> Run:
        del device
        return partial(kernel, a, out)

    return make


def _map2(inst: Map2) -> Maker:
    kernel = binary_into(inst.fn, inst.dst.type, inst.a.type, inst.b.type)
    by_name = kernel in (np.maximum, np.minimum)

    def make(device: Device, out: Array, a: Array, b: Array) -> Run:
        del device
        return partial(kernel, a, b, out=out) if by_name else partial(kernel, a, b, out)

    return make


def _select(inst: Select) -> Maker:
    del inst
    return applying(_choose)


def _choose(out: Array, cond: Array, a: Array, b: Array) -> None:
    out[...] = np.where(cond, a, b)


def _cast(inst: Cast) -> Maker:
    element, source = inst.dst.type, inst.a.type
    from_float = source.is_float and not element.is_float
    if from_float or ElementType.BOOL in (element, source):
        return applying(_convert, element)
    return assign


def _convert(element: ElementType, out: Array, a: Array) -> None:
    out[...] = convert(a, element)


def _copy(inst: Copy) -> Maker:
    del inst
    return assign


def _fill(inst: Fill) -> Maker:
    register, element = inst.value, inst.dst.type

    def make(device: Device, out: Array) -> Run:
        bits = int(device.registers[register]) % _WRAP
        if element is ElementType.BOOL:
            bits = int(bits != 0)
        raw = bits.to_bytes(8, "little")[: element.itemsize]
        return assign(device, out, np.frombuffer(raw, element.dtype))

    return make


def _iota(inst: Iota) -> Maker:
    start, element, steps_of = inst.start, inst.dst.type, itemgetter(*inst.steps)

    def make(device: Device, out: Array) -> Run:
        values: Any = np.int64(device.registers[start])
        for axis, step in enumerate(steps_of(device.registers)):
            if out.shape[axis] > 1 and step:
                shape = [-1 if k == axis else 1 for k in range(4)]
                count = np.arange(out.shape[axis], dtype=np.int64).reshape(shape)
                values = values + count * np.int64(step)
        return assign(device, out, values.astype(element.dtype))

    return make


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {
    Map1: _map1, Map2: _map2, Select: _select, Cast: _cast, Copy: _copy, Fill: _fill, Iota: _iota,
}  # fmt: skip
ANY_RANK: frozenset[type[DataInst]] = frozenset({Map1, Map2, Select, Cast, Copy, Fill})
"""Instructions whose makers take arrays of any rank, the same for all."""
