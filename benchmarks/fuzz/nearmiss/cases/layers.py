"""Layers that are alike: products, norms, scalars, masks, caches."""

from __future__ import annotations

import math

from benchmarks.fuzz.nearmiss.graph import Case, Draw, Graph

LENGTHS = ({"past": 0}, {"past": 5})


def _layers(d: Draw) -> range:
    return range(int(d.rng.integers(3, 5)))


def _input(g: Graph, d: Draw) -> str:
    return g.input("x", 1, d.extent("rows", 1, 3), 8)


def plain(d: Draw) -> Case:
    g = Graph(18)
    x = _input(g, d)
    for layer in _layers(d):
        x = g.op("Add", x, g.op("MatMul", x, g.constant(f"weight_{layer}", d.weight(8, 8))))
    g.output(x, "y")
    return g.case("layers/plain", "lpu.for")


def scaled(d: Draw) -> Case:
    """Each layer has a number and an activation of its own."""
    g = Graph(18)
    x = _input(g, d)
    for layer in _layers(d):
        y = g.op("Tanh", g.op("MatMul", x, g.constant(f"weight_{layer}", d.weight(8, 8))))
        scale = g.constant(f"scale_{layer}", 1 / math.sqrt(layer + 1))
        x = g.op("Add", x, g.op("Mul", y, scale))
    g.output(x, "y")
    return g.case("layers/scaled", "lpu.for")


def normed(d: Draw) -> Case:
    """RMS norm, two products with a silu in between."""
    g = Graph(23)
    x = _input(g, d)
    for layer in _layers(d):
        weight = g.constant(f"norm_{layer}", d.weight(8))
        y = g.op("RMSNormalization", x, weight, axis=-1, epsilon=1e-5)
        y = g.op("MatMul", y, g.constant(f"up_{layer}", d.weight(8, 16)))
        y = g.op("Mul", y, g.op("Sigmoid", y))
        x = g.op("Add", x, g.op("MatMul", y, g.constant(f"down_{layer}", d.weight(16, 8))))
    g.output(x, "y")
    return g.case("layers/normed", "lpu.for")


def masked(d: Draw) -> Case:
    """Layers read one of two masks in turn."""
    g = Graph(18)
    x = _input(g, d)
    rows = g.feeds["x"].dims[1]
    masks = [g.input(name, 1, rows, 8) for name in ("mask_a", "mask_b")]
    for layer in range(4):
        y = g.op("MatMul", x, g.constant(f"weight_{layer}", d.weight(8, 8)))
        x = g.op("Add", x, g.op("Mul", y, masks[layer % 2]))
    g.output(x, "y")
    return g.case("layers/masked", "lpu.for")


def cached(d: Draw) -> Case:
    """Each layer has a cache of its own."""
    g = Graph(18)
    ids = g.input("input_ids", 1, d.extent("tokens", 1, 2), dtype="i64", values="below 3")
    embedded = g.op("Gather", g.constant("table", d.weight(3, 4)), ids, axis=0)
    x = g.op("Unsqueeze", embedded, g.integers("heads", 1))
    presents: list[str] = []
    for layer in range(int(d.rng.integers(2, 4))):
        past = g.input(f"past_key_values.{layer}.key", 1, 1, "past", 4)
        new = g.op("MatMul", x, g.constant(f"weight_{layer}", d.weight(4, 4)))
        whole = g.op("Concat", past, new, axis=2)
        presents.append(whole)
        scores = g.op("MatMul", x, g.op("Transpose", whole, perm=[0, 1, 3, 2]))
        x = g.op("Add", x, g.op("MatMul", g.op("Softmax", scores, axis=-1), whole))
    g.output(x, "y")
    for layer, present in enumerate(presents):
        g.output(present, f"present.{layer}.key")
    return g.case("layers/cached", "lpu.for", LENGTHS)


CASES = (plain, scaled, normed, masked, cached)
