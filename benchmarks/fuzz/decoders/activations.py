"""Activations, as operators and spelled out, and the feed-forward parts that have them."""

from __future__ import annotations

import math

from benchmarks.fuzz.decoders.graph import MICROSOFT, Graph
from benchmarks.fuzz.decoders.linear import linear

OLD = ("relu", "silu", "quick gelu", "gelu by erf", "gelu by tanh", "FastGelu", "relu squared")
NEW = ("Gelu", "Gelu tanh")
"""Since opset 20."""


def activation(g: Graph, x: str) -> str:
    """A curve, in one of its spellings."""
    kind = g.spelled("activation", (*OLD, *NEW) if g.opset >= 20 else OLD)
    if kind == "relu":
        return g("Relu", x)
    if kind == "relu squared":
        return g("Pow", g("Relu", x), g.number(2.0, x))
    if kind == "silu":
        return g("Mul", x, g("Sigmoid", x))
    if kind == "quick gelu":
        return g("Mul", x, g("Sigmoid", g("Mul", x, g.number(1.702, x))))
    if kind == "Gelu":
        return g("Gelu", x)
    if kind == "Gelu tanh":
        return g("Gelu", x, approximate="tanh")
    if kind == "FastGelu":
        return g("FastGelu", x, domain=MICROSOFT)
    return _by_erf(g, x) if kind == "gelu by erf" else _by_tanh(g, x)


def _by_erf(g: Graph, x: str) -> str:
    way = g.choose("erf", ("div", "mul", "half first"))
    if way == "div":
        inside = g("Div", x, g.number(math.sqrt(2), x))
    else:
        inside = g("Mul", x, g.number(1 / math.sqrt(2), x))
    one = g("Add", g("Erf", inside), g.number(1.0, x))
    if way == "half first":
        return g("Mul", g("Mul", x, g.number(0.5, x)), one)
    return g("Mul", g("Mul", x, one), g.number(0.5, x))


def _by_tanh(g: Graph, x: str) -> str:
    way = g.choose("tanh", ("pow", "mul", "factored"))
    if way == "factored":
        inner = g("Mul", g.number(0.044715, x), g("Mul", x, x))
        inner = g("Mul", x, g("Add", inner, g.number(1.0, x)))
    else:
        cube = g("Pow", x, g.number(3.0, x)) if way == "pow" else g("Mul", g("Mul", x, x), x)
        inner = g("Add", x, g("Mul", cube, g.number(0.044715, x)))
    curve = g("Tanh", g("Mul", inner, g.number(math.sqrt(2 / math.pi), x)))
    return g("Mul", g("Mul", x, g.number(0.5, x)), g("Add", curve, g.number(1.0, x)))


def feed_forward(g: Graph, x: str, width: int, inner: int) -> str:
    """Two or three products with an activation between them."""
    kind = g.spelled("feed-forward", ("plain", "gated", "packed gate"))
    if kind == "plain":
        return linear(g, activation(g, linear(g, x, width, inner)), inner, width)
    if kind == "gated":
        gate, up = linear(g, x, width, inner), linear(g, x, width, inner)
    else:
        both = linear(g, x, width, 2 * inner)
        gate, up = g.parts("Split", both, g.ints(inner, inner), outputs=2, axis=-1)
    return linear(g, g("Mul", activation(g, gate), up), inner, width)
