"""gelu and silu, in the orders in which exporters write their factors."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks.fuzz.nearmiss.graph import MICROSOFT, Case, Draw, Graph

Build = Callable[[Graph, str], str]
ROOT = math.sqrt(2 / math.pi)


def _input(g: Graph, d: Draw) -> str:
    return g.input("x", d.extent("batch", 1, 2), d.extent("rows", 1, 2, 3), d.extent("lanes", 4, 8))


def _case(d: Draw, name: str, target: str, build: Build) -> Case:
    g = Graph(20 if name == "gelu_op" else 18)
    g.output(build(g, _input(g, d)), "y")
    return g.case(f"activation/{name}", target)


def silu(d: Draw) -> Case:
    def build(g: Graph, x: str) -> str:
        s = g.op("Sigmoid", x)
        return g.op("Mul", *((x, s) if d.coin() else (s, x)))

    return _case(d, "silu", "silu", build)


def _one_plus(g: Graph, d: Draw, curve: str) -> str:
    one = g.constant("one", 1.0)
    return g.op("Add", *((curve, one) if d.coin() else (one, curve)))


def _halved(g: Graph, d: Draw, x: str, more: str) -> str:
    """0.5 * x * more, in one of five orders."""
    match int(d.rng.integers(5)):
        case 0:
            return g.op("Mul", g.op("Mul", x, g.constant("half", 0.5)), more)
        case 1:
            return g.op("Mul", g.op("Mul", x, more), g.constant("half", 0.5))
        case 2:
            return g.op("Mul", x, g.op("Mul", g.constant("half", 0.5), more))
        case 3:
            return g.op("Div", g.op("Mul", more, x), g.constant("two", 2.0))
        case _:
            return g.op("Mul", g.op("Div", x, g.constant("two", 2.0)), more)


def gelu_erf(d: Draw) -> Case:
    def build(g: Graph, x: str) -> str:
        if d.coin():
            argument = g.op("Div", x, g.constant("root", math.sqrt(2)))
        else:
            argument = g.op("Mul", x, g.constant("root", math.sqrt(0.5)))
        return _halved(g, d, x, _one_plus(g, d, g.op("Erf", argument)))

    return _case(d, "gelu_erf", "gelu", build)


def _cubed(g: Graph, d: Draw, x: str) -> str:
    if d.coin():
        return g.op("Pow", x, g.constant("three", 3.0))
    return g.op("Mul", x, g.op("Mul", x, x))


def gelu_tanh(d: Draw) -> Case:
    def build(g: Graph, x: str) -> str:
        cubic = g.op("Mul", _cubed(g, d, x), g.constant("cubic", 0.044715))
        inner = g.op("Mul", g.op("Add", x, cubic), g.constant("root", ROOT))
        return _halved(g, d, x, _one_plus(g, d, g.op("Tanh", inner)))

    return _case(d, "gelu_tanh", "gelu_tanh", build)


def gelu_tanh_factored(d: Draw) -> Case:
    """`x (r + r c x^2)`, with the square first."""

    def build(g: Graph, x: str) -> str:
        square = g.op("Pow", x, g.constant("two_p", 2.0)) if d.coin() else g.op("Mul", x, x)
        term = g.op("Mul", square, g.constant("cubic", ROOT * 0.044715))
        inner = g.op("Mul", x, g.op("Add", term, g.constant("root", ROOT)))
        return _halved(g, d, x, _one_plus(g, d, g.op("Tanh", inner)))

    return _case(d, "gelu_tanh_factored", "gelu_tanh", build)


def gelu_op(d: Draw) -> Case:
    approximate = d.coin()

    def build(g: Graph, x: str) -> str:
        return g.op("Gelu", x, approximate="tanh" if approximate else "none")

    return _case(d, "gelu_op", "gelu_tanh" if approximate else "gelu", build)


def fast_gelu(d: Draw) -> Case:
    def build(g: Graph, x: str) -> str:
        return g.op("FastGelu", x, domain=MICROSOFT)

    return _case(d, "fast_gelu", "gelu_tanh", build)


CASES = (
    silu,
    gelu_erf,
    gelu_tanh,
    gelu_tanh_factored,
    gelu_op,
    fast_gelu,
)
