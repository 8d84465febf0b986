"""Operators that compute each element on its own by one or two functions of the machine."""

from __future__ import annotations

from functools import reduce

import numpy as np
from xdsl.ir import SSAValue

from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import constant, decompose, integer, operand, result, wide
from passes.rewriting.build import Build
from runtime.numerics import FUNCTIONS1, FUNCTIONS2, ElementType

UNARY = {
    "Neg": "neg", "Abs": "abs", "Sqrt": "sqrt", "Exp": "exp", "Log": "log", "Reciprocal": "recip",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Erf": "erf", "Sin": "sin", "Cos": "cos",
    "IsNaN": "isnan", "Not": "not", "Floor": "floor", "Ceil": "ceil", "Round": "round",
    "Sign": "sign", "BitwiseNot": "not",
}  # fmt: skip

BINARY = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Equal": "eq", "Less": "lt",
    "LessOrEqual": "le", "Greater": "gt", "GreaterOrEqual": "ge", "And": "and", "Or": "or",
    "Xor": "xor", "BitwiseAnd": "and", "BitwiseOr": "or", "BitwiseXor": "xor",
}  # fmt: skip

VARIADIC = {"Max": "max", "Min": "min", "Sum": "add"}


def _check_domain(op: OnnxOp, fn: str, value: SSAValue) -> None:
    element = tensor_of(value).dtype
    if not (FUNCTIONS1.get(fn) or FUNCTIONS2[fn]).accepts(element):
        raise unsupported(op, f"{op.OP_TYPE} of {element} is not supported", "cast it to f32")


@decompose(*UNARY)
def unary(b: Build, op: OnnxOp) -> SSAValue:
    fn, source = UNARY[op.OP_TYPE], op.operands[0]
    _check_domain(op, fn, source)
    return b.map(fn, source)


@decompose(*BINARY)
def binary(b: Build, op: OnnxOp) -> SSAValue:
    fn, (lhs, rhs) = BINARY[op.OP_TYPE], op.operands
    _check_domain(op, fn, lhs)
    if op.since_version < 7 and op.attr("broadcast"):
        raise unsupported(op, "the broadcasting of opset 6 and older", "convert the model's opset")
    return b.map(fn, lhs, rhs)


@decompose(*VARIADIC)
def variadic(b: Build, op: OnnxOp) -> SSAValue:
    fn = VARIADIC[op.OP_TYPE]
    _check_domain(op, fn, op.operands[0])
    exact = fn != "add" or len(op.operands) <= 2
    terms = list(op.operands) if exact else [wide(b, v) for v in op.operands]
    return b.cast(reduce(lambda x, y: b.map(fn, x, y), terms), result(op).dtype)


@decompose("Mean")
def mean(b: Build, op: OnnxOp) -> SSAValue:
    total = reduce(lambda x, y: b.map("add", x, y), [wide(b, v) for v in op.operands])
    scaled = b.map("div", total, constant(b, len(op.operands), total))
    return b.cast(scaled, result(op).dtype)


@decompose("Where")
def where(b: Build, op: OnnxOp) -> SSAValue:
    return b.select(operand(op, "condition"), operand(op, "X"), operand(op, "Y"))


@decompose("Cast", "CastLike")
def cast(b: Build, op: OnnxOp) -> SSAValue:
    return b.cast(op.operands[0], result(op).dtype)


@decompose("Pow")
def power(b: Build, op: OnnxOp) -> SSAValue:
    """An integer base with a float exponent is computed in f32; else in the type of the base."""
    base, exponent = operand(op, "X"), operand(op, "Y")
    if not tensor_of(base).dtype.is_float and tensor_of(exponent).dtype.is_float:
        powers = b.map("pow", b.cast(base, ElementType.F32), wide(b, exponent))
        return b.cast(powers, result(op).dtype)
    return b.map("pow", base, b.cast(exponent, tensor_of(base).dtype))


@decompose("Mod")
def modulo(b: Build, op: OnnxOp) -> SSAValue:
    return b.map("fmod" if integer(op, "fmod") else "mod", *op.operands)


@decompose("Clip")
def clip(b: Build, op: OnnxOp) -> SSAValue:
    """Bounds are operands since opset 11, attributes before; min(max(x, low), high)."""
    value = operand(op, "input")
    for fn in ("max", "min"):
        low = "min" if fn == "max" else "max"
        if op.since_version >= 11:
            bound = op.get(low)
            if bound is not None:
                value = b.map(fn, value, b.reshape(bound, ()))
        elif isinstance(limit := op.attr(low), float) and abs(limit) < np.finfo(np.float32).max:
            value = b.map(fn, value, constant(b, limit, value))
    return value


@decompose("IsInf")
def is_infinite(b: Build, op: OnnxOp) -> SSAValue:
    source = op.operands[0]
    found: list[SSAValue] = []
    for attribute, sign in (("detect_positive", 1.0), ("detect_negative", -1.0)):
        if integer(op, attribute):
            found.append(b.map("eq", source, constant(b, sign * np.inf, source)))
    if not found:
        return b.fill(False, result(op).shape, ElementType.BOOL)
    return reduce(lambda x, y: b.map("or", x, y), found)
