"""Contents of values that are known when compiling, as integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from xdsl.ir import SSAValue

from dialects.lpu import ops
from dialects.lpu.weights import Weight, read
from runtime.numerics.elements import ElementType
from runtime.weights.recipes import file_ranges

LIMIT = 4096
"""Tensors with more elements are data, not parameters of an operation."""


def fill_hex(value: float | bool, dtype: ElementType) -> str:
    """One element as hex digits, little-endian: what `lpu.fill` stores."""
    return np.asarray(value).astype(dtype.dtype).tobytes().hex()


def fill_value(op: ops.FillOp) -> np.ndarray:
    """The element of a fill as an array of rank 0."""
    raw = bytes.fromhex(op.value.data)
    return np.frombuffer(raw, op.result_tensor().dtype.dtype).reshape(())


def constant_ints(value: SSAValue) -> list[int] | None:
    """
    The elements, in row-major order, of a small integer tensor; None when they are not known.

    Known are inline constants, fills and iotas without symbols.
    """
    tensor = ops.tensor_of(value)
    if not tensor.is_static or tensor.dtype.is_float or tensor.elements.const > LIMIT:
        return None
    match value.owner:
        case ops.ConstantOp(value=weight):
            return _weight_ints(weight.data)
        case ops.FillOp():
            return [int(fill_value(value.owner))] * tensor.elements.const
        case ops.IotaOp():
            return _iota_ints(value.owner)
        case _:
            return None


def _weight_ints(weight: Weight) -> list[int] | None:
    if any(file_ranges(weight)):
        return None
    return [int(element) for element in read(weight, Path()).ravel()]


def _iota_ints(op: ops.IotaOp) -> list[int] | None:
    if not all(c.is_const for c in op.coefficients.data):
        return None
    base, *steps = (c.const for c in op.coefficients.data)
    return [
        base + sum(s * i for s, i in zip(steps, index, strict=True))
        for index in np.ndindex(op.result_tensor().static_shape())
    ]
