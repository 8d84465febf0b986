"""Layer norm and RMS norm: squares, roots and quotients in each spelling, with casts."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.nearmiss.graph import MICROSOFT, Case, Draw, Graph

EPSILONS = (1e-5, 1e-6, 1e-3)


def _input(g: Graph, d: Draw, dtype: str = "f32") -> str:
    rows, lanes = d.extent("rows", 1, 2, 3), d.extent("lanes", 4, 8)
    return g.input("x", d.extent("batch", 1, 2), rows, lanes, dtype=dtype)


def _epsilon(d: Draw) -> float:
    return float(d.rng.choice(EPSILONS))


def _mean(g: Graph, d: Draw, x: str, role: str) -> str:
    axes = g.integers(f"axes_{role}", -1)
    if d.coin():
        return g.op("ReduceMean", x, axes)
    lanes = float(g.feeds["x"].dims[-1])
    return g.op("Div", g.op("ReduceSum", x, axes), g.constant(f"lanes_{role}", lanes))


def _squared(g: Graph, d: Draw, x: str) -> str:
    return g.op("Mul", x, x) if d.coin() else g.op("Pow", x, g.constant("two", 2.0))


def _normalised(g: Graph, d: Draw, x: str) -> str:
    """`x / sqrt(mean(x^2) + epsilon)` in one of four ways."""
    square = _mean(g, d, _squared(g, d, x), "square")
    operands = [square, g.constant("epsilon", _epsilon(d))]
    root = g.op("Sqrt", g.op("Add", *(operands if d.coin() else operands[::-1])))
    match int(d.rng.integers(3)):
        case 0:
            return g.op("Div", x, root)
        case 1:
            inverse = g.op("Reciprocal", root)
        case _:
            inverse = g.op("Div", g.constant("one", 1.0), root)
    return g.op("Mul", *((x, inverse) if d.coin() else (inverse, x)))


def _weight(g: Graph, d: Draw) -> str:
    lanes = int(g.feeds["x"].dims[-1])
    return g.constant("weight", d.weight(lanes))


def rms(d: Draw) -> Case:
    g = Graph()
    y = _normalised(g, d, _input(g, d))
    operands = [y, _weight(g, d)]
    g.output(g.op("Mul", *(operands if d.coin() else operands[::-1])), "y")
    return g.case("norm/rms", "norm rms")


def rms_plus_one(d: Draw) -> Case:
    """The weight is stored less 1."""
    g = Graph()
    y = _normalised(g, d, _input(g, d))
    weight = g.op("Add", _weight(g, d), g.constant("one_w", 1.0))
    g.output(g.op("Mul", y, weight), "y")
    return g.case("norm/rms_plus_one", "norm rms")


def plain(d: Draw) -> Case:
    """Without a weight."""
    g = Graph()
    g.output(_normalised(g, d, _input(g, d)), "y")
    return g.case("norm/plain", "norm rms")


def _centred(g: Graph, d: Draw, x: str) -> str:
    return g.op("Sub", x, _mean(g, d, x, "mean"))


def layer(d: Draw) -> Case:
    g = Graph()
    y = _normalised(g, d, _centred(g, d, _input(g, d)))
    y = g.op("Mul", y, _weight(g, d))
    lanes = int(g.feeds["x"].dims[-1])
    operands = [y, g.constant("bias", d.weight(lanes))]
    g.output(g.op("Add", *(operands if d.coin() else operands[::-1])), "y")
    return g.case("norm/layer", "norm layer")


def casts(d: Draw) -> Case:
    """f16 in and out, the norm in f32, the weight behind or in front of the last cast."""
    g = Graph()
    wide = g.op("Cast", _input(g, d, "f16"), to=1)
    is_rms = d.coin()
    y = _normalised(g, d, wide if is_rms else _centred(g, d, wide))
    lanes = int(g.feeds["x"].dims[-1])
    if d.coin():
        y = g.op("Cast", g.op("Mul", y, _weight(g, d)), to=10)
    else:
        weight = g.constant("weight", d.weight(lanes).astype(np.float16))
        y = g.op("Mul", g.op("Cast", y, to=10), weight)
    g.output(y, "y", dtype="f16")
    return g.case("norm/casts", "norm rms" if is_rms else "norm layer")


def _operator(d: Draw, name: str, kind: str, domain: str, opset: int, count: int) -> Case:
    g = Graph(opset)
    x = _input(g, d)
    operands = [x]
    if kind.startswith("Skip"):
        operands.append(g.input("skip", *g.feeds["x"].dims))
    operands.append(_weight(g, d))
    if kind.endswith("LayerNormalization") and "Simplified" not in kind:
        operands.append(g.constant("bias", d.weight(int(g.feeds["x"].dims[-1]))))
    attributes = {} if kind.startswith("Skip") else {"axis": -1}
    names = g.ops(kind, *operands, count=count, domain=domain, epsilon=_epsilon(d), **attributes)
    g.output(names[0], "y")
    target = "norm rms" if "Simplified" in kind or "RMS" in kind else "norm layer"
    return g.case(f"norm/{name}", target)


def layer_operator(d: Draw) -> Case:
    return _operator(d, "layer_operator", "LayerNormalization", "", 18, 1)


def rms_operator(d: Draw) -> Case:
    return _operator(d, "rms_operator", "RMSNormalization", "", 23, 1)


def simplified_operator(d: Draw) -> Case:
    return _operator(d, "simplified_operator", "SimplifiedLayerNormalization", "", 18, 1)


def skip_operator(d: Draw) -> Case:
    return _operator(d, "skip_operator", "SkipLayerNormalization", MICROSOFT, 18, 1)


def skip_simplified(d: Draw) -> Case:
    kind = "SkipSimplifiedLayerNormalization"
    return _operator(d, "skip_simplified", kind, MICROSOFT, 18, 1)


CASES = (
    rms,
    rms_plus_one,
    plain,
    layer,
    casts,
    layer_operator,
    rms_operator,
    simplified_operator,
    skip_operator,
    skip_simplified,
)
