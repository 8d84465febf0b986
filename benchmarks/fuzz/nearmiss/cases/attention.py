"""Attention: grouped heads, masks, places of the scale, softcap, windows, caches, operators."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.fuzz.nearmiss.graph import MICROSOFT, Case, Draw, Graph

LENGTHS = ({"past": 0}, {"past": 5})
LEAST = (-math.inf, -1e9, -3.4028234663852886e38)


@dataclass(frozen=True)
class Sizes:
    batch: int
    heads: int
    tokens: int
    keys: int | str
    lanes: int
    group: int = 1

    @property
    def shared(self) -> int:
        return self.heads // self.group


def _sizes(d: Draw, group: int = 1) -> Sizes:
    shared = d.extent("heads", 1, 2)
    batch, tokens, keys = d.extent("batch", 1, 2), d.extent("tokens", 1, 3), d.extent("keys", 4, 5)
    return Sizes(batch, shared * group, tokens, keys, 8, group)


def _inputs(g: Graph, s: Sizes) -> tuple[str, str, str]:
    q = g.input("q", s.batch, s.heads, s.tokens, s.lanes)
    shared = [g.input(name, s.batch, s.shared, s.keys, s.lanes) for name in ("k", "v")]
    return q, shared[0], shared[1]


def _scaled(g: Graph, d: Draw, q: str, k: str) -> str:
    """The product of queries and transposed keys, scaled somewhere."""
    place = int(d.rng.integers(4))
    turned = g.op("Transpose", k, perm=[0, 1, 3, 2])
    if place == 0:
        q = g.op("Mul", q, g.constant("scale", 0.35))
    if place == 1:
        root = math.sqrt(0.35)
        q = g.op("Mul", q, g.constant("scale_q", root))
        turned = g.op("Mul", turned, g.constant("scale_k", root))
    scores = g.op("MatMul", q, turned)
    if place == 2:
        return g.op("Mul", scores, g.constant("scale", 0.35))
    return g.op("Div", scores, g.constant("divisor", 2.8)) if place == 3 else scores


def _end(g: Graph, name: str, scores: str, v: str) -> Case:
    p = g.op("Softmax", scores, axis=-1)
    g.output(g.op("MatMul", p, v), "y")
    return g.case(f"attention/{name}", "lpu.attention")


def plain(d: Draw) -> Case:
    g = Graph(18)
    q, k, v = _inputs(g, _sizes(d))
    return _end(g, "plain", _scaled(g, d, q, k), v)


def bias(d: Draw) -> Case:
    """A mask that is added."""
    g = Graph(18)
    s = _sizes(d)
    q, k, v = _inputs(g, s)
    lead = [(s.batch, 1), (1, 1), (), (s.batch, s.heads)][int(d.rng.integers(4))]
    operands = [_scaled(g, d, q, k), g.input("bias", *lead, s.tokens, s.keys)]
    scores = g.op("Add", *(operands if d.coin() else operands[::-1]))
    return _end(g, "bias", scores, v)


def keep(d: Draw) -> Case:
    """A mask that chooses between scores and -inf."""
    g = Graph(18)
    s = _sizes(d)
    q, k, v = _inputs(g, s)
    lead = [(s.batch, 1), (1, 1), ()][int(d.rng.integers(3))]
    mask = g.input("keep", *lead, s.tokens, s.keys, dtype="bool")
    least = g.constant("least", -math.inf)
    scores = _scaled(g, d, q, k)
    if d.coin():
        scores = g.op("Where", mask, scores, least)
    else:
        scores = g.op("Where", g.op("Not", mask), least, scores)
    return _end(g, "keep", scores, v)


def chosen_bias(d: Draw) -> Case:
    """A choice between 0 and a least number, added."""
    g = Graph(18)
    s = _sizes(d)
    q, k, v = _inputs(g, s)
    mask = g.input("keep", s.batch, 1, s.tokens, s.keys, dtype="bool")
    least = g.constant("least", float(d.rng.choice(LEAST)))
    chosen = g.op("Where", mask, g.constant("zero", 0.0), least)
    return _end(g, "chosen_bias", g.op("Add", _scaled(g, d, q, k), chosen), v)


def softcap(d: Draw) -> Case:
    g = Graph(18)
    s = _sizes(d)
    q, k, v = _inputs(g, s)
    scores = g.op("Div", _scaled(g, d, q, k), g.constant("cap", 4.0))
    scores = g.op("Mul", g.op("Tanh", scores), g.constant("uncap", 4.0))
    mask = g.input("bias", s.batch, 1, s.tokens, s.keys)
    return _end(g, "softcap", g.op("Add", scores, mask), v)


def _repeated(g: Graph, s: Sizes, x: str, role: str) -> str:
    """Each key head for a group of query heads, one after the other."""
    spread = g.op("Unsqueeze", x, g.integers(f"axis_{role}", 2))
    dims = (s.batch, s.shared, s.group, s.keys, s.lanes)
    spread = g.op("Expand", spread, g.integers(f"dims_{role}", *map(int, dims)))
    whole = g.integers(f"whole_{role}", s.batch, s.heads, int(s.keys), s.lanes)
    return g.op("Reshape", spread, whole)


def grouped(d: Draw) -> Case:
    """Keys and values are repeated for the heads that share them."""
    g = Graph(18)
    s = _sizes(d, group=2)
    q, k, v = _inputs(g, s)
    k, v = _repeated(g, s, k, "keys"), _repeated(g, s, v, "values")
    return _end(g, "grouped", _scaled(g, d, q, k), v)


def grouped_rows(d: Draw) -> Case:
    """Queries that share a key head are rows of one product."""
    g = Graph(18)
    s = _sizes(d, group=2)
    q, k, v = _inputs(g, s)
    rows = g.integers("rows", s.batch, s.shared, s.group * s.tokens, s.lanes)
    scores = _scaled(g, d, g.op("Reshape", q, rows), k)
    split = g.integers("split", s.batch, s.heads, s.tokens, int(s.keys))
    p = g.op("Softmax", g.op("Reshape", scores, split), axis=-1)
    joined = g.integers("joined", s.batch, s.shared, s.group * s.tokens, int(s.keys))
    g.output(g.op("MatMul", g.op("Reshape", p, joined), v), "y")
    return g.case("attention/grouped_rows", "lpu.attention")


def guarded(d: Draw) -> Case:
    """Rows without any key give 0."""
    g = Graph(18)
    s = _sizes(d)
    q, k, v = _inputs(g, s)
    mask = g.input("keep", s.batch, 1, s.tokens, s.keys, dtype="bool", values="empty")
    scores = g.op("Where", mask, _scaled(g, d, q, k), g.constant("least", -math.inf))
    p = g.op("Softmax", scores, axis=-1)
    p = g.op("Where", g.op("IsNaN", p), g.constant("zero", 0.0), p)
    g.output(g.op("MatMul", p, v), "y")
    return g.case("attention/guarded", "lpu.attention guarded")


def flat_heads(d: Draw) -> Case:
    """Batch and heads are one axis, as older exporters write."""
    g = Graph(18)
    s = _sizes(d)
    count = s.batch * s.heads
    q = g.input("q", count, s.tokens, s.lanes)
    k, v = (g.input(n, count, s.keys, s.lanes) for n in ("k", "v"))
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1]))
    split = g.integers("split", s.batch, s.heads, s.tokens, int(s.keys))
    scores = g.op("Reshape", scores, split)
    scores = g.op("Add", scores, g.input("bias", s.batch, 1, s.tokens, s.keys))
    joined = g.integers("joined", count, s.tokens, int(s.keys))
    return _end(g, "flat_heads", g.op("Reshape", scores, joined), v)


def cached(d: Draw) -> Case:
    """Keys and values continue a cache that stays on the device."""
    g = Graph(18)
    heads, lanes, tokens = d.extent("heads", 1, 2), 8, d.extent("tokens", 1, 3)
    q = g.input("q", 1, heads, tokens, lanes)
    joined: list[str] = []
    for name in ("key", "value"):
        past = g.input(f"past_key_values.0.{name}", 1, heads, "past", lanes)
        new = g.input(f"new_{name}", 1, heads, tokens, lanes)
        joined.append(g.op("Concat", past, new, axis=2))
    p = g.op("Softmax", _scaled(g, d, q, joined[0]), axis=-1)
    g.output(g.op("MatMul", p, joined[1]), "y")
    for name, value in zip(("key", "value"), joined, strict=True):
        g.output(value, f"present.0.{name}")
    g.input("input_ids", 1, tokens, dtype="i64", values="below 3")
    return g.case("attention/cached", "lpu.attention", LENGTHS)


def operator(d: Draw) -> Case:
    """The operator of opset 23."""
    g = Graph(23)
    s = _sizes(d, group=2 if d.coin() else 1)
    q, k, v = _inputs(g, s)
    operands = [q, k, v]
    causal, masked = d.coin(), d.coin()
    if masked:
        operands.append(g.input("bias", s.tokens, s.keys, dtype="f32" if d.coin() else "bool"))
    cap = {"softcap": 5.0} if d.coin() else {}
    y = g.op("Attention", *operands, is_causal=int(causal), scale=0.3, **cap)
    g.output(y, "y")
    return g.case("attention/operator", "lpu.attention")


def grouped_query(d: Draw) -> Case:
    """The operator of com.microsoft, with a cache."""
    g = Graph(18)
    tokens, lanes, group = 1, 8, 2
    shared = d.extent("heads", 1, 2)
    heads = shared * group
    q = g.input("q", 1, tokens, heads * lanes)
    k, v = (g.input(n, 1, tokens, shared * lanes) for n in ("k", "v"))
    pasts = [g.input(f"past_key_values.0.{n}", 1, shared, "past", lanes) for n in ("key", "value")]
    ids = g.input("attention_mask", 1, "total", dtype="i64", values="below 1")
    axes = g.integers("mask_axis", 1)
    whole = g.op("Shape", ids)
    total = g.op("Cast", g.op("Gather", whole, g.constant("second", 1, "int64"), axis=0), to=6)
    lengths = g.op("Reshape", g.op("Sub", total, g.constant("one_i", 1, "int32")), axes)
    operands = [q, k, v, *pasts, lengths, total]
    names = g.ops(
        "GroupQueryAttention",
        *operands,
        count=3,
        domain=MICROSOFT,
        num_heads=heads,
        kv_num_heads=shared,
        scale=0.4,
    )
    g.output(names[0], "y")
    for name, value in zip(("key", "value"), names[1:], strict=True):
        g.output(value, f"present.0.{name}")
    g.input("input_ids", 1, tokens, dtype="i64", values="below 3")
    lengths_of = tuple({"past": past, "total": past + 1} for past in (1, 5))
    return g.case("attention/grouped_query", "lpu.attention", lengths_of)


CASES = (
    plain,
    bias,
    keep,
    chosen_bias,
    softcap,
    grouped,
    grouped_rows,
    guarded,
    flat_heads,
    cached,
    operator,
    grouped_query,
)
