"""Operators that compute each element on its own by one or two functions of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.analysis.content import (
    Content,
    Elements,
    Fill,
    Line,
    as_line,
    broadcast,
    combine_elements,
    combine_lines,
    elements,
    expand_line,
    of_shape,
)
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, broadcast_all, only, operator, same_as_first
from passes.onnx.operators.terms import constant, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, ElementType, convert

UNARY = {
    "Abs": "abs", "Sqrt": "sqrt", "Exp": "exp", "Log": "log", "Reciprocal": "recip",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Erf": "erf", "Sin": "sin", "Cos": "cos",
    "IsNaN": "isnan", "Not": "not", "Floor": "floor", "Ceil": "ceil", "Round": "round",
    "Sign": "sign", "BitwiseNot": "not",
}  # fmt: skip

ARITHMETIC = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Equal": "eq", "Less": "lt",
    "LessOrEqual": "le", "Greater": "gt", "GreaterOrEqual": "ge",
}  # fmt: skip

LOGIC = {
    "And": "and", "Or": "or", "Xor": "xor", "BitwiseAnd": "and", "BitwiseOr": "or",
    "BitwiseXor": "xor",
}  # fmt: skip

FLOAT_MAX = float(np.finfo(np.float32).max)
"""The bound of a Clip before opset 11 that has none."""

OLD_BROADCAST = Limit(
    "the broadcasting of opset 6 and older",
    lambda node: node.op.since_version < 7 and node.flag("broadcast"),
    "convert the model's opset",
)


def _check_domain(node: Node, fn: str) -> None:
    element = node.source.dtype
    if not (FUNCTIONS1.get(fn) or FUNCTIONS2[fn]).accepts(element):
        raise node.refusal(f"{node.op.OP_TYPE} of {element} is not supported", "cast it to f32")


@operator(*UNARY, shape=same_as_first)
def unary(b: Build, node: Node) -> SSAValue:
    fn = UNARY[node.op.OP_TYPE]
    _check_domain(node, fn)
    return b.map(fn, node.first)


def _negated(node: Node) -> Content | None:
    match content := node.lookup(node.first):
        case Elements():
            return elements(-content.array)
        case Line():
            return Line(-content.base, tuple(-c for c in content.coefficients))
        case _:
            return None


@operator("Neg", shape=same_as_first, contents=_negated)
def negative(b: Build, node: Node) -> SSAValue:
    return b.map("neg", node.first)


def _pairwise(node: Node) -> Content | None:
    """Of two operands: element by element, or as lines."""
    if len(node.op.operands) != 2 or node.source.dtype.is_float:
        return None
    fn, (left, right) = node.op.OP_TYPE, (node.elements_of(v) for v in node.op.operands)
    if left is not None and right is not None:
        combined = combine_elements(fn, left, right, node.ranges)
        if combined is not None:
            return combined
    rank = max(tensor_of(v).rank for v in node.op.operands)
    lines = [_line(node, v, rank) for v in node.op.operands]
    known = [line for line in lines if line is not None]
    return combine_lines(fn, *known) if len(known) == 2 else None


def _line(node: Node, value: SSAValue, rank: int) -> Line | None:
    tensor = tensor_of(value)
    line = as_line(node.lookup(value), tensor)
    return None if line is None else expand_line(line, tensor.shape, rank)


@operator(*ARITHMETIC, shape=broadcast_all, contents=_pairwise, limits=[OLD_BROADCAST])
def arithmetic(b: Build, node: Node) -> SSAValue:
    fn = ARITHMETIC[node.op.OP_TYPE]
    _check_domain(node, fn)
    return b.map(fn, *node.op.operands)


@operator(*LOGIC, shape=broadcast_all, limits=[OLD_BROADCAST])
def logic(b: Build, node: Node) -> SSAValue:
    return b.map(LOGIC[node.op.OP_TYPE], *node.op.operands)


def _remainder(node: Node) -> Content | None:
    return None if node.flag("fmod") else _pairwise(node)


def _divides_floats(node: Node) -> bool:
    """Whether an old version is given floats that it does not take."""
    floats = node.source.dtype.is_float
    return floats and node.op.since_version < 28 and not node.flag("fmod")


@operator(
    "Mod",
    shape=broadcast_all,
    contents=_remainder,
    limits=[Limit("floats without fmod before opset 28", _divides_floats, "set fmod to 1")],
)
def modulo(b: Build, node: Node) -> SSAValue:
    return b.map("fmod" if node.flag("fmod") else "mod", *node.op.operands)


def _sole(node: Node) -> Content | None:
    return node.lookup(node.first) if len(node.op.operands) == 1 else _pairwise(node)


def _variadic_dims(node: Node) -> Sequence[Dims]:
    found = broadcast_all(node)
    if node.op.since_version < 8:
        shapes = {tensor_of(value).shape for value in node.op.operands}
        node.require(len(shapes) == 1, "operands of opset 7 and older have one shape")
    return found


@operator("Max", "Min", shape=_variadic_dims, contents=_sole)
def extreme(b: Build, node: Node) -> SSAValue:
    fn = node.op.OP_TYPE.lower()
    return reduce(lambda x, y: b.map(fn, x, y), node.op.operands)


@operator("Sum", shape=_variadic_dims)
def total(b: Build, node: Node) -> SSAValue:
    exact = len(node.op.operands) <= 2
    terms = list(node.op.operands) if exact else [wide(b, v) for v in node.op.operands]
    return b.cast(reduce(lambda x, y: b.map("add", x, y), terms), node.result.dtype)


@operator("Mean", shape=_variadic_dims)
def mean(b: Build, node: Node) -> SSAValue:
    terms = [wide(b, v) for v in node.op.operands]
    summed = reduce(lambda x, y: b.map("add", x, y), terms)
    return b.cast(b.map("div", summed, constant(b, len(terms), summed)), node.result.dtype)


def _chosen(node: Node) -> Content | None:
    parts = [node.elements_of(value) for value in node.op.operands]
    known = [part for part in parts if part is not None]
    if len(known) < 3:
        return None
    condition, on_true, on_false = broadcast(*known)
    rows = zip(condition.flat(), on_true.flat(), on_false.flat(), strict=True)
    return of_shape([t if c.const else f for c, t, f in rows], condition.array.shape)


@operator("Where", shape=broadcast_all, contents=_chosen)
def where(b: Build, node: Node) -> SSAValue:
    return b.select(node.value("condition"), node.value("X"), node.value("Y"))


def _converted(node: Node) -> Content | None:
    """Integers that fit are the same in any integer type; a fill is converted as its element."""
    content, target = node.lookup(node.first), node.result.dtype
    if isinstance(content, Fill):
        return Fill(convert(content.value, target))
    same = node.source.dtype == target
    return content if same or (node.source.dtype.is_int and target.is_int) else None


@operator(
    "Cast",
    "CastLike",
    shape=same_as_first,
    contents=_converted,
    limits=[only("saturate", 1, None)],
)
def cast(b: Build, node: Node) -> SSAValue:
    return b.cast(node.first, node.result.dtype)


def _shifted_dims(node: Node) -> Sequence[Dims]:
    direction = node.attr("direction")
    node.require(direction in ("LEFT", "RIGHT"), f"the direction is {direction}")
    return broadcast_all(node)


@operator("BitShift", shape=_shifted_dims)
def shift(b: Build, node: Node) -> SSAValue:
    """
    To the left a product, which wraps; to the right the sign of a negative number enters.

    Counts are unsigned: none is negative, and one as wide as the type moves all bits out.
    """
    x, count, dtype = node.value("X"), node.value("Y"), node.source.dtype
    bits = 8 * dtype.itemsize
    if node.attr("direction") == "LEFT":
        return b.map("mul", x, b.map("pow", constant(b, 2, x), count))
    above = b.map("ge", count, constant(b, bits, x))
    if dtype is ElementType.U8:
        return b.select(above, constant(b, 0, x), b.map("shr", x, count))
    above = b.map("or", above, b.map("lt", count, constant(b, 0, x)))
    count = b.select(above, constant(b, bits - 1, x), count)
    negative = b.map("lt", x, constant(b, 0, x))
    moved = b.map("not", b.map("shr", b.map("not", x), count))
    return b.select(negative, moved, b.map("shr", x, count))


def _clipped_dims(node: Node) -> Sequence[Dims]:
    if node.op.since_version >= 11:
        for name in ("min", "max"):
            node.expect_dims(name, (), (Affine(1),))
    else:
        low, high = node.number("min"), node.number("max")
        node.require(low <= high, f"min {low} is above max {high}")
    return same_as_first(node)


@operator("Clip", shape=_clipped_dims)
def clip(b: Build, node: Node) -> SSAValue:
    """Bounds are operands since opset 11, attributes before; min(max(x, low), high)."""
    value = node.first
    for fn, name in (("max", "min"), ("min", "max")):
        if node.op.since_version >= 11:
            bound = node.get(name)
            if bound is not None:
                value = b.map(fn, value, b.reshape(bound, ()))
        elif abs(node.number(name)) < FLOAT_MAX:
            value = b.map(fn, value, constant(b, node.number(name), value))
    return value


@operator("IsInf", shape=same_as_first)
def is_infinite(b: Build, node: Node) -> SSAValue:
    found: list[SSAValue] = []
    for name, sign in (("detect_positive", 1.0), ("detect_negative", -1.0)):
        if node.flag(name):
            found.append(b.map("eq", node.first, constant(b, sign * np.inf, node.first)))
    if not found:
        return b.fill(False, node.source.shape, ElementType.BOOL)
    return reduce(lambda x, y: b.map("or", x, y), found)
