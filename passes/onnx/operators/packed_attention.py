"""Attention of ONNX Runtime: one product gives query, key and value; the caches are stacked."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.attention import Scores, attend, grouped_matmul
from passes.onnx.operators.registry import (
    MICROSOFT,
    constant,
    decompose,
    extent,
    integer,
    number,
    operand,
    optional,
)
from passes.onnx.operators.rotary import join_heads, split_heads
from passes.rewriting.build import Build

UNSUPPORTED_FLAGS = ("do_rotary", "past_present_share_buffer")


def _check(op: OnnxOp) -> None:
    for name in UNSUPPORTED_FLAGS:
        if integer(op, name):
            raise unsupported(op, f"{name} is not supported")
    if optional(op, "past_sequence_length") is not None:
        raise unsupported(op, "past_sequence_length is not supported")


def _projections(b: Build, op: OnnxOp) -> list[SSAValue]:
    """Query, key and value as [batch, heads, seq, size]."""
    weights, bias = operand(op, "weights"), optional(op, "bias")
    packed = b.matmul(operand(op, "input"), weights)
    packed = packed if bias is None else b.map("add", packed, bias)
    third = tensor_of(weights).shape[-1].const // 3
    sizes = op.attr("qkv_hidden_sizes") or [third] * 3
    assert isinstance(sizes, list)
    parts: list[SSAValue] = []
    offset = 0
    for size in sizes:
        part = b.slice_axis(packed, -1, offset, int(size))
        parts.append(split_heads(b, part, integer(op, "num_heads")))
        offset += int(size)
    return parts


def _unstacked(b: Build, stacked: SSAValue, index: int) -> SSAValue:
    return b.reshape(b.slice_axis(stacked, 0, index, 1), tensor_of(stacked).shape[1:])


def _masked(b: Build, op: OnnxOp, scores: Scores, past: Affine) -> Scores:
    """A mask of zeros and ones adds `mask_filter_value`; causal masking excludes."""
    bias, mask = optional(op, "attention_bias"), optional(op, "mask_index")
    if mask is not None:
        scores = scores.plus(_penalty(b, op, mask))
    scores = scores if bias is None else scores.plus(bias)
    if not integer(op, "unidirectional") or scores.dims[-2] == Affine(1):
        return scores
    distances = scores.distances(extent(b, past))
    return scores.keep(b.map("ge", distances, constant(b, 0, distances)))


def _penalty(b: Build, op: OnnxOp, mask: SSAValue) -> SSAValue:
    """What a mask [batch, keys] or [batch, queries, keys] adds to the scores."""
    dims = tensor_of(mask).shape
    if len(dims) not in (2, 3):
        raise unsupported(op, f"a mask of rank {len(dims)} is not supported", "give [batch, keys]")
    mask = b.reshape(mask, (dims[0], 1, *((1,) if len(dims) == 2 else ()), *dims[1:]))
    kept = b.map("gt", mask, constant(b, 0, mask))
    dtype = tensor_of(operand(op, "input")).dtype
    return b.select(kept, b.scalar(0.0, dtype), b.scalar(number(op, "mask_filter_value"), dtype))


@decompose("Attention", domains=(MICROSOFT,))
def packed_attention(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    _check(op)
    query, key, value = _projections(b, op)
    stacked, past = optional(op, "past"), Affine()
    if stacked is not None:
        past = tensor_of(stacked).shape[3]
        key = b.concat([_unstacked(b, stacked, 0), key], 2)
        value = b.concat([_unstacked(b, stacked, 1), value], 2)
    scores = attend(b, query, key, number(op, "scale") or None, 0.0)
    weights = _masked(b, op, scores, past).softmax()
    output = grouped_matmul(b, b.cast(weights, tensor_of(query).dtype), value)
    present = None
    if len(op.results) > 1:
        parts = [b.reshape(part, (1, *tensor_of(part).shape)) for part in (key, value)]
        present = b.concat(parts, 0)
    return join_heads(b, output), present
