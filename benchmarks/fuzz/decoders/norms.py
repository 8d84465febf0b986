"""Normalisations, as operators and spelled out."""

from __future__ import annotations

from benchmarks.fuzz.decoders.graph import F32, I64, MICROSOFT, Graph

EPSILONS = (1e-5, 1e-6, 1e-3)
OPERATORS = ("LayerNormalization", "SimplifiedLayerNormalization")
SPELLED = ("rms spelled", "layer spelled")


def norm(g: Graph, x: str, width: int) -> str:
    """Over the last axis, with a scale."""
    newer = ("RMSNormalization",) * 2 if g.opset >= 23 else ()
    kind = g.spelled("norm", (*OPERATORS, *newer, *SPELLED, *SPELLED))
    epsilon = g.choose("epsilon", EPSILONS)
    if kind in SPELLED:
        return _spelled(g, x, width, epsilon, kind == "layer spelled")
    scale = g.weight(width, type=g.types[x], around=1.0)
    if kind == "RMSNormalization":
        return g(kind, x, scale, epsilon=epsilon, axis=-1)
    if kind == "LayerNormalization":
        bias = [g.weight(width, type=g.types[x])] if g.choose("norm bias", (True, False)) else []
        return g(kind, x, scale, *bias, epsilon=epsilon, axis=-1)
    return g(kind, x, scale, epsilon=epsilon, axis=-1, stash_type=1)


def skip_norm(g: Graph, x: str, skip: str, width: int) -> tuple[str, str]:
    """The normalised sum of two, and the sum, by one operator of ONNX Runtime."""
    simplified = g.choose("skip norm", (True, False))
    kind = "SkipSimplifiedLayerNormalization" if simplified else "SkipLayerNormalization"
    g.label("norm: Skip*")
    dtype = g.types[x]
    scale = g.weight(width, type=dtype, around=1.0)
    bias = [] if simplified else [g.weight(width, type=dtype)]
    outputs = [g.fresh("normed"), "", "", g.fresh("sum")]
    g.append(kind, [x, skip, scale, *bias], outputs, domain=MICROSOFT, epsilon=1e-5)
    return outputs[0], outputs[3]


def _mean(g: Graph, x: str) -> str:
    """Over the last axis."""
    way = g.choose("mean", ("mean", "mean", "mean", "sum"))
    axes = g.ints(-1)
    if way == "mean":
        return g("ReduceMean", x, axes, keepdims=1)
    total = g("ReduceSum", x, axes, keepdims=1)
    width = g("Gather", g("Shape", x), g.index(-1), axis=0)
    return g("Div", total, g("Cast", width, to=g.types[x]))


def _square(g: Graph, x: str) -> str:
    way = g.choose("square", ("pow", "pow", "mul", "integer pow"))
    if way == "mul":
        return g("Mul", x, x)
    if way == "integer pow":
        return g("Pow", x, g.scalar(2, I64))
    return g("Pow", x, g.number(2.0, x))


def _divided(g: Graph, x: str, variance: str) -> str:
    way = g.spelled("norm by", ("sqrt, div", "sqrt, reciprocal", "one over sqrt", "pow -0.5"))
    if way == "pow -0.5":
        return g("Mul", x, g("Pow", variance, g.number(-0.5, x)))
    root = g("Sqrt", variance)
    if way == "sqrt, div":
        return g("Div", x, root)
    if way == "sqrt, reciprocal":
        return g("Mul", x, g("Reciprocal", root))
    return g("Mul", x, g("Div", g.number(1.0, x), root))


def _spelled(g: Graph, x: str, width: int, epsilon: float, centred: bool) -> str:
    dtype, with_casts = g.types[x], g.choose("norm casts", (True, False))
    wide = g("Cast", x, to=F32) if with_casts else x
    if with_casts:
        g.label("norm: with casts")
    if centred:
        wide = g("Sub", wide, _mean(g, wide))
    variance = g("Add", _mean(g, _square(g, wide)), g.number(epsilon, wide))
    normal = _divided(g, wide, variance)
    if with_casts:
        normal = g("Cast", normal, to=dtype)
    way = g.choose("norm scale", ("mul", "mul left", "one plus"))
    if way == "one plus":
        scale = g("Add", g.weight(width, type=dtype), g.number(1.0, normal))
        return g("Mul", normal, scale)
    scale = g.weight(width, type=dtype, around=1.0)
    scaled = g("Mul", scale, normal) if way == "mul left" else g("Mul", normal, scale)
    if centred and g.choose("norm bias", (True, False)):
        return g("Add", scaled, g.weight(width, type=dtype))
    return scaled
