"""Valid models of norms by channel, of linear scales, of sums by label, and of angles."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.invalid.contents import (
    fixed,
    floats,
    ints,
    microsoft,
    node,
    packed,
    positive,
    whole,
)
from benchmarks.fuzz.invalid.node import Node


def _angles() -> list[Node]:
    inner = floats(2, 3, low=-0.9, high=0.9)
    names = ("Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Atanh")
    return [node(name, inner) for name in names] + [node("Acosh", floats(2, 3, low=1.5, high=4.0))]


def _channels() -> list[Node]:
    x = floats(2, 3, 4, 5)
    return [
        node("BatchNormalization", x, floats(3), floats(3), floats(3), positive(3)),
        node("InstanceNormalization", x, floats(3), floats(3)),
        node("GlobalAveragePool", x),
        node("GlobalMaxPool", x),
        node("LpNormalization", x, axis=1, p=1),
        node("Hardmax", x, axis=1),
    ]


def _scales() -> list[Node]:
    bytes_ = fixed(whole(2, 6, dtype=np.int8))
    points = fixed(whole(6, dtype=np.int8))
    return [
        node("DequantizeLinear", bytes_, fixed(positive(6)), points, axis=1),
        node("QuantizeLinear", floats(2, 6), fixed(positive(6)), points, axis=1),
        microsoft("DequantizeLinear", bytes_, fixed(positive(6)), points, axis=1),
        microsoft("QuantizeLinear", floats(2, 6), fixed(positive(6)), points, axis=1),
        microsoft(
            *("GatherBlockQuantized", fixed(packed(7, 24)), ints([0, 6]), fixed(positive(7, 3))),
            fixed(packed(7, 2)),
            bits=4,
            block_size=16,
            gather_axis=0,
            quantize_axis=1,
        ),
    ]


def _bytes() -> list[Node]:
    """Products of bytes, with zero points and scales."""
    a, b = packed(2, 3, 8), fixed(whole(8, 5, dtype=np.int8))
    point, points = fixed(packed(1)), fixed(whole(5, dtype=np.int8))
    scale, scales, bias = fixed(positive(1)), fixed(positive(5)), fixed(floats(5))
    return [
        node("DynamicQuantizeLinear", floats(2, 6), results=3),
        node("MatMulInteger", a, b),
        node("MatMulInteger", a, b, packed(1), points),
        node(
            "QLinearMatMul", a, scale, point, b, scale, fixed(whole(1, dtype=np.int8)), scale, point
        ),
        microsoft("MatMulIntegerToFloat", a, b, floats(1), scales, point, points, bias),
        microsoft("DynamicQuantizeMatMul", floats(2, 3, 8), b, scales, points, bias),
    ]


def _places() -> list[Node]:
    counts = whole(2, 3, low=0, high=8, dtype=np.uint8)
    return [
        node("EyeLike", floats(3, 4), k=1),
        node("ReverseSequence", floats(4, 3, 2), ints(4, 1, 2), time_axis=0, batch_axis=1),
        node("TensorScatter", floats(2, 4, 3), floats(2, 2, 3), ints(2, 1), axis=1, opset=24),
        node("Einsum", floats(2, 3), floats(3, 4), equation="ij,jk->ik"),
        node("BitShift", packed(2, 3), counts, direction="LEFT"),
    ]


def _experts() -> list[Node]:
    """Two of three experts; gates and values alternate."""
    x, router = floats(2, 32), floats(2, 3)
    first, second = (fixed(packed(3, 32, 16)), fixed(positive(3, 32))), fixed(floats(3, 32))
    return [
        microsoft("MoE", x, router, *map(fixed, (floats(3, 16, 32), floats(3, 16))),
                  *map(fixed, (floats(3, 32, 8), floats(3, 32))), k=2,
                  activation_type="swiglu", swiglu_fusion=1, activation_beta=1.0),
        microsoft("MoE", x, router, fixed(floats(3, 8, 32)), None, fixed(floats(3, 32, 8)),
                  k=1, activation_type="silu", normalize_routing_weights=1),
        microsoft("QMoE", x, router, *first, second, *first, second, k=2, activation_type="gelu"),
    ]  # fmt: skip


def cases() -> list[Node]:
    return [*_angles(), *_channels(), *_scales(), *_bytes(), *_places(), *_experts()]
