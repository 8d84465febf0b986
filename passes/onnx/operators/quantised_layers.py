"""
Layers of transformers on bytes with scales, as quantising makes them of fused ones.

The projection of QAttention is a product of bytes, exact and scaled once; what follows are floats.
Rows of embeddings are scaled where they are taken from their tables, which stay bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from passes.onnx.operators.integer_products import (
    SINGLE,
    check_single,
    factor,
    integer_product,
    zero_point,
)
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.normalization import embedded, embedded_dims, normal_embeddings
from passes.onnx.operators.packed_attention import attended, packed_attention_dims
from passes.onnx.operators.record import MICROSOFT, only, operator
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
TABLES = ("word_embedding", "position_embedding", "segment_embedding", "gamma", "beta")
"""What QEmbedLayerNormalization has bytes, a scale and a zero point of."""


def _attention_dims(node: Node) -> Sequence[Dims]:
    found = packed_attention_dims(node)
    check_single(node, "input_scale", "input_zero_point")
    columns = node.dims("weight")[1:]
    node.expect_dims("weight_scale", *SINGLE, columns)
    node.expect_dims("weight_zero_point", *SINGLE, columns)
    return found


@operator(
    "QAttention",
    domains=[MICROSOFT],
    shape=_attention_dims,
    limits=[only("do_rotary", 0), only("past_present_share_buffer", 0)],
)
def quantised_attention(b: Build, node: Node) -> Sequence[SSAValue | None]:
    points = (
        zero_point(b, node, "input_zero_point", -2),
        zero_point(b, node, "weight_zero_point", -1),
    )
    total = integer_product(b, node.value("input"), node.value("weight"), points)
    scale = b.map("mul", factor(b, node, "input_scale", -2), factor(b, node, "weight_scale", -1))
    packed = b.map("mul", b.cast(total, F32), scale)
    return attended(b, node, b.map("add", packed, node.value("bias")))


def _stored(name: str) -> str:
    """The operand that holds the bytes; that of segments has no mark."""
    return name if name == "segment_embedding" else f"{name}_quant"


def _embedded_dims(node: Node) -> Sequence[Dims]:
    for name in TABLES:
        check_single(node, f"{name}_scale", f"{name}_zero_point")
    for end in ("scale", "zero_point"):
        node.expect_pair("segment_ids", f"segment_embedding_{end}")
    return embedded_dims(node, _stored)[:2]


def _real(b: Build, node: Node, name: str, numbers: SSAValue) -> SSAValue:
    """The floats that bytes of a table stand for."""
    point = b.reshape(b.cast(node.value(f"{name}_zero_point"), F32), ())
    shifted = b.map("sub", b.cast(numbers, F32), point)
    return b.map("mul", shifted, b.reshape(node.value(f"{name}_scale"), ()))


@operator("QEmbedLayerNormalization", domains=[MICROSOFT], shape=_embedded_dims)
def quantised_embeddings(b: Build, node: Node) -> Sequence[SSAValue | None]:
    def rows(name: str, ids: SSAValue) -> SSAValue:
        return _real(b, node, name, embedded(b, node.value(_stored(name)), ids))

    gamma, beta = (_real(b, node, name, node.value(_stored(name))) for name in ("gamma", "beta"))
    return normal_embeddings(b, node, rows, (gamma, beta))[:2]
