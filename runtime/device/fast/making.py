"""From arrays to calls: what the makers of the instruction families have in common.

A maker takes a device and the arrays of an instruction's operands, in the order of their slots, and
gives a call without arguments that executes the instruction once. It is asked anew for every set of
register values and may read registers itself.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from runtime.device.device import Device
from runtime.device.memory import Array

Run = Callable[[], None]
Maker = Callable[..., Run]


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


def _assign_copied(out: Array, a: Array) -> None:
    out[...] = a.copy()
