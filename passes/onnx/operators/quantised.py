"""Matrix products with weights of 4 or 8 bits: unpack, subtract the zero point, scale, multiply."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.matrix import transposed
from passes.onnx.operators.registry import (
    MICROSOFT,
    constant,
    decompose,
    integer,
    operand,
    optional,
    result,
)
from passes.rewriting.build import Build
from runtime.numerics import ElementType


def unpacked(b: Build, packed: SSAValue, bits: int) -> SSAValue:
    """[..., n] bytes as [..., n * 8 / bits] numbers of u8; the low half of a byte comes first."""
    if bits == 8:
        return packed
    *lead, count = tensor_of(packed).shape
    sixteen = constant(b, 16, packed)
    halves = [b.map("mod", packed, sixteen), b.map("div", packed, sixteen)]
    pairs = b.concat([b.reshape(half, (*lead, count, 1)) for half in halves], -1)
    return b.reshape(pairs, (*lead, count * 2))


def _zero_points(b: Build, op: OnnxOp, rows: int, blocks: int, bits: int) -> SSAValue:
    """One f32 number for each block, [rows, blocks, 1] or a scalar."""
    given = optional(op, "zero_points")
    if given is None:
        return b.scalar(float(1 << (bits - 1)), ElementType.F32)
    if tensor_of(given).dtype is ElementType.U8:
        width = (blocks * bits + 7) // 8
        given = unpacked(b, b.reshape(given, (rows, width)), bits)
        given = b.slice_axis(given, 1, 0, blocks)
    return b.reshape(b.cast(given, ElementType.F32), (rows, blocks, 1))


def _dequantised(b: Build, op: OnnxOp, bits: int) -> SSAValue:
    """The weights as [N, K] in the type of the activations, each element rounded once."""
    rows, inner, size = integer(op, "N"), integer(op, "K"), integer(op, "block_size")
    blocks = -(-inner // size)
    packed = b.reshape(operand(op, "B"), (rows, blocks, size * bits // 8))
    numbers = b.cast(unpacked(b, packed, bits), ElementType.F32)
    centred = b.map("sub", numbers, _zero_points(b, op, rows, blocks, bits))
    scales = b.reshape(b.cast(operand(op, "scales"), ElementType.F32), (rows, blocks, 1))
    weights = b.reshape(b.map("mul", centred, scales), (rows, blocks * size))
    return b.cast(b.slice_axis(weights, 1, 0, inner), result(op).dtype)


@decompose("MatMulNBits", domains=(MICROSOFT,))
def matmul_n_bits(b: Build, op: OnnxOp) -> SSAValue:
    bits = integer(op, "bits")
    if bits not in (4, 8):
        raise unsupported(op, f"{bits} bits are not supported", "quantise to 4 or 8 bits")
    if optional(op, "g_idx") is not None or integer(op, "weight_prepacked"):
        raise unsupported(op, "g_idx and prepacked weights are not supported")
    lhs, bias = operand(op, "A"), optional(op, "bias")
    product = b.matmul(_as_matrix(b, lhs), transposed(b, _dequantised(b, op, bits)))
    product = b.reshape(product, (*tensor_of(lhs).shape[:-1], integer(op, "N")))
    return product if bias is None else b.map("add", product, bias)


def _as_matrix(b: Build, x: SSAValue) -> SSAValue:
    tensor = tensor_of(x)
    return x if tensor.rank > 1 else b.reshape(x, (Affine(1), *tensor.shape))
