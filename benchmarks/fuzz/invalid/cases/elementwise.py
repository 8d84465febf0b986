"""Valid models of operators that compute each element on its own."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.invalid.contents import (
    fixed,
    flags,
    floats,
    half,
    ints,
    microsoft,
    node,
    positive,
    whole,
)
from benchmarks.fuzz.invalid.node import Node

FLOAT_UNARY = (
    *("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSwish", "Identity", "IsNaN", "Mish"),
    *("Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus"),
    *("Softsign", "Tan", "Tanh"),
)
ARITHMETIC = ("Add", "Sub", "Mul", "Div")
COMPARISONS = ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
LOGIC = ("And", "Or", "Xor")
BITS = ("BitwiseAnd", "BitwiseOr", "BitwiseXor")
VARIADIC = ("Max", "Min", "Sum", "Mean")


def _unary() -> list[Node]:
    return [
        *(node(name, floats(2, 3)) for name in FLOAT_UNARY),
        *(node(name, positive(2, 3)) for name in ("Log", "Sqrt")),
        *(node(name, whole(2, 3)) for name in ("Abs", "Neg", "Sign")),
        *(node(name, half(2, 3)) for name in ("Abs", "Relu")),
        node("Not", flags(2, 3)),
        node("BitwiseNot", whole(2, 3)),
        node("IsInf", floats(2, 3), detect_negative=1, detect_positive=1),
        node("Cast", floats(2, 3), to=7),
        node("Cast", whole(2, 3), to=1),
        node("CastLike", floats(2, 3), whole(1)),
    ]


def _activations() -> list[Node]:
    return [
        node("Celu", floats(2, 3), alpha=0.5),
        node("Elu", floats(2, 3), alpha=0.5),
        node("Gelu", floats(2, 3), approximate="tanh"),
        node("Gelu", floats(2, 3), approximate="none"),
        node("HardSigmoid", floats(2, 3), alpha=0.25, beta=0.5),
        node("LeakyRelu", floats(2, 3), alpha=0.25),
        node("PRelu", floats(2, 3), floats(3)),
        node("Selu", floats(2, 3), alpha=1.5, gamma=1.25),
        node("Shrink", floats(2, 3), bias=0.25, lambd=0.5),
        node("Swish", floats(2, 3), alpha=0.5, opset=24),
        node("ThresholdedRelu", floats(2, 3), alpha=0.5),
        microsoft("FastGelu", floats(2, 3), floats(3)),
        microsoft("Gelu", floats(2, 3)),
        microsoft("BiasGelu", floats(2, 3), floats(3)),
        microsoft("QuickGelu", floats(2, 3), alpha=1.5),
    ]


def _several() -> list[Node]:
    return [
        *(node(name, floats(2, 3), positive(3)) for name in ARITHMETIC + COMPARISONS),
        *(node(name, whole(2, 3), ints(2, 3, 5)) for name in ARITHMETIC + COMPARISONS),
        *(node(name, flags(2, 3), flags(3)) for name in LOGIC),
        *(node(name, whole(2, 3), whole(3)) for name in BITS),
        *(node(name, floats(2, 3), floats(3), floats(2, 1)) for name in VARIADIC),
        node("Where", flags(2, 3), floats(3), floats(2, 1)),
        node("Pow", positive(2, 3), floats(3)),
        node("Pow", floats(2, 3), fixed(ints(2))),
        node("Mod", whole(2, 3), ints(2, 3, -5), fmod=0),
        node("Mod", floats(2, 3), positive(3), fmod=1),
    ]


def _clip() -> list[Node]:
    bound = np.float32
    return [
        node("Clip", floats(2, 3), fixed(np.array(-1, bound)), fixed(np.array(1, bound))),
        node("Clip", floats(2, 3), np.array(-1, bound), np.array(1, bound)),
        node("Clip", floats(2, 3), None, np.array(1, bound)),
        node("Clip", floats(2, 3), min=-1.0, max=1.0, opset=7),
    ]


def cases() -> list[Node]:
    """One or more models for each operator of this family."""
    return [*_unary(), *_activations(), *_several(), *_clip()]
