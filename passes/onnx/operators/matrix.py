"""Matrix products."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import (
    MICROSOFT,
    constant,
    decompose,
    integer,
    number,
    operand,
    result,
)
from passes.rewriting.build import Build


@decompose("MatMul")
def matmul(b: Build, op: OnnxOp) -> SSAValue:
    """Numpy's rules: a vector on either side is a matrix whose extra axis vanishes."""
    lhs, rhs = operand(op, "A"), operand(op, "B")
    left, right = tensor_of(lhs), tensor_of(rhs)
    if left.rank == 1:
        lhs = b.reshape(lhs, (1, *left.shape))
    if right.rank == 1:
        rhs = b.reshape(rhs, (*right.shape, 1))
    return b.reshape(b.matmul(lhs, rhs), result(op).shape)


def transposed(b: Build, x: SSAValue) -> SSAValue:
    """The last two axes exchanged."""
    rank = tensor_of(x).rank
    return b.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


def scaled(b: Build, x: SSAValue, factor: float) -> SSAValue:
    return x if factor == 1.0 else b.map("mul", x, constant(b, factor, x))


@decompose("Gemm")
def gemm(b: Build, op: OnnxOp) -> SSAValue:
    lhs, rhs, bias = operand(op, "A"), operand(op, "B"), op.get("C")
    alpha, beta = number(op, "alpha"), number(op, "beta")
    if not result(op).dtype.is_float and (alpha, beta) != (1.0, 1.0):
        raise unsupported(op, "alpha and beta need float operands", "set alpha and beta to 1")
    lhs = transposed(b, lhs) if integer(op, "transA") else lhs
    rhs = transposed(b, rhs) if integer(op, "transB") else rhs
    product = scaled(b, b.matmul(lhs, rhs), alpha)
    return product if bias is None else b.map("add", product, scaled(b, bias, beta))


@decompose("FusedMatMul", domains=(MICROSOFT,))
def fused_matmul(b: Build, op: OnnxOp) -> SSAValue:
    if integer(op, "transBatchA") or integer(op, "transBatchB"):
        raise unsupported(op, "transBatchA and transBatchB are not supported")
    lhs, rhs = operand(op, "A"), operand(op, "B")
    if min(tensor_of(lhs).rank, tensor_of(rhs).rank) < 2:
        raise unsupported(op, "operands of rank 1 are not supported", "use MatMul")
    lhs = transposed(b, lhs) if integer(op, "transA") else lhs
    rhs = transposed(b, rhs) if integer(op, "transB") else rhs
    return scaled(b, b.matmul(lhs, rhs), number(op, "alpha"))
