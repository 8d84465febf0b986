"""
Products with weights that are entries of a table of sixteen, times a scale for each block.

The machine has no such tables: the weights are numbers when the program is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.weights import Decode, inline
from dialects.onnx.extra.codebook import CODEBOOKS
from passes.onnx.operators.dequantising import (
    bytes_of,
    dequantised,
    listed_weight,
    one_for_all,
)
from passes.onnx.operators.matrix import as_row, transposed
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator
from passes.rewriting.build import Build

BLOCK_SIZES = (16, 32, 64, 128, 256)
"""What ONNX Runtime takes."""


def _dims(node: Node) -> Sequence[Dims]:
    rows, inner, size = map(node.integer, ("N", "K", "block_size"))
    node.require(rows > 0 and inner > 0, f"N = {rows} and K = {inner} must be positive")
    node.require(size in BLOCK_SIZES, f"block_size is {size}, expected one of {BLOCK_SIZES}")
    a = node.dims("A")
    node.require(bool(a), "the input 'A' has no axis")
    node.expect("the last extent of A", a[-1], Affine(inner))
    packed, count = Affine(-(-rows * inner // 2)), Affine(-(-rows * inner // size))
    node.expect_dims("B", (packed,), (packed, Affine(1)))
    node.expect_dims("absmax", (count,))
    return [(*a[:-1], Affine(rows))]


def _weight(b: Build, node: Node) -> SSAValue:
    """`[N, K]` in the type of the activations, each element rounded once."""
    rows, inner, size = map(node.integer, ("N", "K", "block_size"))
    held = bytes_of(node.value("B"))
    if held is None:
        raise node.refusal("the input 'B' is no constant of the model")
    packed = replace(held, shape=(-(-rows * inner // 2),))
    by_rows = inner % size == 0
    shape = (rows, inner) if by_rows else (rows * inner,)
    blocks = (1, size) if by_rows else (size,)
    listed = (rows, inner // size) if by_rows else (-(-rows * inner // size),)
    table = inline(CODEBOOKS[node.integer("quant_type")])
    parts = (
        Decode(packed, 4, shape, table, high_first=True),
        listed_weight(node.value("absmax"), listed),
        one_for_all(0, len(shape)),
    )
    known = dequantised(b, parts, blocks, node.result.dtype)
    if known is None:
        raise node.refusal("the input 'absmax' is no constant of the model")
    return known if by_rows else b.reshape(known, (rows, inner))


@operator(
    "MatMulBnb4",
    domains=[MICROSOFT],
    shape=_dims,
    limits=[
        only("quant_type", 0, 1),
        only("transB", 1),
        Limit("a 'B' or an 'absmax' that is no constant of the model"),
    ],
)
def matmul_bnb4(b: Build, node: Node) -> SSAValue:
    product = b.matmul(as_row(b, node.value("A")), transposed(b, _weight(b, node)))
    return b.reshape(product, node.result.shape)
