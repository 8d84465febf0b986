"""Inputs whose value is given are constants: `use_cache_branch` of decoders with two branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import ValueInfoProto

from dialects.errors import CompileError
from dialects.lpu.types import Tensor
from dialects.lpu.weights import INLINE_LIMIT, Inline, inline, nbytes
from dialects.names import escape
from dialects.spelling import did_you_mean

Number = bool | int | float
"""The value of all elements of an input."""


def check_inputs(given: Mapping[str, Number], inputs: Sequence[ValueInfoProto]) -> None:
    """CompileError if a value is given for what is no input."""
    known = [escape(info.name) for info in inputs]
    for name in map(escape, given):
        if name not in known:
            hint = did_you_mean(name, known, f"it has {', '.join(known)}")
            raise CompileError(f"--input-value {name}: no such input", hint=hint)


def constant(number: Number, tensor: Tensor, what: str) -> Inline:
    """An input as a constant; CompileError if it cannot be one, or not of this value."""
    if not tensor.is_static:
        raise CompileError(
            f"{what} has extents that the model leaves open, so no value can fill it"
        )
    shape, dtype = tensor.static_shape(), tensor.dtype
    if nbytes(shape, dtype) > INLINE_LIMIT:
        raise CompileError(f"{what} has more than {INLINE_LIMIT} bytes, too much for --input-value")
    unfit = CompileError(f"{what} is of {dtype} and cannot be {number}")
    try:
        with np.errstate(over="ignore"):
            array = np.full(shape, number, dtype.dtype)
    except (OverflowError, ValueError):
        raise unfit from None
    kept = np.isfinite(array) == np.isfinite(float(number)) if dtype.is_float else array == number
    if not kept.all():
        raise unfit
    return inline(array)
