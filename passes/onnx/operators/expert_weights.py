"""Weights of experts of few bits: numbers when the program is made, if they are constants."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from dialects.lpu.weights import Weight, reshaped
from passes.onnx.operators.dequantising import (
    dequantised,
    listed_weight,
    one_for_all,
    packed_weight,
)
from passes.onnx.operators.node import Node
from passes.onnx.operators.quantised import unpacked
from passes.onnx.operators.terms import as_float, repeated
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def expert_bits(node: Node) -> int:
    bits = node.integer("expert_weight_bits")
    for name in (f"fc{layer}_expert_weight_bits" for layer in (1, 2, 3)):
        node.require(node.attr(name) in (None, bits), f"{name} is not expert_weight_bits")
    return bits


def bytes_of(count: Affine, packed: int) -> Affine:
    return Affine(-(-count.const // packed))


def blocks_of_row(node: Node, width: Affine) -> Affine | None:
    """Blocks of a row; None where a row has one scale."""
    if node.attr("block_size") in (None, 0):
        return None
    size = node.integer("block_size")
    fits = size >= 16 and size & (size - 1) == 0 and width.is_const and width.const % size == 0
    node.require(fits, f"blocks of {size} do not fill {width} columns")
    return Affine(width.const // size)


def _known(b: Build, node: Node, layer: str) -> SSAValue | None:
    """The weights of all experts, if they are constants."""
    bits, name = expert_bits(node), f"{layer}_experts_weights"
    if not node.tensor(name).is_static:
        return None
    experts, rows, held = node.tensor(name).static_shape()
    shape, points = (experts, rows, held * 8 // bits), node.get(f"{layer}_zero_points")
    listed = node.tensor(f"{layer}_scales").static_shape()
    block = shape[-1] if len(listed) == 2 else node.integer("block_size")
    wide = (*listed[:-1], -(-listed[-1] * bits // 8) * 8 // bits)
    zero: Weight | None = one_for_all(1 << (bits - 1), 3)
    if points is not None:
        zero = packed_weight(points, bits, wide, listed)
    blocks = (experts, rows, -(-shape[-1] // block))
    parts = (
        packed_weight(node.value(name), bits, shape, shape),
        listed_weight(node.value(f"{layer}_scales"), blocks),
        zero if zero is None or points is None else reshaped(zero, blocks),
    )
    return dequantised(b, parts, (1, 1, block), tensor_of(node.first).dtype)


def expert_weights(b: Build, node: Node, layer: str, chosen: SSAValue) -> SSAValue:
    """The weights of the chosen experts in the type of the activations."""
    known = _known(b, node, layer)
    return _computed(b, node, layer, chosen) if known is None else b.gather(known, chosen, 0)


def _computed(b: Build, node: Node, layer: str, chosen: SSAValue) -> SSAValue:
    """The same where the machine dequantises: bytes are gathered, and unpacked then."""
    bits = expert_bits(node)
    packed = b.gather(node.value(f"{layer}_experts_weights"), chosen, 0)
    numbers = as_float(b, unpacked(b, packed, bits))
    scales = as_float(b, b.gather(node.value(f"{layer}_scales"), chosen, 0))
    points, dims = node.get(f"{layer}_zero_points"), tensor_of(scales).shape
    zero = b.scalar(float(1 << (bits - 1)), ElementType.F32)
    if points is not None:
        held = unpacked(b, b.gather(points, chosen, 0), bits)
        zero = as_float(b, b.slice_axis(held, -1, 0, dims[-1]))
    centred = b.map("sub", numbers, zero if points is None else _spread(b, node, zero, numbers))
    return b.cast(
        b.map("mul", centred, _spread(b, node, scales, numbers)), tensor_of(node.first).dtype
    )


def _spread(b: Build, node: Node, x: SSAValue, like: SSAValue) -> SSAValue:
    """One number for each row, or each block of one, as it broadcasts to the weights."""
    dims, width = tensor_of(x).shape, tensor_of(like).shape[-1]
    if len(dims) == 2:
        return b.reshape(x, (*dims, 1))
    return repeated(b, x, 2, node.integer("block_size"), width)
