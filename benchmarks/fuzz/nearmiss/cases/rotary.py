"""Rotary embedding by halves, of all channels or some, from tables or from inputs."""

from __future__ import annotations

from benchmarks.fuzz.nearmiss.graph import MICROSOFT, Case, Draw, Graph


def _heads(g: Graph, d: Draw, lanes: int) -> str:
    """`x [batch, heads, tokens, lanes]`"""
    batch, heads, tokens = (
        d.extent("batch", 1, 2),
        d.extent("heads", 1, 2),
        d.extent("tokens", 1, 3),
    )
    return g.input("x", batch, heads, tokens, lanes)


def _angles(g: Graph, d: Draw, width: int) -> tuple[str, str]:
    """cos and sin, which all heads share."""
    tokens = g.feeds["x"].dims[2]
    lead = [(1, 1), (g.feeds["x"].dims[0], 1), ()][int(d.rng.integers(3))]
    return g.input("cos", *lead, tokens, width), g.input("sin", *lead, tokens, width)


def _slice(g: Graph, x: str, role: str, first: int, last: int) -> str:
    bounds = (g.integers(f"start_{role}", first), g.integers(f"end_{role}", last))
    return g.op("Slice", x, *bounds, g.integers(f"axis_{role}", 3))


def _product(g: Graph, d: Draw, a: str, b: str) -> str:
    return g.op("Mul", *((a, b) if d.coin() else (b, a)))


def _turned(g: Graph, d: Draw, x: str, width: int) -> str:
    """`x cos + concat(-b, a) sin`"""
    cos, sin = _angles(g, d, width)
    half = width // 2
    if d.coin():
        low, high = _slice(g, x, "low", 0, half), _slice(g, x, "high", half, width)
    else:
        low, high = g.ops("Split", x, count=2, axis=3, num_outputs=2)
    crossed = g.op("Concat", g.op("Neg", high), low, axis=-1)
    straight = _product(g, d, x, cos)
    turned = _product(g, d, crossed, sin)
    return g.op("Add", *((straight, turned) if d.coin() else (turned, straight)))


def whole(d: Draw) -> Case:
    g = Graph()
    lanes = d.extent("lanes", 4, 8)
    g.output(_turned(g, d, _heads(g, d, lanes), lanes), "y")
    return g.case("rotary/whole", "lpu.rotary")


def partial(d: Draw) -> Case:
    """The first channels turn; the others are put behind them."""
    g = Graph()
    lanes, width = 8, 4
    x = _heads(g, d, lanes)
    first, rest = _slice(g, x, "turned", 0, width), _slice(g, x, "rest", width, lanes)
    g.output(g.op("Concat", _turned(g, d, first, width), rest, axis=-1), "y")
    return g.case("rotary/partial", "lpu.rotary")


def halves(d: Draw) -> Case:
    """`concat(a cos - b sin, a sin + b cos)`"""
    g = Graph()
    lanes = d.extent("lanes", 4, 8)
    x = _heads(g, d, lanes)
    half = lanes // 2
    cos, sin = _angles(g, d, half)
    a, b = _slice(g, x, "low", 0, half), _slice(g, x, "high", half, lanes)
    real = g.op("Sub", _product(g, d, a, cos), _product(g, d, b, sin))
    terms = [_product(g, d, a, sin), _product(g, d, b, cos)]
    imaginary = g.op("Add", *(terms if d.coin() else terms[::-1]))
    g.output(g.op("Concat", real, imaginary, axis=-1), "y")
    return g.case("rotary/halves", "lpu.rotary")


def casts(d: Draw) -> Case:
    """Heads in f16, turned in f32."""
    g = Graph()
    x = g.input("x", 1, d.extent("heads", 1, 2), d.extent("tokens", 1, 3), 8, dtype="f16")
    y = _turned(g, d, g.op("Cast", x, to=1), 8)
    g.output(g.op("Cast", y, to=10), "y", dtype="f16")
    return g.case("rotary/casts", "lpu.rotary")


def operator(d: Draw) -> Case:
    """The operator of opset 23, with tables by position."""
    g = Graph()
    x = _heads(g, d, 8)
    batch, _, tokens, _ = g.feeds["x"].dims
    width = 8 if d.coin() else 4
    tables = [g.constant(name, d.weight(6, width // 2)) for name in ("cos", "sin")]
    places = g.input("places", batch, tokens, dtype="i64", values="below 6")
    y = g.op("RotaryEmbedding", x, *tables, places, rotary_embedding_dim=width if width < 8 else 0)
    g.output(y, "y")
    return g.case("rotary/operator", "lpu.rotary")


def microsoft(d: Draw) -> Case:
    g = Graph(18)
    x = _heads(g, d, 8)
    batch, _, tokens, _ = g.feeds["x"].dims
    places = g.input("places", batch, tokens, dtype="i64", values="below 6")
    tables = [g.constant(name, d.weight(6, 4)) for name in ("cos", "sin")]
    y = g.op("RotaryEmbedding", x, places, *tables, domain=MICROSOFT)
    g.output(y, "y")
    return g.case("rotary/microsoft", "lpu.rotary")


CASES = (whole, partial, halves, casts, operator, microsoft)
