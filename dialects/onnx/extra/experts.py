"""Mixtures of experts: each row goes through the few networks that its router gives most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    FLOAT,
    FLOATS,
    INT,
    U8,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    number,
    optional,
    string,
)
from dialects.onnx.extra.quantised import unpack
from dialects.onnx.ops import OnnxOp
from dialects.onnx.schemas import AttributeSpec

_SHARED: dict[str, AttributeSpec] = {
    "activation_alpha": number(1.0),
    "activation_beta": number(0.0),
    "activation_type": string("relu"),
    "k": integer(1),
    "normalize_routing_weights": integer(0),
    "swiglu_fusion": integer(0),
    "swiglu_limit": FLOAT,
    "swiglu_limit_after_activation": integer(0),
    "use_sparse_mixer": integer(0),
}


def _number(op: OnnxOp, name: str) -> float:
    value = op.attr(name)
    assert isinstance(value, int | float), f"{name} has a default"
    return float(value)


def _active(op: OnnxOp, x: Array) -> Array:
    """The activation; gated ones take pairs of numbers."""
    kind = op.attr("activation_type")
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "silu":
        return x / (1 + np.exp(-x))
    if kind == "gelu":
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    if kind == "identity":
        return x
    if kind != "swiglu" or op.attr("swiglu_fusion") != 1:
        raise unsupported(op, f"activation_type {kind} without interleaved gates is not supported")
    gate, linear = x[..., 0::2], x[..., 1::2]
    limit = op.attr("swiglu_limit")
    if isinstance(limit, int | float):
        gate, linear = np.minimum(gate, limit), np.clip(linear, -limit, limit)
    alpha, beta = _number(op, "activation_alpha"), _number(op, "activation_beta")
    return gate / (1 + np.exp(-alpha * gate)) * (linear + beta)


def _chosen(op: OnnxOp, router: Array) -> tuple[Array, Array]:
    """The experts of each row, and all that the router gives, as a softmax; the last of equals."""
    k = integer_of(op, "k")
    order = router.shape[1] - 1 - np.argsort(-router[:, ::-1], axis=1, kind="stable")[:, :k]
    powers = np.exp(router - router.max(axis=1, keepdims=True))
    return order, powers / powers.sum(axis=1, keepdims=True)


def _mixed(
    op: OnnxOp, x: Array, chosen: tuple[Array, Array], first: Sequence[Array | None],
    second: Sequence[Array | None],
) -> Array:  # fmt: skip
    """What the experts of each row make of it, weighed; weights and biases of both products."""
    rows: Array = x.reshape(-1, x.shape[-1])
    result: Array = np.zeros(rows.shape, np.float32)
    for row, (experts, weights) in enumerate(zip(*chosen, strict=True)):
        for expert, weight in zip(experts, weights, strict=True):
            held = _linear(rows[row], expert, first)
            result[row] += weight * _linear(_active(op, held), expert, second)
    return result.reshape(x.shape)


def _linear(x: Array, expert: int, parts: Sequence[Array | None]) -> Array:
    weights, bias = parts
    assert weights is not None, "weights are given"
    found = weights[expert] @ x
    return found if bias is None else found + bias[expert]


@defined(
    "MoE",
    "input: T, router_probs: T, fc1_experts_weights: T, fc1_experts_bias?: T,"
    " fc2_experts_weights: T, fc2_experts_bias?: T, fc3_experts_weights?: T, fc3_experts_bias?: T",
    "output: T",
    {"T": FLOATS},
    _SHARED,
)
def moe(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Weights are those of a softmax over all experts, or over the chosen ones."""
    if optional(inputs, 6) is not None:
        raise unsupported(op, "fc3 is not supported")
    order, shares = _chosen(op, given(inputs, 1))
    weights = np.take_along_axis(shares, order, axis=1)
    if op.attr("normalize_routing_weights"):
        weights = weights / weights.sum(axis=1, keepdims=True)
    parts = (given(inputs, 2), optional(inputs, 3)), (given(inputs, 4), optional(inputs, 5))
    return (_mixed(op, given(inputs, 0), (order, weights), *parts),)


def _dequantised(op: OnnxOp, packed: Array, scales: Array, points: Array | None) -> Array:
    """The weights of all experts; a scale is for a row, or for a block of one."""
    bits = integer_of(op, "expert_weight_bits")
    numbers = unpack(packed, bits).astype(np.float32)
    blocks = scales.reshape(*packed.shape[:2], -1)
    zero = np.full(blocks.shape, 1 << (bits - 1), np.float32)
    if points is not None:
        held = unpack(points, bits)
        listed = held[..., None] if scales.ndim == 2 else held[..., : blocks.shape[-1]]
        zero = listed.astype(np.float32)
    spread = numbers.shape[-1] // blocks.shape[-1]
    zero, factors = (np.repeat(part, spread, axis=-1) for part in (zero, blocks))
    return (numbers - zero) * factors


@defined(
    "QMoE",
    "input: T, router_probs: T, fc1_experts_weights: T1, fc1_scales?: T2, fc1_experts_bias?: T,"
    " fc2_experts_weights: T1, fc2_scales?: T2, fc2_experts_bias?: T, fc3_experts_weights?: T1,"
    " fc3_scales?: T2, fc3_experts_bias?: T, fc1_zero_points?: T1, fc2_zero_points?: T1,"
    " fc3_zero_points?: T1, router_weights?: T",
    "output: T",
    {"T": FLOATS, "T1": U8, "T2": FLOATS},
    {
        **_SHARED,
        "accuracy_level": integer(0),
        "block_size": INT,
        "expert_weight_bits": integer(4),
        "fc1_expert_weight_bits": INT,
        "fc2_expert_weight_bits": INT,
        "fc3_expert_weight_bits": INT,
        "quant_type": string("int"),
        "weights_prepacked": integer(-1),
    },
)
def qmoe(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Weights are those of a softmax over the chosen experts, or given apart and above zero."""
    if optional(inputs, 8) is not None:
        raise unsupported(op, "fc3 is not supported")
    order, shares = _chosen(op, given(inputs, 1))
    apart = optional(inputs, 14)
    weights = np.take_along_axis(shares if apart is None else apart, order, axis=1)
    if apart is None or op.attr("normalize_routing_weights"):
        weights = weights / weights.sum(axis=1, keepdims=True)
    weights = np.maximum(weights, 0)
    first = _dequantised(op, given(inputs, 2), given(inputs, 3), optional(inputs, 11))
    second = _dequantised(op, given(inputs, 5), given(inputs, 6), optional(inputs, 12))
    parts = (first, optional(inputs, 4)), (second, optional(inputs, 7))
    return (_mixed(op, given(inputs, 0), (order, weights), *parts),)
