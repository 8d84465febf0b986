"""Caches whose present is what is new behind the past, in several layouts and types."""

from __future__ import annotations

from benchmarks.fuzz.nearmiss.graph import Case, Draw, Graph

LENGTHS = ({"past": 0}, {"past": 1}, {"past": 5})
NAMES = ("key", "value")


def _new(g: Graph, dims: tuple[int, ...], name: str) -> str:
    return g.input(f"new_{name}", *dims)


def _case(g: Graph, name: str, count: int = 1) -> Case:
    g.input("input_ids", 1, "seq", dtype="i64", values="below 3")
    return g.case(f"caches/{name}", "lpu.state", LENGTHS, count)


def plain(d: Draw) -> Case:
    """`[batch, heads, past, lanes]`, read by something of the same shape."""
    g = Graph(18)
    heads, tokens = d.extent("heads", 1, 2), d.extent("tokens", 1, 2)
    past = g.input("past_key_values.0.key", 1, heads, "past", 4)
    new = _new(g, (1, heads, tokens, 4), "key")
    whole = g.op("Concat", past, new, axis=2)
    g.output(g.op("Neg", whole), "y")
    g.output(whole, "present.0.key")
    return _case(g, "plain")


def two(d: Draw) -> Case:
    """Keys and values, of which a product is made."""
    g = Graph(18)
    heads, tokens = d.extent("heads", 1, 2), d.extent("tokens", 1, 2)
    wholes: list[str] = []
    for name in NAMES:
        past = g.input(f"past_key_values.0.{name}", 1, heads, "past", 4)
        wholes.append(g.op("Concat", past, _new(g, (1, heads, tokens, 4), name), axis=2))
    g.output(g.op("MatMul", g.op("Transpose", wholes[0], perm=[0, 1, 3, 2]), wholes[1]), "y")
    for name, whole in zip(NAMES, wholes, strict=True):
        g.output(whole, f"present.0.{name}")
    return _case(g, "two", 2)


def layout(d: Draw) -> Case:
    """Read with tokens in front of heads."""
    g = Graph(18)
    heads, tokens = d.extent("heads", 1, 2), d.extent("tokens", 1, 2)
    past = g.input("past_key_values.0.key", 1, heads, "past", 4)
    whole = g.op("Concat", past, _new(g, (1, heads, tokens, 4), "key"), axis=2)
    g.output(g.op("Exp", g.op("Transpose", whole, perm=[0, 2, 1, 3])), "y")
    g.output(whole, "present.0.key")
    return _case(g, "layout")


def turned(d: Draw) -> Case:
    """The concatenation is of turned values, and the present is turned back."""
    g = Graph(18)
    heads, tokens = d.extent("heads", 1, 2), d.extent("tokens", 1, 2)
    past = g.input("past_key_values.0.key", 1, heads, "past", 4)
    new = _new(g, (1, tokens, heads, 4), "key")
    whole = g.op("Concat", g.op("Transpose", past, perm=[0, 2, 1, 3]), new, axis=1)
    g.output(g.op("Neg", whole), "y")
    g.output(g.op("Transpose", whole, perm=[0, 2, 1, 3]), "present.0.key")
    return _case(g, "turned")


def half(d: Draw) -> Case:
    """Stored in f16, read in f32."""
    g = Graph(18)
    heads, tokens = d.extent("heads", 1, 2), d.extent("tokens", 1, 2)
    past = g.input("past_key_values.0.key", 1, heads, "past", 4, dtype="f16")
    new = g.op("Cast", _new(g, (1, heads, tokens, 4), "key"), to=10)
    whole = g.op("Concat", past, new, axis=2)
    g.output(g.op("Neg", g.op("Cast", whole, to=1)), "y")
    g.output(whole, "present.0.key", dtype="f16")
    return _case(g, "half")


def shown_twice(d: Draw) -> Case:
    """Two outputs are the same cache."""
    g = Graph(18)
    heads, tokens = d.extent("heads", 1, 2), d.extent("tokens", 1, 2)
    past = g.input("past_key_values.0.key", 1, heads, "past", 4)
    whole = g.op("Concat", past, _new(g, (1, heads, tokens, 4), "key"), axis=2)
    g.output(g.op("ReduceSum", whole, g.integers("axes", 2)), "y")
    g.output(whole, "present.0.key")
    g.output(whole, "again")
    return _case(g, "shown_twice")


CASES = (plain, two, layout, turned, half, shown_twice)
