"""Softmax and the layer normalisations: sums and exponentials in f32, rounded at the end."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.reductions import reduce_mean
from passes.onnx.operators.registry import (
    MICROSOFT,
    as_float,
    attribute,
    constant,
    decompose,
    integer,
    number,
    operand,
    optional,
    result,
    wide,
)
from passes.rewriting.build import Build
from runtime.numerics import ElementType


def _softmax_axes(op: OnnxOp, rank: int) -> list[int]:
    """One axis; before opset 13 that axis and all after it, as if flattened to two dimensions."""
    axis = integer(op, "axis")
    first = axis % rank if axis < 0 else axis
    return [first] if op.since_version >= 13 else list(range(first, rank))


def softmax(b: Build, x: SSAValue, axes: Sequence[int]) -> SSAValue:
    """exp(x - max) / sum; a row of -inf alone gives NaN, as in ONNX."""
    powers = b.map("exp", b.map("sub", x, b.reduce("max", x, axes)))
    return b.map("div", powers, b.reduce("sum", powers, axes))


@decompose("Softmax")
def _(b: Build, op: OnnxOp) -> SSAValue:
    x = wide(b, operand(op, "input"))
    return b.cast(softmax(b, x, _softmax_axes(op, tensor_of(x).rank)), result(op).dtype)


@decompose("LogSoftmax")
def log_softmax(b: Build, op: OnnxOp) -> SSAValue:
    x = wide(b, operand(op, "input"))
    axes = _softmax_axes(op, tensor_of(x).rank)
    centred = b.map("sub", x, b.reduce("max", x, axes))
    total = b.reduce("sum", b.map("exp", centred), axes)
    return b.cast(b.map("sub", centred, b.map("log", total)), result(op).dtype)


def _check_stash(op: OnnxOp) -> None:
    if attribute(op, "stash_type") not in (1, None):
        raise unsupported(op, "stash_type is not float", "set stash_type to 1")


def inverse_deviation(b: Build, x: SSAValue, axes: Sequence[int], epsilon: float) -> SSAValue:
    """1 / sqrt(mean(x^2) + epsilon)"""
    square = reduce_mean(b, b.map("mul", x, x), axes)
    return b.map("recip", b.map("sqrt", b.map("add", square, constant(b, epsilon, square))))


def _trailing_axes(axis: int, rank: int) -> list[int]:
    return list(range(axis % rank, rank))


Normalised = tuple[SSAValue, SSAValue, SSAValue]


def _layer_norm(
    b: Build, x: SSAValue, axes: Sequence[int], epsilon: float, dtype: ElementType
) -> Normalised:
    """Normalised values in `dtype`, mean and inverse deviation in f32."""
    x = as_float(b, x)
    mean = reduce_mean(b, x, axes)
    centred = b.map("sub", x, mean)
    inverse = inverse_deviation(b, centred, axes, epsilon)
    return b.cast(b.map("mul", centred, inverse), dtype), mean, inverse


def _rms_norm(
    b: Build, x: SSAValue, axes: Sequence[int], epsilon: float, dtype: ElementType
) -> tuple[SSAValue, SSAValue]:
    """Normalised values in `dtype`, inverse root mean square in f32."""
    x = as_float(b, x)
    inverse = inverse_deviation(b, x, axes, epsilon)
    return b.cast(b.map("mul", x, inverse), dtype), inverse


def _affine(b: Build, x: SSAValue, scale: SSAValue, bias: SSAValue | None) -> SSAValue:
    dtype = tensor_of(scale).dtype
    y = b.map("mul", b.cast(x, dtype), scale)
    return y if bias is None else b.map("add", y, bias)


@decompose("LayerNormalization")
def layer_normalization(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    _check_stash(op)
    x, dtype = operand(op, "X"), result(op).dtype
    axes = _trailing_axes(integer(op, "axis"), tensor_of(x).rank)
    y, mean, inverse = _layer_norm(b, x, axes, number(op, "epsilon"), dtype)
    return _affine(b, y, operand(op, "Scale"), op.get("B")), mean, inverse


@decompose("RMSNormalization")
def rms_normalization(b: Build, op: OnnxOp) -> SSAValue:
    _check_stash(op)
    x = operand(op, "X")
    axes = _trailing_axes(integer(op, "axis"), tensor_of(x).rank)
    y, _ = _rms_norm(b, x, axes, number(op, "epsilon"), tensor_of(x).dtype)
    return b.cast(_affine(b, y, operand(op, "scale"), None), result(op).dtype)


@decompose("SimplifiedLayerNormalization", domains=("", MICROSOFT))
def simplified_layer_normalization(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    _check_stash(op)
    x, scale = operand(op, "X"), operand(op, "scale")
    axes = _trailing_axes(integer(op, "axis"), tensor_of(x).rank)
    y, inverse = _rms_norm(b, x, axes, number(op, "epsilon"), tensor_of(scale).dtype)
    return _affine(b, y, scale, None), inverse


def _skip_sum(b: Build, op: OnnxOp) -> SSAValue:
    """input + skip (+ bias), rounded to the type of the input: it is a result as well."""
    source, skip, bias = operand(op, "input"), operand(op, "skip"), optional(op, "bias")
    shape = tensor_of(source).shape
    if tensor_of(skip).shape != shape:
        skip = b.broadcast(skip, shape)
    total = b.map("add", wide(b, source), wide(b, skip))
    total = total if bias is None else b.map("add", total, wide(b, bias))
    return b.cast(total, tensor_of(source).dtype)


@decompose("SkipLayerNormalization", domains=(MICROSOFT,))
def skip_layer_normalization(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    total, gamma = _skip_sum(b, op), operand(op, "gamma")
    y, mean, inverse = _layer_norm(b, total, (-1,), number(op, "epsilon"), tensor_of(gamma).dtype)
    return _affine(b, y, gamma, optional(op, "beta")), mean, inverse, total


@decompose("SkipSimplifiedLayerNormalization", domains=(MICROSOFT,))
def skip_simplified_layer_normalization(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    total, gamma = _skip_sum(b, op), operand(op, "gamma")
    y, inverse = _rms_norm(b, total, (-1,), number(op, "epsilon"), tensor_of(gamma).dtype)
    return _affine(b, y, gamma, None), None, inverse, total


def _embedded(b: Build, table: SSAValue, places: SSAValue) -> SSAValue:
    return b.gather(table, b.cast(places, ElementType.I64), 0)


@decompose("EmbedLayerNormalization", domains=(MICROSOFT,))
def embed_layer_normalization(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    """The normalised sum of embeddings; without a mask the index of the mask is 0."""
    ids, positions, segments = (optional(op, f"{n}_ids") for n in ("input", "position", "segment"))
    assert ids is not None
    if positions is None:
        positions = b.iota(0, (0, 1), (1, tensor_of(ids).shape[1]))
    total = _embedded(b, operand(op, "word_embedding"), ids)
    total = b.map("add", total, _embedded(b, operand(op, "position_embedding"), positions))
    table = optional(op, "segment_embedding")
    if table is not None and segments is not None:
        total = b.map("add", total, _embedded(b, table, segments))
    gamma, epsilon = operand(op, "gamma"), number(op, "epsilon")
    y, _, _ = _layer_norm(b, total, (-1,), epsilon, tensor_of(gamma).dtype)
    masked = optional(op, "mask") is not None
    index = None if masked else b.fill(0, tensor_of(ids).shape[:1], ElementType.I32)
    return _affine(b, y, gamma, operand(op, "beta")), index, total
