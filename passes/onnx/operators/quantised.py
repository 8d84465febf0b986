"""
Products with weights of 2, 4 or 8 bits, and rows of tables of such.

Constants are dequantised when the program is made; what is computed is unpacked by the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from dialects.lpu.weights import Weight
from passes.onnx.operators.dequantising import (
    Shape,
    dequantised,
    listed_weight,
    one_for_all,
    packed_weight,
)
from passes.onnx.operators.matrix import as_row, transposed
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator, without
from passes.onnx.operators.terms import constant, repeated
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def _block_size(node: Node) -> int:
    size = node.integer("block_size")
    power = size >= 16 and size & (size - 1) == 0
    node.require(power, f"block_size is {size}, expected a power of two from 16 on")
    return size


@dataclass(frozen=True)
class Blocks:
    """How the weights of `MatMulNBits` lie: [rows, blocks, bytes of a block]."""

    rows: int
    inner: int
    size: int
    bits: int

    @staticmethod
    def of(node: Node) -> Blocks:
        rows, inner, bits = map(node.integer, ("N", "K", "bits"))
        node.require(rows > 0 and inner > 0, f"N = {rows} and K = {inner} must be positive")
        return Blocks(rows, inner, _block_size(node), bits)

    @property
    def count(self) -> int:
        return -(-self.inner // self.size)

    @property
    def packed(self) -> Dims:
        return (Affine(self.rows), Affine(self.count), Affine(self.size * self.bits // 8))

    @property
    def weight_shape(self) -> Shape:
        """Extents of the numbers, those that fill the last block included."""
        return (self.rows, self.count * self.size)

    @property
    def points(self) -> int:
        """Bytes of zero points in a row."""
        return -(-self.count * self.bits // 8)


def unpacked(b: Build, packed: SSAValue, bits: int) -> SSAValue:
    """[..., n] bytes as [..., n * 8 / bits] numbers of u8; the low bits of a byte come first."""
    if bits == 8:
        return packed
    *lead, count = tensor_of(packed).shape
    base, rest, parts = constant(b, 1 << bits, packed), packed, list[SSAValue]()
    for _ in range(8 // bits - 1):
        parts.append(b.map("mod", rest, base))
        rest = b.map("div", rest, base)
    columns = [b.reshape(part, (*lead, count, 1)) for part in (*parts, rest)]
    return b.reshape(b.concat(columns, -1), (*lead, count * (8 // bits)))


def _n_bits_dims(node: Node) -> Sequence[Dims]:
    blocks, a = Blocks.of(node), node.dims("A")
    node.require(bool(a), "the input 'A' has no axis")
    node.expect("the last extent of A", a[-1], Affine(blocks.inner))
    node.expect_dims("B", blocks.packed)
    _expect_blocks(node, "scales", blocks.rows, blocks.count)
    if node.get("zero_points") is not None:
        packed = node.tensor("zero_points").dtype is ElementType.U8
        node.require(packed or blocks.bits < 8, "zero points of 8 bits that are not u8")
        count = blocks.points if packed else blocks.count
        _expect_blocks(node, "zero_points", blocks.rows, count)
    node.expect_dims("bias", (Affine(blocks.rows),))
    return [(*a[:-1], Affine(blocks.rows))]


def _expect_blocks(node: Node, name: str, rows: int, count: int) -> None:
    """Numbers of the blocks are a matrix, or its elements in one line."""
    node.expect_dims(name, (Affine(rows * count),), (Affine(rows), Affine(count)))


def _zero_points(b: Build, node: Node, blocks: Blocks) -> SSAValue:
    """One f32 number for each block, [rows, blocks, 1] or a scalar."""
    given = node.get("zero_points")
    if given is None:
        return b.scalar(float(1 << (blocks.bits - 1)), ElementType.F32)
    if tensor_of(given).dtype is ElementType.U8:
        given = unpacked(b, b.reshape(given, (blocks.rows, blocks.points)), blocks.bits)
        given = b.slice_axis(given, 1, 0, blocks.count)
    return b.reshape(b.cast(given, ElementType.F32), (blocks.rows, blocks.count, 1))


def _points_weight(node: Node, blocks: Blocks) -> Weight | None:
    """The zero points as a constant."""
    given, listed = node.get("zero_points"), (blocks.rows, blocks.count)
    if given is None:
        return one_for_all(1 << (blocks.bits - 1), 2)
    if tensor_of(given).dtype is not ElementType.U8:
        return listed_weight(given, listed)
    held = (blocks.rows, blocks.points * 8 // blocks.bits)
    return packed_weight(given, blocks.bits, held, listed)


def _dequantised(b: Build, node: Node, blocks: Blocks) -> SSAValue:
    """The weights as [N, K] in the type of the activations, each element rounded once."""
    rows, count = blocks.rows, blocks.count
    shape, dtype = (rows, blocks.inner), node.result.dtype
    parts = (
        packed_weight(node.value("B"), blocks.bits, blocks.weight_shape, shape),
        listed_weight(node.value("scales"), (rows, count)),
        _points_weight(node, blocks),
    )
    known = dequantised(b, parts, (1, blocks.size), dtype)
    return _computed(b, node, blocks) if known is None else known


def _computed(b: Build, node: Node, blocks: Blocks) -> SSAValue:
    """The same where the machine dequantises."""
    rows, count = blocks.rows, blocks.count
    packed = b.reshape(node.value("B"), blocks.packed)
    numbers = b.cast(unpacked(b, packed, blocks.bits), ElementType.F32)
    centred = b.map("sub", numbers, _zero_points(b, node, blocks))
    scales = b.reshape(b.cast(node.value("scales"), ElementType.F32), (rows, count, 1))
    weights = b.reshape(b.map("mul", centred, scales), (rows, count * blocks.size))
    return b.cast(b.slice_axis(weights, 1, 0, blocks.inner), node.result.dtype)


@operator(
    "MatMulNBits",
    domains=[MICROSOFT],
    shape=_n_bits_dims,
    limits=[
        Limit(
            "a width other than 2, 4 and 8 bits",
            lambda node: node.attr("bits") not in (2, 4, 8),
            "quantise to 4 or 8 bits",
        ),
        *without("g_idx"),
        only("weight_prepacked", 0),
    ],
)
def matmul_n_bits(b: Build, node: Node) -> SSAValue:
    lhs, bias, blocks = node.value("A"), node.get("bias"), Blocks.of(node)
    product = b.matmul(as_row(b, lhs), transposed(b, _dequantised(b, node, blocks)))
    product = b.reshape(product, node.result.shape)
    return product if bias is None else b.map("add", product, bias)


def _gathered_blocks(node: Node) -> Sequence[Dims]:
    """Rows of a table whose last axis is packed in blocks."""
    data, bits, size = node.dims("data"), node.integer("bits"), _block_size(node)
    rank = len(data)
    node.require(rank > 1 and node.axis(rank, "gather_axis") == 0, "gather_axis is not 0")
    last = node.axis(rank, "quantize_axis") == rank - 1
    node.require(last, "quantize_axis is not the last axis")
    width = data[-1] * (8 // bits)
    node.require(width.is_const, f"the table has {width} columns")
    blocks = -(-width.const // size)
    node.expect_dims("scales", (*data[:-1], Affine(blocks)))
    node.expect_dims("zero_points", (*data[:-1], Affine(-(-blocks * bits // 8))))
    return [(*node.dims("indices"), *data[1:-1], width)]


@operator(
    "GatherBlockQuantized",
    domains=[MICROSOFT],
    shape=_gathered_blocks,
    limits=[
        only("bits", 4, 8),
        Limit("a gather_axis other than 0, a quantize_axis other than the last"),
    ],
)
def gather_block_quantized(b: Build, node: Node) -> SSAValue:
    """Rows of a table of constants; rows of another one are gathered, and unpacked then."""
    indices = b.cast(node.value("indices"), ElementType.I64)
    table = _table(b, node) if node.tensor("data").is_static else None
    return _computed_rows(b, node, indices) if table is None else b.gather(table, indices, 0)


def _table(b: Build, node: Node) -> SSAValue | None:
    """The whole table in the type of the result, if it is a constant."""
    dims = [*node.dims("data")[:-1], node.result.shape[-1]]
    shape = tuple(extent.const for extent in dims)
    bits, size, points = node.integer("bits"), node.integer("block_size"), node.get("zero_points")
    count = -(-shape[-1] // size)
    listed, held = (*shape[:-1], count), (*shape[:-1], -(-count * bits // 8) * 8 // bits)
    parts = (
        packed_weight(node.value("data"), bits, shape, shape),
        listed_weight(node.value("scales"), listed),
        one_for_all(1 << (bits - 1), len(shape))
        if points is None
        else packed_weight(points, bits, held, listed),
    )
    return dequantised(b, parts, (*(1,) * (len(shape) - 1), size), node.result.dtype)


def _computed_rows(b: Build, node: Node, indices: SSAValue) -> SSAValue:
    bits, size = node.integer("bits"), node.integer("block_size")
    packed = b.gather(node.value("data"), indices, 0)
    scales = b.cast(b.gather(node.value("scales"), indices, 0), ElementType.F32)
    numbers = b.cast(unpacked(b, packed, bits), ElementType.F32)
    points, dims = node.get("zero_points"), tensor_of(scales).shape
    axis, width = len(dims) - 1, node.result.shape[-1]
    if points is None:
        zero = b.scalar(float(1 << (bits - 1)), ElementType.F32)
    else:
        held = unpacked(b, b.gather(points, indices, 0), bits)
        zero = b.cast(b.slice_axis(held, -1, 0, dims[-1]), ElementType.F32)
        zero = repeated(b, zero, axis, size, width)
    factors = repeated(b, scales, axis, size, width)
    return b.cast(b.map("mul", b.map("sub", numbers, zero), factors), node.result.dtype)
