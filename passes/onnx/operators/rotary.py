"""Rotary embedding: pairs of channels rotated by an angle that depends on the position."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import (
    MICROSOFT,
    decompose,
    integer,
    number,
    operand,
    result,
    wide,
)
from passes.rewriting.build import Build
from runtime.numerics import ElementType


def _halves(b: Build, x: SSAValue, interleaved: bool) -> tuple[SSAValue, SSAValue]:
    """Even and odd channels, or the first and the second half."""
    dims = tensor_of(x).shape
    half = dims[-1] // 2
    if not interleaved:
        return b.slice_axis(x, -1, 0, half), b.slice_axis(x, -1, half, half)
    steps = (*(1,) * (len(dims) - 1), 2)
    zeros = (0,) * (len(dims) - 1)
    even = b.slice(x, (*zeros, 0), (*dims[:-1], half), steps)
    return even, b.slice(x, (*zeros, 1), (*dims[:-1], half), steps)


def _joined(b: Build, real: SSAValue, imag: SSAValue, interleaved: bool) -> SSAValue:
    if not interleaved:
        return b.concat([real, imag], -1)
    dims = tensor_of(real).shape
    pairs = [b.reshape(part, (*dims, 1)) for part in (real, imag)]
    return b.reshape(b.concat(pairs, -1), (*dims[:-1], dims[-1] * 2))


def rotate(b: Build, x: SSAValue, cos: SSAValue, sin: SSAValue, interleaved: bool) -> SSAValue:
    """
    Rotate the leading channels of the last axis, in f32; the others pass.

    `cos` and `sin` broadcast against `x` but for the last axis, which has half of the channels
    that are rotated.
    """
    width, dtype = tensor_of(x).shape[-1], tensor_of(x).dtype
    rotated = tensor_of(cos).shape[-1] * 2
    first, second = _halves(b, wide(b, b.slice_axis(x, -1, 0, rotated)), interleaved)
    cos, sin = wide(b, cos), wide(b, sin)
    real = b.map("sub", b.map("mul", first, cos), b.map("mul", second, sin))
    imag = b.map("add", b.map("mul", first, sin), b.map("mul", second, cos))
    joined = b.cast(_joined(b, real, imag, interleaved), dtype)
    if rotated == width:
        return joined
    return b.concat([joined, b.slice_axis(x, -1, rotated, width - rotated)], -1)


def split_heads(b: Build, x: SSAValue, heads: int) -> SSAValue:
    """[batch, seq, heads * size] -> [batch, heads, seq, size]"""
    batch, seq, hidden = tensor_of(x).shape
    return b.transpose(b.reshape(x, (batch, seq, heads, hidden // heads)), (0, 2, 1, 3))


def join_heads(b: Build, x: SSAValue) -> SSAValue:
    """[batch, heads, seq, size] -> [batch, seq, heads * size]"""
    batch, heads, seq, size = tensor_of(x).shape
    return b.reshape(b.transpose(x, (0, 2, 1, 3)), (batch, seq, heads * size))


def _head_count(op: OnnxOp, hidden: Affine, cos: SSAValue) -> int:
    """`num_heads`; if that is 0, the cache is as wide as half a head and says it."""
    given = integer(op, "num_heads")
    return given or hidden.const // (2 * tensor_of(cos).shape[-1].const)


def _rotary(b: Build, op: OnnxOp, x: SSAValue, cos: SSAValue, sin: SSAValue) -> SSAValue:
    """`cos` and `sin` are [batch, seq, channels / 2]."""
    tensor, interleaved = tensor_of(x), bool(integer(op, "interleaved"))
    dims = tensor_of(cos).shape
    cos, sin = (b.reshape(table, (dims[0], 1, *dims[1:])) for table in (cos, sin))
    if tensor.rank == 4:
        return rotate(b, x, cos, sin, interleaved)
    heads = _head_count(op, tensor.shape[-1], cos)
    return join_heads(b, rotate(b, split_heads(b, x, heads), cos, sin, interleaved))


def _cut(b: Build, op: OnnxOp, table: SSAValue) -> SSAValue:
    """The columns of a table that `rotary_embedding_dim` asks for."""
    width = integer(op, "rotary_embedding_dim")
    return b.slice_axis(table, -1, 0, width // 2) if width else table


@decompose("RotaryEmbedding")
def rotary_embedding(b: Build, op: OnnxOp) -> SSAValue:
    cos, sin = (_cut(b, op, operand(op, f"{name}_cache")) for name in ("cos", "sin"))
    positions = op.get("position_ids")
    if positions is not None:
        cos, sin = b.gather(cos, positions, 0), b.gather(sin, positions, 0)
    return _rotary(b, op, operand(op, "X"), cos, sin)


@decompose("RotaryEmbedding", domains=(MICROSOFT,))
def microsoft_rotary_embedding(b: Build, op: OnnxOp) -> SSAValue:
    if integer(op, "is_packed_batching") or number(op, "scale") != 1.0:
        raise unsupported(op, "packed batching and scale are not supported")
    x, positions = operand(op, "input"), operand(op, "position_ids")
    batch, seq = result(op).shape[0], result(op).shape[-2]
    if tensor_of(positions).shape == (batch, seq):
        places = b.cast(positions, ElementType.I64)
    else:
        offset = b.reshape(positions, ())
        places = b.map("add", b.iota(0, (0, 1), (batch, seq)), offset)
    cos, sin = (_cut(b, op, operand(op, f"{name}_cache")) for name in ("cos", "sin"))
    return _rotary(b, op, x, b.gather(cos, places, 0), b.gather(sin, places, 0))
