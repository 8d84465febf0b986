"""
Mixtures of experts: weights of the chosen experts are gathered, so that no others are read.

```
chosen [R k] = topk(router)        x [R k, H, 1]
active = activation(gather(fc1, chosen) @ x)         result = sum over k of share * ...
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.activations import gelu_tanh, shifted, swish
from passes.onnx.operators.expert_weights import (
    blocks_of_row,
    bytes_of,
    expert_bits,
    expert_weights,
)
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator, without
from passes.onnx.operators.terms import as_float, constant, elements, flipped
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
GATED = "swiglu"
HINT = "ONNX Runtime has it on no CPU either; export the experts as nodes of their own"


class Extents(NamedTuple):
    """Of a mixture: rows, experts, how many of a row, and the width of what comes in."""

    rows: Affine
    experts: Affine
    chosen: int
    width: Affine

    @staticmethod
    def of(node: Node) -> Extents:
        source, router = node.dims("input", 2, 3), node.dims("router_probs", 2)
        count = node.integer("k")
        node.expect("the rows of router_probs", router[0], elements(source[:-1]))
        fits = router[1].is_const and 0 < count <= router[1].const
        node.require(fits, f"k is {count}, there are {router[1]} experts")
        return Extents(router[0], router[1], count, source[-1])

    @property
    def pairs(self) -> Affine:
        """Rows, once for each of their experts."""
        return self.rows * self.chosen


def _gated(node: Node) -> bool:
    return node.attr("activation_type") == GATED


def _inner(node: Node, packed: int) -> Affine:
    """The width between the two products, checked against both weights."""
    found, name = Extents.of(node), "fc1_experts_weights"
    first = node.dims(name, 3)
    node.expect_dims(name, (found.experts, first[1], found.width // packed))
    even = first[1].is_const and (not _gated(node) or first[1].const % 2 == 0)
    node.require(even, f"{first[1]} rows of {name} are no pairs of gates and values")
    inner = Affine(first[1].const // 2) if _gated(node) else first[1]
    node.require(inner.const % packed == 0, f"{inner} columns fill no whole bytes")
    node.expect_dims("fc2_experts_weights", (found.experts, found.width, inner // packed))
    node.expect_dims("fc1_experts_bias", (found.experts, first[1]))
    node.expect_dims("fc2_experts_bias", (found.experts, found.width))
    return inner


def _mixture_dims(node: Node) -> Sequence[Dims]:
    _inner(node, 1)
    return [node.dims("input")]


def _routed(b: Build, node: Node, found: Extents) -> tuple[SSAValue, SSAValue, SSAValue]:
    """Powers of all experts, those of the chosen ones, and which they are: the last of equals."""
    router = flipped(b, as_float(b, node.value("router_probs")), 1)
    values, places = b.topk(router, found.chosen, largest=True)
    greatest = b.slice_axis(values, 1, 0, 1)
    last = constant(b, found.experts.const - 1, places)
    powers = [b.map("exp", b.map("sub", part, greatest)) for part in (router, values)]
    return powers[0], powers[1], b.map("sub", last, places)


def _active(b: Build, node: Node, x: SSAValue) -> SSAValue:
    """The activation of [..., J, 1]; of gates and values that alternate, half as many."""
    match node.attr("activation_type"):
        case "relu":
            return b.map("relu", x)
        case "gelu":
            return gelu_tanh(b, x)
        case "silu":
            return b.map("mul", x, b.map("sigmoid", x))
        case "swiglu":
            return _swiglu(b, node, x)
        case _:
            return x


def _swiglu(b: Build, node: Node, x: SSAValue) -> SSAValue:
    pairs, count, _ = tensor_of(x).shape
    halves = b.reshape(x, (pairs, count.const // 2, 2))
    gate, value = (b.slice_axis(halves, 2, at, 1) for at in (0, 1))
    if node.attr("swiglu_limit") is not None:
        limit = node.number("swiglu_limit")
        node.require(limit >= 0, f"swiglu_limit is {limit}, expected a number from 0 on")
        gate = b.map("min", gate, constant(b, limit, gate))
        value = b.map("min", value, constant(b, limit, value))
        value = b.map("max", value, constant(b, -limit, value))
    alpha, beta = node.number("activation_alpha"), node.number("activation_beta")
    return b.map("mul", swish(b, gate, alpha), shifted(b, value, beta))


def _linear(
    b: Build, node: Node, weights: SSAValue, x: SSAValue, chosen: SSAValue, bias: str
) -> SSAValue:
    """[pairs, J, K] times [pairs, K, 1] in f32, and the bias of each expert."""
    product = as_float(b, b.matmul(weights, b.cast(x, tensor_of(weights).dtype), F32))
    given = node.get(bias)
    if given is None:
        return product
    held = as_float(b, b.gather(given, chosen, 0))
    return b.map("add", product, b.reshape(held, tensor_of(product).shape))


def _mixed(
    b: Build, node: Node, weights: tuple[SSAValue, SSAValue], chosen: SSAValue, shares: SSAValue
) -> SSAValue:
    """What the experts of each row make of it, times their shares [R, k], added up."""
    found = Extents.of(node)
    rows = b.reshape(node.first, (found.rows, 1, found.width))
    spread = b.broadcast(rows, (found.rows, found.chosen, found.width))
    x = b.reshape(spread, (found.pairs, found.width, 1))
    held = _active(b, node, _linear(b, node, weights[0], x, chosen, "fc1_experts_bias"))
    made = _linear(b, node, weights[1], held, chosen, "fc2_experts_bias")
    made = b.reshape(made, (found.rows, found.chosen, found.width))
    parts = b.map("mul", made, b.reshape(shares, (found.rows, found.chosen, 1)))
    total = b.reduce("sum", parts, (1,))
    return b.reshape(b.cast(total, node.result.dtype), node.result.shape)


def _share(b: Build, chosen: SSAValue, of: SSAValue) -> SSAValue:
    return b.map("div", chosen, b.reduce("sum", of, (1,)))


COMMON = (
    only("activation_type", "relu", "gelu", "silu", "identity", GATED),
    Limit(
        "swiglu with gates that do not alternate with values (swiglu_fusion other than 1)",
        lambda node: _gated(node) and node.attr("swiglu_fusion") != 1,
        HINT,
    ),
    Limit(
        "swiglu_fusion of an activation without gates",
        lambda node: not _gated(node) and node.attr("swiglu_fusion") != 0,
    ),
    only("use_sparse_mixer", 0),
    only("swiglu_limit_after_activation", 0),
)
FC3 = ("fc3_experts_weights", "fc3_experts_bias")


@operator(
    "MoE",
    domains=[MICROSOFT],
    shape=_mixture_dims,
    limits=[*COMMON, *without(*FC3, hint=HINT)],
)
def moe(b: Build, node: Node) -> SSAValue:
    found = Extents.of(node)
    every, powers, places = _routed(b, node, found)
    shares = _share(b, powers, powers if node.flag("normalize_routing_weights") else every)
    chosen = b.reshape(places, (found.pairs,))
    names = ("fc1_experts_weights", "fc2_experts_weights")
    first, second = (b.gather(node.value(name), chosen, 0) for name in names)
    return _mixed(b, node, (first, second), chosen, shares)


def _quantised_dims(node: Node) -> Sequence[Dims]:
    packed = 8 // expert_bits(node)
    inner, found = _inner(node, packed), Extents.of(node)
    rows = node.dims("fc1_experts_weights")[1]
    for layer, count, width in (("fc1", rows, found.width), ("fc2", found.width, inner)):
        blocks = blocks_of_row(node, width)
        listed = (found.experts, count) if blocks is None else (found.experts, count, blocks)
        node.require(node.get(f"{layer}_scales") is not None, f"the input '{layer}_scales' lacks")
        node.expect_dims(f"{layer}_scales", listed)
        node.expect_dims(f"{layer}_zero_points", (*listed[:-1], bytes_of(listed[-1], packed)))
    node.expect_dims("router_weights", (found.rows, found.experts))
    return [node.dims("input")]


@operator(
    "QMoE",
    domains=[MICROSOFT],
    shape=_quantised_dims,
    limits=[
        *COMMON,
        *without(*FC3, "fc3_scales", "fc3_zero_points", hint=HINT),
        only("expert_weight_bits", 4, 8),
        only("quant_type", "int"),
        only("weights_prepacked", -1, 0),
    ],
)
def qmoe(b: Build, node: Node) -> SSAValue:
    """Experts of a weight below zero add nothing."""
    found = Extents.of(node)
    _, powers, places = _routed(b, node, found)
    apart, shares = node.get("router_weights"), _share(b, powers, powers)
    if apart is not None:
        first = b.iota(0, (found.experts, 0), (found.rows, found.chosen))
        flat = b.reshape(as_float(b, apart), (found.rows * found.experts,))
        shares = b.gather(flat, b.map("add", first, places), 0)
        if node.flag("normalize_routing_weights"):
            shares = _share(b, shares, shares)
        shares = b.map("relu", shares)
    chosen = b.reshape(places, (found.pairs,))
    weights = expert_weights(b, node, "fc1", chosen), expert_weights(b, node, "fc2", chosen)
    return _mixed(b, node, weights, chosen, shares)
