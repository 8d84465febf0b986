"""Panels and rows as the library takes them: structures of addresses, byte strides and extents."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]

PARTIALS = 16
"""The rows that the library copies are padded to a multiple of so many elements."""

DOT, OUTER = 0, 1


class PanelOperand(ctypes.Structure):
    """B matrices of K x N elements."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in (
            "batch_stride", "depth_stride", "column_stride", "batch", "depth", "columns",
            "element", "form",
        )),
    ]  # fmt: skip


class RowsOperand(ctypes.Structure):
    """Rows and results: B matrices of M x K and of M x N elements."""

    _fields_ = [
        ("x", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in (
            "x_batch", "x_row", "x_depth", "out_batch", "out_row", "out_column",
            "rows", "x_element", "out_element", "accumulate",
        )),
    ]  # fmt: skip


def form_of(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> int | None:
    """The form of a panel [B, K, N] with byte strides; None where it has neither.

    An axis of one element may have any stride.
    """
    (_, depth, columns), (_, k, n) = shape, strides
    if k == itemsize or depth <= 1:
        return DOT
    return OUTER if n == itemsize or columns == 1 else None


def panel_operand(matrix: Array, element: ElementType) -> PanelOperand | None:
    """A panel [B, K, N] of floats; None where the library does not take it."""
    return panel_at(matrix.ctypes.data, matrix.strides, matrix.shape, element)


def panel_at(
    address: int, strides: Sequence[int], shape: Sequence[int], element: ElementType
) -> PanelOperand | None:
    """The same at an address of the host."""
    form = form_of(shape, strides, element.itemsize)
    if form is None or element.code > ElementType.BF16.code:
        return None
    return PanelOperand(address, *strides, *shape, element.code, form)


def rows_operand(x: Array, out: Array, accumulate: bool, types: Sequence[ElementType]) -> Any:
    """Rows [B, M, K] and results [B, M, N], of two types of floats."""
    codes = [element.code for element in types]
    strides = (*x.strides, *out.strides)
    return RowsOperand(x.ctypes.data, out.ctypes.data, *strides, x.shape[1], *codes, accumulate)


def scratch_size(x: Array) -> int:
    """How many f32 the library needs for rows [B, M, K]."""
    batch, rows, depth = x.shape
    return batch * rows * -(-depth // PARTIALS) * PARTIALS
