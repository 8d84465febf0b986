"""Norms of the heads of query and key, which GroupQueryAttention may have inside."""

from __future__ import annotations

import math

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Node
from passes.onnx.operators.normalization import rms_norm
from passes.rewriting.build import Build


def check_head_norms(node: Node, size: Affine) -> None:
    """Weights of both, and something above zero under the root."""
    node.expect_pair("q_norm_weight", "k_norm_weight")
    for name in "qk":
        node.expect_dims(f"{name}_norm_weight", (size,))
    for name in ("q_norm_epsilon", "k_norm_epsilon", "qk_norm_epsilon"):
        value = node.attr(name)
        fits = not isinstance(value, float) or (math.isfinite(value) and value > 0)
        node.require(fits, f"{name} is {value}, expected a number above 0")


def normal_heads(b: Build, node: Node, parts: list[SSAValue]) -> list[SSAValue]:
    """Each head of query and key over its root mean square, times weights."""
    found: list[SSAValue] = []
    for name, part in zip("qk", parts, strict=True):
        weight, own = node.get(f"{name}_norm_weight"), node.attr(f"{name}_norm_epsilon")
        if weight is not None:
            epsilon = own if isinstance(own, float) else node.number("qk_norm_epsilon")
            dtype = tensor_of(part).dtype
            normal, _ = rms_norm(b, part, (-1,), epsilon, dtype)
            part = b.map("mul", normal, weight)
        found.append(part)
    return found
