"""Circular and hyperbolic functions, and their inverses, by what the machine has."""

from __future__ import annotations

import math

from xdsl.ir import SSAValue

from passes.onnx.operators.activations import activation, scaled, shifted
from passes.onnx.operators.node import Node
from passes.onnx.operators.terms import constant
from passes.rewriting.build import Build

ARCTANGENT = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)
"""atan(x) = x + x^3 p(x^2) for |x| <= tan(pi / 8) within an ulp of f32; highest power first."""


@activation("Tan")
def tangent(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return b.map("div", b.map("sin", x), b.map("cos", x))


def _halves(b: Build, x: SSAValue) -> tuple[SSAValue, SSAValue]:
    """exp(x) / 2 and exp(-x) / 2"""
    return scaled(b, b.map("exp", x), 0.5), scaled(b, b.map("exp", b.map("neg", x)), 0.5)


@activation("Cosh")
def hyperbolic_cosine(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return b.map("add", *_halves(b, x))


@activation("Sinh")
def hyperbolic_sine(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    """Near 0, where the difference of exponentials has no digits left, by its series."""
    square = b.map("mul", x, x)
    series = b.map("mul", x, shifted(b, scaled(b, square, 1 / 6), 1.0))
    small = b.map("lt", b.map("abs", x), constant(b, 2.0**-4, x))
    return b.select(small, series, b.map("sub", *_halves(b, x)))


@activation("Asinh")
def inverse_hyperbolic_sine(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    """sign(x) log(|x| + sqrt(x^2 + 1)); near 0 by its series."""
    size, square = b.map("abs", x), b.map("mul", x, x)
    root = b.map("sqrt", shifted(b, square, 1.0))
    curve = b.map("mul", b.map("sign", x), b.map("log", b.map("add", size, root)))
    series = b.map("mul", x, shifted(b, scaled(b, square, -1 / 6), 1.0))
    return b.select(b.map("lt", size, constant(b, 2.0**-4, x)), series, curve)


@activation("Acosh")
def inverse_hyperbolic_cosine(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    """log(x + sqrt((x - 1) (x + 1)))"""
    product = b.map("mul", shifted(b, x, -1.0), shifted(b, x, 1.0))
    return b.map("log", b.map("add", x, b.map("sqrt", product)))


@activation("Atanh")
def inverse_hyperbolic_tangent(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    """log((1 + x) / (1 - x)) / 2; near 0 by its series."""
    above, below = shifted(b, x, 1.0), shifted(b, b.map("neg", x), 1.0)
    curve = scaled(b, b.map("log", b.map("div", above, below)), 0.5)
    series = b.map("mul", x, shifted(b, scaled(b, b.map("mul", x, x), 1 / 3), 1.0))
    return b.select(b.map("lt", b.map("abs", x), constant(b, 2.0**-4, x)), series, curve)


def arctangent(b: Build, x: SSAValue) -> SSAValue:
    """By 1 / x above tan(3 pi / 8), by (x - 1) / (x + 1) above tan(pi / 8), then the polynomial."""
    size = b.map("abs", x)
    far = b.map("gt", size, constant(b, math.tan(3 * math.pi / 8), x))
    middle = b.map("gt", size, constant(b, math.tan(math.pi / 8), x))
    turned = b.map("div", shifted(b, size, -1.0), shifted(b, size, 1.0))
    inner = b.select(far, b.map("neg", b.map("recip", size)), b.select(middle, turned, size))
    base = b.select(
        far,
        constant(b, math.pi / 2, x),
        b.select(middle, constant(b, math.pi / 4, x), constant(b, 0.0, x)),
    )
    square = b.map("mul", inner, inner)
    total = constant(b, 0.0, x)
    for coefficient in ARCTANGENT:
        total = shifted(b, b.map("mul", total, square), coefficient)
    curve = b.map("add", inner, b.map("mul", b.map("mul", total, square), inner))
    return b.map("mul", b.map("sign", x), b.map("add", base, curve))


@activation("Atan")
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return arctangent(b, x)


def arcsine(b: Build, x: SSAValue) -> SSAValue:
    """atan(x / sqrt((1 - x) (1 + x)))"""
    product = b.map("mul", shifted(b, b.map("neg", x), 1.0), shifted(b, x, 1.0))
    return arctangent(b, b.map("div", x, b.map("sqrt", product)))


@activation("Asin")
def _(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return arcsine(b, x)


@activation("Acos")
def arccosine(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return shifted(b, b.map("neg", arcsine(b, x)), math.pi / 2)
