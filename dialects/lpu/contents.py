"""The one element of a fill, as digits and as a number."""

from __future__ import annotations

import numpy as np

from dialects.lpu.elementwise import FillOp
from runtime.numerics.elements import ElementType


def fill_hex(value: float | bool, dtype: ElementType) -> str:
    """One element as hex digits, little-endian: what `lpu.fill` stores."""
    return np.asarray(value).astype(dtype.dtype).tobytes().hex()


def fill_value(op: FillOp) -> np.ndarray:
    """The element of a fill as an array of rank 0."""
    raw = bytes.fromhex(op.value.data)
    return np.frombuffer(raw, op.result_tensor().dtype.dtype).reshape(())
