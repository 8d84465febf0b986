"""Rotary embedding: pairs of channels rotated by an angle that depends on the position."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from dialects.onnx.extra.rotary import streams_of
from passes.onnx.operators.indexing import from_zero
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, only, operator
from passes.onnx.operators.terms import wide
from passes.rewriting.build import Build


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
    Rotate the leading channels of `x [batch, heads, seq, size]`, in f32; the others pass.

    `cos` and `sin` are [batch, seq, angles], with half of the channels that are rotated.
    """
    dims = tensor_of(cos).shape
    cos, sin = (b.reshape(table, (dims[0], 1, *dims[1:])) for table in (cos, sin))
    width, dtype = tensor_of(x).shape[-1], tensor_of(x).dtype
    rotated = dims[-1] * 2
    first, second = _halves(b, wide(b, b.slice_axis(x, -1, 0, rotated)), interleaved)
    cos, sin = wide(b, cos), wide(b, sin)
    real = b.map("sub", b.map("mul", first, cos), b.map("mul", second, sin))
    imag = b.map("add", b.map("mul", first, sin), b.map("mul", second, cos))
    joined = b.cast(_joined(b, real, imag, interleaved), dtype)
    if rotated == width:
        return joined
    return b.concat([joined, b.slice_axis(x, -1, rotated, width - rotated)], -1)


def angles_at(b: Build, node: Node, places: SSAValue) -> tuple[SSAValue, SSAValue]:
    """Cosines and sines of the positions [batch, seq], from the tables."""
    cos, sin = (b.gather(node.value(f"{name}_cache"), places, 0) for name in ("cos", "sin"))
    return cos, sin


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
    node.require(width % 2 == 0, f"rotary_embedding_dim {width} is no even number")
    held = node.dims("cos_cache", 2, 3)[-1]
    if width:
        node.expect("the number of angles in the tables", held, Affine(width // 2))
    return held


def _heads(node: Node, x: Dims) -> int:
    """`num_heads`; ONNX Runtime's operator may leave it to tables as wide as half a head."""
    given, angles = node.integer("num_heads"), _angles(node)
    told = node.op.DOMAIN == MICROSOFT and x[-1].is_const and angles.const > 0
    return x[-1].const // (2 * angles.const) if not given and told else given


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
    _check_part(node, angles, size)
    return [x]


def _check_part(node: Node, rotated: Affine, size: Affine) -> None:
    """That only a part of each head is rotated has to be said, and of how many heads."""
    part = bool(node.integer("rotary_embedding_dim"))
    message = f"the tables rotate {rotated} of {size} channels"
    node.require(part or rotated == size, message, "say so with rotary_embedding_dim")
    told = not part or node.op.DOMAIN != MICROSOFT or node.integer("num_heads") > 0
    node.require(told, "rotary_embedding_dim needs num_heads")


def _rotary(b: Build, node: Node, x: SSAValue, cos: SSAValue, sin: SSAValue) -> SSAValue:
    """`cos` and `sin` are [batch, seq, angles]."""
    tensor, interleaved = tensor_of(x), node.flag("interleaved")
    if tensor.rank == 4:
        return rotate(b, x, cos, sin, interleaved)
    heads = _heads(node, tensor.shape)
    return join_heads(b, rotate(b, split_heads(b, x, heads), cos, sin, interleaved))


@operator("RotaryEmbedding", shape=_rotary_dims)
def rotary_embedding(b: Build, node: Node) -> SSAValue:
    cos, sin = node.value("cos_cache"), node.value("sin_cache")
    positions = node.get("position_ids")
    if positions is not None:
        cos, sin = angles_at(b, node, from_zero(b, positions))
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
        places = from_zero(b, positions)
    else:
        offset = from_zero(b, b.reshape(positions, ()))
        places = b.map("add", b.iota(0, (0, 1), (batch, seq)), offset)
    return _rotary(b, node, x, *angles_at(b, node, places))


def _sectioned_dims(node: Node) -> Sequence[Dims]:
    """Three positions for each token; `mrope_section` says how many angles belong to each."""
    x, angles = node.dims("input", 3, 4), _angles(node)
    node.dims("cos_cache", 2)
    node.expect_dims("sin_cache", node.dims("cos_cache"))
    batch, seq = x[0], x[-2] if len(x) == 4 else x[1]
    node.expect_dims("position_ids", (Affine(3), batch, seq))
    heads = node.integer("num_heads")
    size = x[-1] if len(x) == 4 else head_size(node, x[-1], heads, "num_heads")
    fits = size.is_const and angles.is_const and angles.const * 2 <= size.const
    node.require(fits, f"the tables rotate {angles * 2} channels of heads that have {size}")
    _check_part(node, angles * 2, size)
    sections = node.attr("mrope_section")
    counts = sections if isinstance(sections, list) else []
    fits = len(counts) == 3 and all(isinstance(c, int) and c >= 0 for c in counts)
    node.require(fits, f"mrope_section is {counts}, expected three counts")
    node.expect("the number of angles of all sections", Affine(sum(map(int, counts))), angles)
    return [x]


@operator(
    "MRotaryEmbedding",
    domains=[MICROSOFT],
    shape=_sectioned_dims,
    limits=[only("is_packed_batching", 0), only("scale", 1.0), only("mrope_layout", 0, 1)],
)
def sectioned_rotary_embedding(b: Build, node: Node) -> SSAValue:
    """The angles of each of the three positions, of which each angle is taken from one."""
    places = from_zero(b, node.value("position_ids"))
    streams = streams_of(node.op, _angles(node).const)
    found: list[SSAValue] = []
    for table in angles_at(b, node, places):
        _, *rest = tensor_of(table).shape
        rows = [b.reshape(b.slice_axis(table, 0, i, 1), rest) for i in range(3)]
        angles = rows[0]
        for stream in (1, 2):
            angles = b.select(b.array(streams == stream), rows[stream], angles)
        found.append(angles)
    cos, sin = found
    return _rotary(b, node, node.value("input"), cos, sin)
