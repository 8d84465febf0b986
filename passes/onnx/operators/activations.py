"""Activation functions: compositions of scalar functions, computed in f32."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import (
    MICROSOFT,
    Limit,
    ShapeRule,
    only,
    operator,
    same_as_first,
)
from passes.onnx.operators.terms import constant, wide
from passes.rewriting.build import Build

Activation = Callable[[Build, SSAValue, Node], SSAValue]


def activation(
    *op_types: str,
    domains: tuple[str, ...] = ("",),
    shape: ShapeRule = same_as_first,
    limits: Sequence[Limit] = (),
) -> Callable[[Activation], Activation]:
    """Register a function of the widened first operand; its result is rounded once."""

    def register(function: Activation) -> Activation:
        @operator(*op_types, domains=domains, shape=shape, limits=limits)
        def _(b: Build, node: Node) -> SSAValue:
            return b.cast(function(b, wide(b, node.first), node), node.source.dtype)

        return function

    return register


def scaled(b: Build, x: SSAValue, factor: float) -> SSAValue:
    return b.map("mul", x, constant(b, factor, x))


def shifted(b: Build, x: SSAValue, term: float) -> SSAValue:
    return b.map("add", x, constant(b, term, x))


def swish(b: Build, x: SSAValue, alpha: float) -> SSAValue:
    """`x sigmoid(alpha x)`."""
    return b.map("mul", x, b.map("sigmoid", scaled(b, x, alpha)))


def _exp_minus_1(b: Build, x: SSAValue) -> SSAValue:
    return shifted(b, b.map("exp", x), -1.0)


def _where_positive(b: Build, x: SSAValue, positive: SSAValue, rest: SSAValue) -> SSAValue:
    return b.select(b.map("gt", x, constant(b, 0.0, x)), positive, rest)


def gelu_exact(b: Build, x: SSAValue) -> SSAValue:
    """x/2 (1 + erf(x / sqrt 2))"""
    inner = shifted(b, b.map("erf", scaled(b, x, math.sqrt(0.5))), 1.0)
    return b.map("mul", scaled(b, x, 0.5), inner)


def gelu_tanh(b: Build, x: SSAValue) -> SSAValue:
    """x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))"""
    cube = b.map("mul", b.map("mul", x, x), x)
    inner = b.map("add", x, scaled(b, cube, 0.044715))
    curve = shifted(b, b.map("tanh", scaled(b, inner, math.sqrt(2 / math.pi))), 1.0)
    return b.map("mul", scaled(b, x, 0.5), curve)


@activation("Gelu", limits=[only("approximate", "none", "tanh")])
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    return gelu_tanh(b, x) if node.attr("approximate") == "tanh" else gelu_exact(b, x)


def _with_bias(node: Node) -> Sequence[Dims]:
    node.expect_dims("bias", node.source.shape[-1:])
    return same_as_first(node)


@activation("FastGelu", domains=(MICROSOFT,), shape=_with_bias)
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    bias = node.get("bias")
    return gelu_tanh(b, x if bias is None else b.map("add", x, wide(b, bias)))


@activation("Gelu", domains=(MICROSOFT,))
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return gelu_exact(b, x)


def _plus_bias(node: Node) -> Sequence[Dims]:
    node.require(node.source.rank > 0, "the input 'A' has no axis")
    node.expect_dims("B", node.source.shape[-1:])
    return same_as_first(node)


@activation("BiasGelu", domains=(MICROSOFT,), shape=_plus_bias)
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    return gelu_exact(b, b.map("add", x, wide(b, node.value("B"))))


@activation("QuickGelu", domains=(MICROSOFT,))
@activation("Swish")
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    return swish(b, x, node.number("alpha"))


@activation("LeakyRelu")
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    negative = b.map("lt", x, constant(b, 0.0, x))
    return b.select(negative, scaled(b, x, node.number("alpha")), x)


def _with_slope(node: Node) -> Sequence[Dims]:
    node.expect_spread("X and slope", node.dims("slope"), node.source.shape)
    return same_as_first(node)


@activation("PRelu", shape=_with_slope)
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    slope = b.broadcast(wide(b, node.value("slope")), tensor_of(x).shape)
    return b.select(b.map("lt", x, constant(b, 0, x)), b.map("mul", x, slope), x)


@activation("ThresholdedRelu")
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    above = b.map("gt", x, constant(b, node.number("alpha"), x))
    return b.select(above, x, constant(b, 0.0, x))


@activation("Elu")
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    return _where_positive(b, x, x, scaled(b, _exp_minus_1(b, x), node.number("alpha")))


@activation("Selu")
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    alpha, gamma = node.number("alpha"), node.number("gamma")
    negative = scaled(b, _exp_minus_1(b, x), gamma * alpha)
    return _where_positive(b, x, scaled(b, x, gamma), negative)


def _is_flat(node: Node) -> bool:
    return node.number("alpha") == 0


@activation("Celu", limits=[Limit("an alpha of 0", _is_flat)])
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    alpha = node.number("alpha")
    curve = _exp_minus_1(b, b.map("div", x, constant(b, alpha, x)))
    return _where_positive(b, x, x, scaled(b, curve, alpha))


def softplus(b: Build, x: SSAValue) -> SSAValue:
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    tail = b.map("log", shifted(b, b.map("exp", b.map("neg", b.map("abs", x))), 1.0))
    return b.map("add", b.map("relu", x), tail)


@activation("Softplus")
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return softplus(b, x)


@activation("Mish")
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return b.map("mul", x, b.map("tanh", softplus(b, x)))


@activation("Softsign")
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return b.map("div", x, shifted(b, b.map("abs", x), 1.0))


def _hard_sigmoid(b: Build, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    line = b.map("relu", shifted(b, scaled(b, x, alpha), beta))
    return b.map("min", line, constant(b, 1.0, x))


@activation("HardSigmoid")
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    return _hard_sigmoid(b, x, node.number("alpha"), node.number("beta"))


@activation("HardSwish")
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return b.map("mul", x, _hard_sigmoid(b, x, 1 / 6, 0.5))


def _rounds(node: Node) -> bool:
    """Whether the standard and ONNX Runtime differ: one computes in floats, one in integers."""
    whole = node.number("lambd").is_integer() and node.number("bias").is_integer()
    return node.source.dtype.is_int and not whole


@activation("Shrink", limits=[Limit("fractions of integers", _rounds)])
def _(b: Build, x: SSAValue, node: Node) -> SSAValue:
    lambd, bias, zero = node.number("lambd"), node.number("bias"), constant(b, 0.0, x)
    above = b.select(b.map("gt", x, constant(b, lambd, x)), shifted(b, x, -bias), zero)
    return b.select(b.map("lt", x, constant(b, -lambd, x)), shifted(b, x, bias), above)
