"""Operators at whose limits `onnx.reference` means something else than the standard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from dialects.onnx.extra.definition import SEMANTICS, Array, Inputs, given, integer_of, optional
from dialects.onnx.ops import OnnxOp


def gather_elements(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """`onnx.reference` has it for axes of 64 elements at most."""
    data, indices = given(inputs, 0), given(inputs, 1)
    axis = integer_of(op, "axis")
    rows = np.where(indices < 0, indices + data.shape[axis], indices)
    return (np.take_along_axis(data, rows, axis),)


SEMANTICS["", "GatherElements"] = gather_elements


def slice_(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """
    A start in front of the first element is the first one backwards, too.

    The standard clamps it "to the range [0, dims[axes[i]]-1] for negative stepping", Python does
    not, nor does `onnx.reference`.
    """
    data = given(inputs, 0)
    starts, ends, axes, steps = (
        _listed(op, inputs, name) for name in ("starts", "ends", "axes", "steps")
    )
    assert starts is not None
    assert ends is not None
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    window = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        first = max(start, -data.shape[axis]) if step < 0 else start
        window[axis] = slice(first, end, step)
    return (data[tuple(window)],)


def _listed(op: OnnxOp, inputs: Inputs, name: str) -> list[int] | None:
    """Integers that old versions have as an attribute."""
    if name in op.schema.attributes:
        value = op.attr(name)
        return [int(one) for one in value] if isinstance(value, list) else None
    position = op.schema.input_index.get(name)
    held = None if position is None else optional(inputs, position)
    return None if held is None else [int(one) for one in held.reshape(-1)]


SEMANTICS["", "Slice"] = slice_


def pad(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """A negative width cuts off, which `onnx.reference` does not know."""
    x, rank = given(inputs, 0), given(inputs, 0).ndim
    widths = _listed(op, inputs, "pads" if op.since_version > 1 else "paddings")
    axes = _listed(op, inputs, "axes") if "axes" in op.schema.input_index else None
    axes = list(range(rank)) if axes is None else axes
    assert widths is not None
    mode = str(op.attr("mode") or "constant")
    for axis, before, after in zip(axes, widths, widths[len(axes) :], strict=False):
        cut = [slice(None)] * rank
        cut[axis] = slice(max(-before, 0), x.shape[axis] - max(-after, 0))
        spread = [(0, 0)] * rank
        spread[axis] = (max(before, 0), max(after, 0))
        x = x[tuple(cut)]
        if mode == "constant":
            x = np.pad(x, spread, constant_values=_border(op, inputs))
        else:
            x = np.pad(x, spread, mode=MODES[mode])
    return (x,)


MODES: dict[str, Literal["edge", "reflect", "wrap"]] = {
    "edge": "edge", "reflect": "reflect", "wrap": "wrap",
}  # fmt: skip


def _border(op: OnnxOp, inputs: Inputs) -> Array | float:
    """What a constant border is made of."""
    if "value" in op.schema.attributes:
        value = op.attr("value")
        assert isinstance(value, float)
        return value
    held = optional(inputs, op.schema.input_index["constant_value"])
    return 0.0 if held is None else held.reshape(())


SEMANTICS["", "Pad"] = pad
