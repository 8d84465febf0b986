"""Gathers that `onnx.reference` has for axes of 64 elements at most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.onnx.extra.definition import SEMANTICS, Array, Inputs, given, integer_of
from dialects.onnx.ops import OnnxOp


def gather_elements(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """`onnx.reference` has it for axes of 64 elements at most."""
    data, indices = given(inputs, 0), given(inputs, 1)
    axis = integer_of(op, "axis")
    rows = np.where(indices < 0, indices + data.shape[axis], indices)
    return (np.take_along_axis(data, rows, axis),)


SEMANTICS["", "GatherElements"] = gather_elements
