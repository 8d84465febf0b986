"""From arrays to calls: what the makers of the instruction families have in common.

A maker takes a device and the arrays of an instruction's operands, in the order of their slots, and
gives a call without arguments that executes the instruction once. It is asked anew for every set of
register values and may read registers itself.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.memory import Array
from runtime.native.passes import Function, prepare
from runtime.numerics.elements import ElementType

Run = Callable[[], None]
Maker = Callable[..., Run]

CODED = frozenset({ElementType.F32, ElementType.F16, ElementType.BF16})
CODES = {element.dtype: element.code for element in CODED}


def applying(call: Callable[..., None], *more: object) -> Maker:
    """A maker whose call takes `more` and the arrays."""

    def make(device: Device, *arrays: Array) -> Run:
        del device
        return partial(call, *more, *arrays)

    return make


def assign(device: Device, out: Array, a: Array) -> Run:
    """The call that copies elements, converting floats as they are assigned.

    Where vectors overlap, numpy copies elements in order of addresses, which is right for equal
    strides only.
    """
    del device
    if out.ndim == 1 and out.strides != a.strides and np.may_share_memory(out, a):
        return partial(_assign_copied, out, a)
    return partial(out.__setitem__, ..., a)


def move(device: Device, out: Array, a: Array) -> Run:
    """The same from one place of the device's memories to another."""
    codes = CODES.get(out.dtype), CODES.get(a.dtype)
    call = None
    if out.shape == a.shape and out.dtype == a.dtype:
        call = native(device, Function.MOVE, (out, a), (0, 0))
    elif out.shape == a.shape and None not in codes:
        call = native(device, Function.WIDEN, (out, a), codes)
    return call or assign(device, out, a)


def native(
    device: Device, function: Function, arrays: Sequence[Array], codes: Sequence[Any]
) -> Run | None:
    """The call of a native pass; None where no kernel serves, or it does not take the arrays.

    It knows where the arrays lie and does not keep them.
    """
    kernel = device.products.kernel
    return None if kernel is None else prepare(kernel, function, arrays, codes)


def codes_of(*elements: ElementType) -> tuple[int, ...] | None:
    """The codes of types that native passes compute with; None if one is another."""
    return tuple(e.code for e in elements) if CODED.issuperset(elements) else None


def _assign_copied(out: Array, a: Array) -> None:
    out[...] = a.copy()
