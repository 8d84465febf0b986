"""Makers of the element-wise instructions of the vector engine."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run, applying, assign, codes_of, move, native
from runtime.device.memory import Array
from runtime.isa.instructions.vector import Cast, Copy, Fill, Iota, Map1, Map2, Select
from runtime.isa.spec import DataInst
from runtime.native.passes import Function
from runtime.numerics.elements import ElementType, binary_into, convert, unary_into

_WRAP = 1 << 64


_NATIVE1 = {
    "neg": Function.NEG, "abs": Function.ABS, "sqrt": Function.SQRT, "recip": Function.RECIP,
    "relu": Function.RELU, "isnan": Function.ISNAN,
}  # fmt: skip
_NATIVE2 = {
    "add": Function.ADD, "sub": Function.SUB, "mul": Function.MUL, "div": Function.DIV,
    "max": Function.MAX, "min": Function.MIN,
}  # fmt: skip
_BY_EXP = {
    "gelu_tanh": (Function.GELU_POWER, Function.OVER_ONE_PLUS),
    "silu": (Function.NEG, Function.OVER_ONE_PLUS),
    "sigmoid": (Function.NEG, Function.ONE_PLUS_RECIP),
}
"""What computes the argument of the one exp in a function, and what goes on with its result."""
BETWEEN = 1 << 16
"""Elements at most that are kept between passes; more are computed in parts."""


def _map1(inst: Map1) -> Maker:
    kernel = unary_into(inst.fn, inst.dst.type, inst.a.type)
    function, codes = _NATIVE1.get(inst.fn), codes_of(inst.a.type, inst.a.type)
    if function is not Function.ISNAN:
        codes = codes_of(inst.dst.type, inst.a.type)

    def make(device: Device, out: Array, a: Array) -> Run:
        call = None
        if codes is not None and function is not None:
            call = native(device, function, (out, a), codes)
        elif codes is not None and inst.fn in _BY_EXP:
            call = _by_exp(device, inst.fn, (out, a), codes)
        return call or partial(kernel, a, out)

    return make


def _by_exp(
    device: Device, fn: str, arrays: tuple[Array, Array], codes: Sequence[int]
) -> Run | None:
    """A function of x that is passes around one exp, which is numpy's; None where it is not."""
    out, a = arrays
    is_same = out.__array_interface__["data"] == a.__array_interface__["data"]
    if out.shape != a.shape or (not is_same and np.may_share_memory(out, a)):
        return None
    powers: Array = np.empty(min(a.size, BETWEEN), np.float32)
    runs: list[Run] = []
    for part in _parts(a.shape):
        run = _part_by_exp(device, fn, (out[part], a[part]), codes, powers)
        if run is None:
            return None
        runs.append(run)
    return runs[0] if len(runs) == 1 else partial(_all, runs)


def _parts(shape: Sequence[int]) -> list[tuple[slice, ...]]:
    """Parts of an array along its first axis of several elements, each of at most `BETWEEN`."""
    axis = next((axis for axis, extent in enumerate(shape) if extent > 1), 0)
    step = max(1, BETWEEN // max(1, prod(shape[axis + 1 :])))
    ahead = (slice(None),) * axis
    return [(*ahead, slice(at, at + step)) for at in range(0, shape[axis], step)]


def _all(runs: Sequence[Run]) -> None:
    for run in runs:
        run()


def _part_by_exp(
    device: Device, fn: str, arrays: tuple[Array, Array], codes: Sequence[int], room: Array
) -> Run | None:
    """The same of a part, whose powers have room in an array."""
    (out, a), (before, behind) = arrays, _BY_EXP[fn]
    if a.size > BETWEEN:
        return None
    powers = room[: a.size].reshape(a.shape)
    operands = (out, a, powers) if behind is Function.OVER_ONE_PLUS else (out, powers)
    types = (codes[0], *[codes[1], 0][3 - len(operands) :])
    first = native(device, before, (powers, a), (0, codes[1]))
    second = native(device, behind, operands, types)
    if first is None or second is None:
        return None

    def run() -> None:
        first()
        np.exp(powers, powers)
        second()

    return run


def _map2(inst: Map2) -> Maker:
    kernel = binary_into(inst.fn, inst.dst.type, inst.a.type, inst.b.type)
    by_name = kernel in (np.maximum, np.minimum)
    function, codes = _NATIVE2.get(inst.fn), codes_of(inst.dst.type, inst.a.type, inst.b.type)

    def make(device: Device, out: Array, a: Array, b: Array) -> Run:
        call = None
        if codes is not None and function is not None:
            call = native(device, function, (out, a, b), codes)
        if call is not None:
            return call
        return partial(kernel, a, b, out=out) if by_name else partial(kernel, a, b, out)

    return make


def _select(inst: Select) -> Maker:
    del inst

    def make(device: Device, out: Array, cond: Array, a: Array, b: Array) -> Run:
        call = native(device, Function.SELECT, (out, cond, a, b), (0, 0, 0, 0))
        return call or partial(_choose, out, cond, a, b)

    return make


def _choose(out: Array, cond: Array, a: Array, b: Array) -> None:
    out[...] = np.where(cond, a, b)


def _cast(inst: Cast) -> Maker:
    element, source = inst.dst.type, inst.a.type
    from_float = source.is_float and not element.is_float
    if from_float or ElementType.BOOL in (element, source):
        return applying(_convert, element)
    return move


def _convert(element: ElementType, out: Array, a: Array) -> None:
    out[...] = convert(a, element)


def _copy(inst: Copy) -> Maker:
    del inst
    return move


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
