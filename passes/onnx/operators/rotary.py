"""Rotary embedding: pairs of channels rotated by an angle that depends on the position."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.ops import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, only, operator
from passes.onnx.operators.terms import wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


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


def head_size(node: Node, hidden: Affine, heads: int, name: str) -> Affine:
    """The extent of one of equal heads; refused where they do not divide."""
    node.require(heads > 0, f"{name} is {heads}, and must be positive")
    if hidden.is_const and hidden.const % heads == 0:
        return Affine(hidden.const // heads)
    raise node.refusal(f"{hidden} channels do not divide into {name} = {heads}")


def _angles(node: Node) -> Affine:
    """How many angles the tables hold for each position, which is half of what is rotated."""
    width = node.integer("rotary_embedding_dim")
    node.require(width >= 0 and width % 2 == 0, f"rotary_embedding_dim {width} is no even number")
    held = node.dims("cos_cache", 2, 3)[-1]
    if width and not (held.is_const and width // 2 <= held.const):
        raise node.refusal(f"the tables hold {held} angles, rotary_embedding_dim asks {width // 2}")
    return Affine(width // 2) if width else held


def _heads(node: Node, x: Dims) -> int:
    """`num_heads`; if that is 0, the table is as wide as half a head and says it."""
    given = node.integer("num_heads")
    if given or not (x[-1].is_const and _angles(node).const):
        return given
    return x[-1].const // (2 * _angles(node).const)


def _rotary_dims(node: Node) -> Sequence[Dims]:
    """Tables are `[positions, angles]` with positions given, else `[batch, sequence, angles]`."""
    name = "X" if not node.op.DOMAIN else "input"
    x, positions = node.dims(name, 3, 4), node.get("position_ids")
    node.expect_dims("sin_cache", node.dims("cos_cache"))
    batch, seq = x[0], x[-2] if len(x) == 4 else x[1]
    if positions is None:
        node.expect("the shape of the tables", node.dims("cos_cache", 3)[:2], (batch, seq))
    else:
        node.dims("cos_cache", 2)
        single = () if not node.op.DOMAIN else ((Affine(1),),)
        node.expect_dims("position_ids", (batch, seq), *single)
    size = x[-1] if len(x) == 4 else head_size(node, x[-1], _heads(node, x), "num_heads")
    angles = _angles(node) * 2
    fits = size.is_const and angles.is_const and angles.const <= size.const
    node.require(fits, f"the tables rotate {angles} channels of heads that have {size}")
    whole = node.integer("rotary_embedding_dim") or angles == size
    node.require(
        bool(whole),
        f"the tables rotate {angles} of {size} channels",
        "say so with rotary_embedding_dim",
    )
    return [x]


def _rotary(b: Build, node: Node, x: SSAValue, cos: SSAValue, sin: SSAValue) -> SSAValue:
    """`cos` and `sin` are [batch, seq, angles]."""
    tensor, interleaved = tensor_of(x), node.flag("interleaved")
    dims = tensor_of(cos).shape
    cos, sin = (b.reshape(table, (dims[0], 1, *dims[1:])) for table in (cos, sin))
    if tensor.rank == 4:
        return rotate(b, x, cos, sin, interleaved)
    heads = _heads(node, tensor.shape)
    return join_heads(b, rotate(b, split_heads(b, x, heads), cos, sin, interleaved))


def _tables(b: Build, node: Node) -> list[SSAValue]:
    """The columns of the tables that `rotary_embedding_dim` asks for."""
    tables = (node.value(f"{name}_cache") for name in ("cos", "sin"))
    return [b.slice_axis(table, -1, 0, _angles(node)) for table in tables]


@operator("RotaryEmbedding", shape=_rotary_dims)
def rotary_embedding(b: Build, node: Node) -> SSAValue:
    cos, sin = _tables(b, node)
    positions = node.get("position_ids")
    if positions is not None:
        cos, sin = b.gather(cos, positions, 0), b.gather(sin, positions, 0)
    return _rotary(b, node, node.value("X"), cos, sin)


@operator(
    "RotaryEmbedding",
    domains=[MICROSOFT],
    shape=_rotary_dims,
    limits=[only("is_packed_batching", 0), only("scale", 1.0)],
)
def microsoft_rotary_embedding(b: Build, node: Node) -> SSAValue:
    x, positions = node.value("input"), node.value("position_ids")
    dims = tensor_of(x).shape
    batch, seq = dims[0], dims[-2] if len(dims) == 4 else dims[1]
    if tensor_of(positions).shape == (batch, seq):
        places = b.cast(positions, ElementType.I64)
    else:
        offset = b.reshape(positions, ())
        places = b.map("add", b.iota(0, (0, 1), (batch, seq)), offset)
    cos, sin = _tables(b, node)
    return _rotary(b, node, x, b.gather(cos, places, 0), b.gather(sin, places, 0))
