"""Products that ONNX Runtime's optimisers make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    FLOAT,
    FLOATS,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    number,
    optional,
)
from dialects.onnx.ops import OnnxOp
from dialects.onnx.schemas import AttributeSpec


@defined(
    "FusedMatMul",
    "A: T, B: T",
    "Y: T",
    {"T": FLOATS},
    {
        "alpha": number(1.0),
        "transA": integer(0),
        "transB": integer(0),
        "transBatchA": integer(0),
        "transBatchB": integer(0),
    },
)
def fused_matmul(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    a, b = given(inputs, 0), given(inputs, 1)
    a = np.moveaxis(a, 0, -2) if integer_of(op, "transBatchA") else a
    b = np.moveaxis(b, 0, -2) if integer_of(op, "transBatchB") else b
    return _product(op, a, b)


def _product(op: OnnxOp, a: Array, b: Array) -> Sequence[Array]:
    alpha = op.attr("alpha")
    assert isinstance(alpha, float)
    a = a.swapaxes(-1, -2) if integer_of(op, "transA") and a.ndim > 1 else a
    b = b.swapaxes(-1, -2) if integer_of(op, "transB") and b.ndim > 1 else b
    return (np.float32(alpha) * np.matmul(a, b),)


@defined(
    "TransposeMatMul",
    "A: T, B: T",
    "Y: T",
    {"T": FLOATS},
    {"alpha": number(1.0), "transA": integer(0), "transB": integer(0)},
)
def transpose_matmul(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """FusedMatMul, as it was called before it knew of batches."""
    return _product(op, given(inputs, 0), given(inputs, 1))


def _gemm_activation(op: OnnxOp, y: Array) -> Array:
    match op.attr("activation"):
        case "Relu":
            return np.maximum(y, 0)
        case "Sigmoid":
            return 1 / (1 + np.exp(-y))
        case "Tanh":
            return np.tanh(y)
        case "LeakyRelu":
            alpha = op.attr("activation_alpha")
            assert isinstance(alpha, float)
            return np.where(y < 0, np.float32(alpha) * y, y)
        case other:
            raise unsupported(op, f"the activation {other} is not supported")


@defined(
    "FusedGemm",
    "A: T, B: T, C?: T",
    "Y: T",
    {"T": FLOATS},
    {
        "activation": AttributeSpec("STRING", required=True),
        "activation_alpha": FLOAT,
        "activation_beta": FLOAT,
        "activation_gamma": FLOAT,
        "alpha": number(1.0),
        "beta": number(1.0),
        "transA": integer(0),
        "transB": integer(0),
    },
)
def fused_gemm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """A Gemm and the activation behind it."""
    a, b, c = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    alpha, beta = op.attr("alpha"), op.attr("beta")
    assert isinstance(alpha, float)
    assert isinstance(beta, float)
    a, b = a.T if integer_of(op, "transA") else a, b.T if integer_of(op, "transB") else b
    y = np.float32(alpha) * (a @ b)
    return (_gemm_activation(op, y if c is None else y + np.float32(beta) * c),)
