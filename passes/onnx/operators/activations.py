"""Activation functions: compositions of scalar functions, computed in f32."""

from __future__ import annotations

import math
from collections.abc import Callable

from xdsl.ir import SSAValue

from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import (
    MICROSOFT,
    constant,
    decompose,
    number,
    operand,
    result,
    wide,
)
from passes.rewriting.build import Build

Activation = Callable[[Build, SSAValue, OnnxOp], SSAValue]


def _activation(*op_types: str, domains: tuple[str, ...] = ("",)) -> Callable[[Activation], None]:
    """Register a function of the widened first operand; its result is rounded once."""

    def register(function: Activation) -> None:
        @decompose(*op_types, domains=domains)
        def _(b: Build, op: OnnxOp) -> SSAValue:
            return b.cast(function(b, wide(b, op.operands[0]), op), result(op).dtype)

    return register


def scaled(b: Build, x: SSAValue, factor: float) -> SSAValue:
    return b.map("mul", x, constant(b, factor, x))


def shifted(b: Build, x: SSAValue, term: float) -> SSAValue:
    return b.map("add", x, constant(b, term, x))


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


@_activation("Gelu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    return gelu_tanh(b, x) if op.attr("approximate") == "tanh" else gelu_exact(b, x)


@_activation("FastGelu", domains=(MICROSOFT,))
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    bias = op.operands[1] if len(op.operands) > 1 else None
    return gelu_tanh(b, x if bias is None else b.map("add", x, wide(b, bias)))


@_activation("Swish")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    return b.map("mul", x, b.map("sigmoid", scaled(b, x, number(op, "alpha"))))


@_activation("LeakyRelu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    negative = b.map("lt", x, constant(b, 0.0, x))
    return b.select(negative, scaled(b, x, number(op, "alpha")), x)


@_activation("PRelu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    slope = b.broadcast(wide(b, operand(op, "slope")), tensor_of(x).shape)
    return b.select(b.map("lt", x, constant(b, 0, x)), b.map("mul", x, slope), x)


@_activation("ThresholdedRelu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    above = b.map("gt", x, constant(b, number(op, "alpha"), x))
    return b.select(above, x, constant(b, 0.0, x))


@_activation("Elu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    return _where_positive(b, x, x, scaled(b, _exp_minus_1(b, x), number(op, "alpha")))


@_activation("Selu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    alpha, gamma = number(op, "alpha"), number(op, "gamma")
    negative = scaled(b, _exp_minus_1(b, x), gamma * alpha)
    return _where_positive(b, x, scaled(b, x, gamma), negative)


@_activation("Celu")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    alpha = number(op, "alpha")
    curve = _exp_minus_1(b, b.map("div", x, constant(b, alpha, x)))
    return _where_positive(b, x, x, scaled(b, curve, alpha))


def softplus(b: Build, x: SSAValue) -> SSAValue:
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    tail = b.map("log", shifted(b, b.map("exp", b.map("neg", b.map("abs", x))), 1.0))
    return b.map("add", b.map("relu", x), tail)


@_activation("Softplus")
def _(b: Build, x: SSAValue, _op: OnnxOp) -> SSAValue:
    return softplus(b, x)


@_activation("Mish")
def _(b: Build, x: SSAValue, _op: OnnxOp) -> SSAValue:
    return b.map("mul", x, b.map("tanh", softplus(b, x)))


@_activation("Softsign")
def _(b: Build, x: SSAValue, _op: OnnxOp) -> SSAValue:
    return b.map("div", x, shifted(b, b.map("abs", x), 1.0))


def _hard_sigmoid(b: Build, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    line = b.map("relu", shifted(b, scaled(b, x, alpha), beta))
    return b.map("min", line, constant(b, 1.0, x))


@_activation("HardSigmoid")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    return _hard_sigmoid(b, x, number(op, "alpha"), number(op, "beta"))


@_activation("HardSwish")
def _(b: Build, x: SSAValue, _op: OnnxOp) -> SSAValue:
    return b.map("mul", x, _hard_sigmoid(b, x, 1 / 6, 0.5))


@_activation("Shrink")
def _(b: Build, x: SSAValue, op: OnnxOp) -> SSAValue:
    lambd, bias, zero = number(op, "lambd"), number(op, "bias"), constant(b, 0.0, x)
    above = b.select(b.map("gt", x, constant(b, lambd, x)), shifted(b, x, -bias), zero)
    return b.select(b.map("lt", x, constant(b, -lambd, x)), shifted(b, x, bias), above)


@_activation("Tan")
def _(b: Build, x: SSAValue, _op: OnnxOp) -> SSAValue:
    return b.map("div", b.map("sin", x), b.map("cos", x))
