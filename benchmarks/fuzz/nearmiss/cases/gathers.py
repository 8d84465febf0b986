"""Gathers by indices that count with the length of the cache: views; and full scatters."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.nearmiss.graph import Case, Draw, Graph

TABLE = 64


def _tokens(g: Graph, d: Draw) -> int:
    """Ids, a cache that gives `past` its role, and a mask over both."""
    new = d.extent("tokens", 1, 2)
    g.input("input_ids", 1, new, dtype="i64", values="below 3")
    g.input("past_key_values.0.key", 1, 1, "past", 4)
    g.input("attention_mask", 1, "total", dtype="i64", values="below 1000")
    fresh = g.input("new_key", 1, 1, new, 4)
    g.output(g.op("Concat", "past_key_values.0.key", fresh, axis=2), "present.0.key")
    return new


def _number(g: Graph, name: str, number: int) -> str:
    return g.constant(name, number, np.int64)


def _extent(g: Graph, value: str, axis: int) -> str:
    whole = g.op("Shape", value)
    return g.op("Gather", whole, _number(g, f"axis_{len(g.nodes)}", axis), axis=0)


def _total(g: Graph) -> str:
    return _extent(g, "attention_mask", 1)


def _counted(g: Graph, count: str) -> str:
    return g.op("Range", _number(g, "start", 0), count, _number(g, "step", 1))


def _mask(g: Graph) -> str:
    return g.op("Cast", "attention_mask", to=1)


def _case(g: Graph, name: str, new: int, target: str = "gathered") -> Case:
    lengths = tuple({"past": past, "total": past + new} for past in (0, 1, 5))
    return g.case(f"gathers/{name}", target, lengths)


def whole(d: Draw) -> Case:
    """All elements of the mask, in order."""
    g = Graph(18)
    new = _tokens(g, d)
    g.output(g.op("Gather", _mask(g), _counted(g, _total(g)), axis=1), "y")
    return _case(g, "whole", new)


def moved(d: Draw) -> Case:
    """Rows of a table from a constant place on."""
    g = Graph(18)
    new = _tokens(g, d)
    places = g.op("Add", _counted(g, _total(g)), _number(g, "first", int(d.rng.integers(1, 4))))
    g.output(g.op("Gather", g.constant("table", d.weight(TABLE, 3)), places, axis=0), "y")
    return _case(g, "moved", new)


def stepped(d: Draw) -> Case:
    """Every second row of a table."""
    g = Graph(18)
    new = _tokens(g, d)
    places = g.op("Mul", _counted(g, _total(g)), _number(g, "stride", 2))
    g.output(g.op("Gather", g.constant("table", d.weight(TABLE, 3)), places, axis=0), "y")
    return _case(g, "stepped", new)


def behind(d: Draw) -> Case:
    """Rows of a table at the positions behind the cache: `P + i`."""
    g = Graph(18)
    new = _tokens(g, d)
    past = _extent(g, "past_key_values.0.key", 2)
    places = g.op("Range", past, _total(g), _number(g, "step", 1))
    if d.coin():
        places = g.op("Reshape", places, g.integers("split", 1, -1))
    g.output(g.op("Gather", g.constant("table", d.weight(TABLE, 4)), places, axis=0), "y")
    return _case(g, "behind", new)


def flat(d: Draw) -> Case:
    """The flattened mask at batch times length plus key, as one exporter writes."""
    g = Graph(18)
    new = _tokens(g, d)
    keys = g.op("Reshape", _counted(g, _total(g)), g.integers("row", 1, 1, 1, -1))
    rows = g.op("Mul", g.integers("batches", 0), _total(g))
    places = g.op("Add", keys, g.op("Reshape", rows, g.integers("column", 1, 1, 1, 1)))
    if d.coin():
        dims = g.op("Concat", g.integers("lead", 1, 1, 2), _vector(g, _total(g)), axis=0)
        places = g.op("Expand", places, dims)
    flat_mask = g.op("Reshape", _mask(g), g.integers("flat", -1))
    g.output(g.op("Gather", flat_mask, places, axis=0), "y")
    return _case(g, "flat", new)


def _vector(g: Graph, number: str) -> str:
    return g.op("Reshape", number, g.integers(f"one_{len(g.nodes)}", 1))


def points(d: Draw) -> Case:
    """GatherND by pairs of batch and key, as another exporter writes."""
    g = Graph(18)
    new = _tokens(g, d)
    dims = g.op("Concat", g.integers("lead", 1, 1, 2), _vector(g, _total(g)), axis=0)
    keys = g.op("Reshape", _counted(g, _total(g)), g.integers("row", 1, 1, 1, -1))
    keys = g.op("Expand", keys, dims)
    batches = g.op("Expand", g.constant("batches", np.zeros((1, 1, 1, 1), np.int64)), dims)
    last = g.integers("last", -1)
    parts = [g.op("Unsqueeze", part, last) for part in (batches, keys)]
    g.output(g.op("GatherND", _mask(g), g.op("Concat", *parts, axis=-1)), "y")
    return _case(g, "points", new)


def row(d: Draw) -> Case:
    """One row of a table, at the last position."""
    g = Graph(18)
    new = _tokens(g, d)
    place = g.op("Sub", _total(g), _number(g, "back", 1))
    g.output(g.op("Gather", g.constant("table", d.weight(TABLE, 4)), place, axis=0), "y")
    return _case(g, "row", new)


def full_scatter(d: Draw) -> Case:
    """A scatter that sets every row in order gives its updates."""
    g = Graph(18)
    new = _tokens(g, d)
    source = g.op("Reshape", _mask(g), g.integers("flat", -1))
    places = g.op("Unsqueeze", _counted(g, _total(g)), g.integers("last", -1))
    updates = g.input("updates", "total")
    g.output(g.op("ScatterND", source, places, updates), "y")
    return _case(g, "full_scatter", new, "scattered")


CASES = (whole, moved, stepped, behind, flat, points, row, full_scatter)
