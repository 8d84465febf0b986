"""Gates of com.microsoft beside linear attention and experts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    F32,
    FLOATS,
    Array,
    Inputs,
    defined,
    given,
    number,
    optional,
    string,
)
from dialects.onnx.extra.normalization import epsilon_of, rms
from dialects.onnx.ops import OnnxOp


def _sigmoid(x: Array) -> Array:
    return np.float32(1) / (np.float32(1) + np.exp(-x))


@defined(
    "LinearAttentionGate",
    "a: T, dt_bias: TF, decay_scale: TF, b?: T",
    "decay: T, beta?: T",
    {"T": FLOATS, "TF": F32},
)
def linear_attention_gate(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """`decay_scale softplus(a + dt_bias)` and `sigmoid(b)`."""
    shifted, update = given(inputs, 0) + given(inputs, 1), optional(inputs, 3)
    decay = given(inputs, 2) * np.logaddexp(shifted, np.float32(0))
    return (decay,) if update is None else (decay, _sigmoid(update))[: len(op.results)]


@defined(
    "GatedRMSNorm",
    "X: T, scale: T, gate: T",
    "Y: T",
    {"T": FLOATS},
    {"activation": string("silu"), "epsilon": number(1e-5)},
)
def gated_rms_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Groups of channels as many as `scale` has, over their root mean square, times the gate."""
    x, scale, gate = given(inputs, 0), given(inputs, 1), given(inputs, 2)
    normal, _ = rms(x.reshape(*x.shape[:-1], -1, scale.size), epsilon_of(op), -1)
    opened = _sigmoid(gate)
    opened = opened if op.attr("activation") == "sigmoid" else gate * opened
    return ((normal * scale).reshape(x.shape) * opened,)


@defined("GatedAdd", "X: T, Y: T, gate: T, gate_weight?: T", "output: T", {"T": FLOATS})
def gated_add(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    if optional(inputs, 3) is not None:
        raise unsupported(op, "a gate that is projected is not supported")
    return (given(inputs, 0) + given(inputs, 1) * given(inputs, 2),)
