"""Softmax as an operator and in its parts, with and without a guard against empty rows."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.fuzz.nearmiss.graph import Case, Draw, Graph


def _input(g: Graph, d: Draw, dtype: str = "f32", values: str = "normal") -> str:
    rows, lanes = d.extent("rows", 1, 2, 3), d.extent("lanes", 3, 4, 8)
    return g.input("x", d.extent("batch", 1, 2), rows, lanes, dtype=dtype, values=values)


def _parts(g: Graph, x: str) -> str:
    axes = g.integers("axes", -1)
    centred = g.op("Sub", x, g.op("ReduceMax", x, axes))
    powers = g.op("Exp", centred)
    return g.op("Div", powers, g.op("ReduceSum", powers, g.integers("axes_sum", -1)))


def parts(d: Draw) -> Case:
    g = Graph()
    g.output(_parts(g, _input(g, d)), "y")
    return g.case("softmax/parts", "lpu.softmax")


def operator(d: Draw) -> Case:
    g = Graph(18)
    g.output(g.op("Softmax", _input(g, d), axis=-1), "y")
    return g.case("softmax/operator", "lpu.softmax")


def _guard(g: Graph, p: str) -> str:
    return g.op("Where", g.op("IsNaN", p), g.constant("zero", 0.0), p)


def guarded(d: Draw) -> Case:
    """`Where(IsNaN(p), 0, p)`, as exporters of masked attention write; masks have no NaN."""
    g = Graph()
    x = _input(g, d, values="empty")
    p = _parts(g, x) if d.coin() else g.op("Softmax", x, axis=-1)
    g.output(_guard(g, p), "y")
    return g.case("softmax/guarded", "lpu.softmax guarded")


def guarded_mask(d: Draw) -> Case:
    """As behind a mask: where it is false, the scores are -inf."""
    g = Graph()
    x = _input(g, d)
    keep = g.input("keep", *g.feeds["x"].dims, dtype="bool", values="empty")
    masked = g.op("Where", keep, x, g.constant("least", -math.inf))
    g.output(_guard(g, g.op("Softmax", masked, axis=-1)), "y")
    return g.case("softmax/guarded_mask", "lpu.softmax guarded")


def empty_rows(d: Draw) -> Case:
    """Maximum and sum replaced where a row has nothing but -inf."""
    g = Graph()
    x = _input(g, d, values="empty")
    top = g.op("ReduceMax", x, g.integers("axes", -1))
    empty = g.op("Equal", top, g.constant("least", -math.inf))
    pivot = g.op("Where", empty, g.constant("zero", 0.0), top)
    powers = g.op("Exp", g.op("Sub", x, pivot))
    total = g.op("ReduceSum", powers, g.integers("axes_sum", -1))
    divisor = g.op("Where", empty, g.constant("one", 1.0), total)
    g.output(g.op("Div", powers, divisor), "y")
    return g.case("softmax/empty_rows", "lpu.softmax zero")


def casts(d: Draw) -> Case:
    """f16 in and out, computed in f32."""
    g = Graph()
    wide = g.op("Cast", _input(g, d, "f16"), to=1)
    p = _parts(g, wide) if d.coin() else g.op("Softmax", wide, axis=-1)
    g.output(g.op("Cast", p, to=10), "y", dtype="f16")
    return g.case("softmax/casts", "lpu.softmax")


def half(d: Draw) -> Case:
    """The operator itself in f16."""
    g = Graph()
    p = g.op("Softmax", _input(g, d, "f16"), axis=-1)
    g.output(p, "y", dtype="f16")
    return g.case("softmax/half", "lpu.softmax")


def half_guarded(d: Draw) -> Case:
    g = Graph()
    p = g.op("Softmax", _input(g, d, "f16", "empty"), axis=-1)
    zero = g.constant("zero", 0.0, np.float16)
    g.output(g.op("Where", g.op("IsNaN", p), zero, p), "y", dtype="f16")
    return g.case("softmax/half_guarded", "lpu.softmax guarded")


CASES = (parts, operator, guarded, guarded_mask, empty_rows, casts, half, half_guarded)
