"""A trial of a kernel: small products and passes of integers, right in every order of additions."""

import ctypes
from typing import Any

import numpy as np

from runtime.native.library import Kernel
from runtime.native.operands import Array, panel_operand, rows_operand, scratch_size
from runtime.native.passes import Function, prepare
from runtime.numerics.elements import ElementType

E = ElementType
SHAPES = ((1, 1, 37, 5), (2, 7, 35, 53), (1, 1, 600, 3), (1, 9, 600, 4))
"""B, M, K, N: one row and several, blocks and what is left of them."""


def multiply(
    kernel: Kernel, x: Array, matrix: Array, out: Array, accumulate: bool = False, threads: int = 1
) -> None:
    """The product of rows [B, M, K] with a panel [B, K, N], into results [B, M, N]."""
    types = [ElementType.of(array.dtype) for array in (matrix, x, out)]
    element, *others = (found for found in types if found is not None)
    panel = panel_operand(matrix, element)
    assert panel is not None
    rows = rows_operand(x, out, accumulate, others)
    scratch: Any = np.empty(scratch_size(x), np.float32)
    at = scratch.ctypes.data
    kernel.multiply(kernel.address, ctypes.byref(panel), ctypes.byref(rows), at, threads)


def fails(kernel: Kernel) -> bool:
    """Whether a product or a pass of integers is not what it is."""
    return _multiplies_badly(kernel) or _passes_badly(kernel)


def _passes_badly(kernel: Kernel) -> bool:
    x, total = np.arange(37, dtype=np.float32).reshape(1, 1, 1, 37), np.zeros((1,) * 4, np.float32)
    for function, arrays in ((Function.ADD, (x, x, x)), (Function.SUM, (total, x))):
        call = prepare(kernel, function, arrays, (0,) * len(arrays))
        if call is not None:
            call()
    return float(total[0, 0, 0, 0]) != 37 * 36


def _multiplies_badly(kernel: Kernel) -> bool:
    for element in (E.F32, E.F16, E.BF16):
        for batch, rows, depth, columns in SHAPES:
            x = _integers(batch, rows, depth).astype(np.float32)
            w = _integers(batch, depth, columns).astype(element.dtype)
            for panel in (w, w.swapaxes(1, 2).copy().swapaxes(1, 2)):
                out = np.full((batch, rows, columns), np.nan, np.float32)
                multiply(kernel, x, panel, out)
                if not np.array_equal(out, x @ w.astype(np.float32)):
                    return True
    return False


def _integers(*shape: int) -> Array:
    """Numbers from -4 to 4, of which no row and no column is another one."""
    cubes = np.arange(np.prod(shape)) ** 3 % 10_007
    return (cubes % 9 - 4).reshape(shape)
