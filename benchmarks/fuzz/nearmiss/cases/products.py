"""Products with the same left side: queries, keys and values, or gate and up."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.nearmiss.graph import Case, Draw, Graph

NAMES = ("first", "second", "third")


def _input(g: Graph, d: Draw, dtype: str = "f32") -> str:
    return g.input("x", d.extent("batch", 1, 2), d.extent("rows", 1, 3), 8, dtype=dtype)


def _show(g: Graph, values: list[str], dtype: str = "f32") -> None:
    for name, value in zip(NAMES, values, strict=False):
        g.output(value, f"y_{name}", dtype=dtype)


def plain(d: Draw) -> Case:
    g = Graph(18)
    x = _input(g, d)
    count = int(d.rng.integers(2, 4))
    weights = [g.constant(n, d.weight(8, d.extent(n, 4, 8, 3))) for n in NAMES[:count]]
    _show(g, [g.op("MatMul", x, w) for w in weights])
    return g.case("products/plain", "merged")


def biased(d: Draw) -> Case:
    g = Graph(18)
    x = _input(g, d)
    values: list[str] = []
    for name in NAMES:
        width = d.extent(name, 4, 8)
        value = g.op("MatMul", x, g.constant(name, d.weight(8, width)))
        operands = [value, g.constant(f"bias_{name}", d.weight(width))]
        values.append(g.op("Add", *(operands if d.coin() else operands[::-1])))
    _show(g, values)
    return g.case("products/biased", "merged")


def gemm(d: Draw) -> Case:
    g = Graph(18)
    x = g.input("x", d.extent("rows", 1, 3), 8)
    values: list[str] = []
    for name in NAMES[:2]:
        width = d.extent(name, 4, 8)
        operands = (g.constant(name, d.weight(8, width)), g.constant(f"b_{name}", d.weight(width)))
        values.append(g.op("Gemm", x, *operands))
    _show(g, values)
    return g.case("products/gemm", "merged")


def casts(d: Draw) -> Case:
    """Products in f16 and sums with biases in f32."""
    g = Graph(18)
    x = _input(g, d, "f16")
    values: list[str] = []
    for name in NAMES[:2]:
        width = d.extent(name, 4, 8)
        weight = g.constant(name, d.weight(8, width).astype(np.float16))
        value = g.op("Cast", g.op("MatMul", x, weight), to=1)
        values.append(g.op("Add", value, g.constant(f"bias_{name}", d.weight(width))))
    _show(g, values)
    return g.case("products/casts", "merged")


def gated(d: Draw) -> Case:
    """`silu(gate) * up`, behind which a product goes back."""
    g = Graph(18)
    x = _input(g, d)
    gate = g.op("MatMul", x, g.constant("first", d.weight(8, 16)))
    up = g.op("MatMul", x, g.constant("second", d.weight(8, 16)))
    inner = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), up)
    g.output(g.op("MatMul", inner, g.constant("third", d.weight(16, 8))), "y")
    return g.case("products/gated", "merged")


def attention(d: Draw) -> Case:
    """What makes queries, keys and values."""
    g = Graph(18)
    x = g.input("x", 1, d.extent("rows", 1, 3), 8)
    sides: list[str] = []
    for name in NAMES:
        value = g.op("MatMul", x, g.constant(name, d.weight(8, 8)))
        split = g.op("Reshape", value, g.integers(f"split_{name}", 0, 0, 2, 4))
        perm = [0, 2, 3, 1] if name == "second" else [0, 2, 1, 3]
        sides.append(g.op("Transpose", split, perm=perm))
    p = g.op("Softmax", g.op("MatMul", sides[0], sides[1]), axis=-1)
    g.output(g.op("MatMul", p, sides[2]), "y")
    return g.case("products/attention", "merged")


CASES = (plain, biased, gemm, casts, gated, attention)
