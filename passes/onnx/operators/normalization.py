"""Softmax and the layer normalisations: sums and exponentials in f32, rounded at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.indexing import from_zero
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator
from passes.onnx.operators.reductions import reduce_mean
from passes.onnx.operators.terms import along, as_float, constant, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

FLOAT_STASH = only("stash_type", 1, None)


def _softmax_axes(node: Node) -> list[int]:
    """One axis; before opset 13 that axis and all after it, as if flattened to two dimensions."""
    rank = node.source.rank
    first = node.axis(rank)
    return [first] if node.op.since_version >= 13 else list(range(first, rank))


def _softmax_dims(node: Node) -> Sequence[Dims]:
    _softmax_axes(node)
    return [node.source.shape]


def softmax(b: Build, x: SSAValue, axes: Sequence[int]) -> SSAValue:
    """exp(x - max) / sum; a row of -inf alone gives NaN, as in ONNX."""
    powers = b.map("exp", b.map("sub", x, b.reduce("max", x, axes)))
    return b.map("div", powers, b.reduce("sum", powers, axes))


@operator("Softmax", shape=_softmax_dims)
def _(b: Build, node: Node) -> SSAValue:
    x = wide(b, node.value("input"))
    return b.cast(softmax(b, x, _softmax_axes(node)), node.result.dtype)


@operator("LogSoftmax", shape=_softmax_dims)
def log_softmax(b: Build, node: Node) -> SSAValue:
    x, axes = wide(b, node.value("input")), _softmax_axes(node)
    centred = b.map("sub", x, b.reduce("max", x, axes))
    total = b.reduce("sum", b.map("exp", centred), axes)
    return b.cast(b.map("sub", centred, b.map("log", total)), node.result.dtype)


def inverse_deviation(b: Build, x: SSAValue, axes: Sequence[int], epsilon: float) -> SSAValue:
    """1 / sqrt(mean(x^2) + epsilon)"""
    square = reduce_mean(b, b.map("mul", x, x), axes)
    return b.map("recip", b.map("sqrt", b.map("add", square, constant(b, epsilon, square))))


def _normal_axes(node: Node) -> list[int]:
    """The axis and all after it."""
    return list(range(node.axis(node.source.rank), node.source.rank))


def _normal_dims(node: Node) -> Sequence[Dims]:
    """The normalised tensor, then the statistics: one number for all normalised axes."""
    shape, axes = node.source.shape, _normal_axes(node)
    for name in ("Scale", "scale", "B"):
        if name in node.op.schema.input_index and node.get(name) is not None:
            node.expect_spread(f"'{name}' and the tensor", node.dims(name), shape)
    statistics = tuple([Affine(1) if i in axes else d for i, d in enumerate(shape)])
    return [shape, statistics, statistics]


def _skip_dims(node: Node) -> Sequence[Dims]:
    """The normalised tensor, two statistics, and the sum that was normalised."""
    check_epsilon(node)
    shape = node.dims("input", 2, 3)
    node.expect_dims("skip", shape, shape[1:], (Affine(1), *shape[1:]))
    for name in ("gamma", "beta", "bias"):
        if name in node.op.schema.input_index:
            node.expect_dims(name, shape[-1:])
    statistics = (*shape[:-1], Affine(1))
    return [shape, statistics, statistics, shape]


def check_epsilon(node: Node) -> None:
    epsilon = node.number("epsilon")
    node.require(epsilon >= 0, f"epsilon is {epsilon}, and may not be negative")


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


def rms_norm(
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


@operator("LayerNormalization", shape=_normal_dims, limits=[FLOAT_STASH])
def layer_normalization(b: Build, node: Node) -> Sequence[SSAValue | None]:
    x, dtype = node.value("X"), node.result.dtype
    y, mean, inverse = _layer_norm(b, x, _normal_axes(node), node.number("epsilon"), dtype)
    return _affine(b, y, node.value("Scale"), node.get("B")), mean, inverse


def _is_mixed(node: Node) -> bool:
    return node.tensor("scale").dtype != node.source.dtype


@operator(
    "RMSNormalization",
    shape=_normal_dims,
    limits=[FLOAT_STASH, Limit("a scale of another element type", _is_mixed)],
)
def rms_normalization(b: Build, node: Node) -> SSAValue:
    x = node.value("X")
    y, _ = rms_norm(b, x, _normal_axes(node), node.number("epsilon"), tensor_of(x).dtype)
    return b.cast(_affine(b, y, node.value("scale"), None), node.result.dtype)


@operator(
    "SimplifiedLayerNormalization",
    domains=["", MICROSOFT],
    shape=_normal_dims,
    limits=[FLOAT_STASH],
)
def simplified_layer_normalization(b: Build, node: Node) -> Sequence[SSAValue | None]:
    x, scale = node.value("X"), node.value("scale")
    dtype = tensor_of(scale).dtype
    y, inverse = rms_norm(b, x, _normal_axes(node), node.number("epsilon"), dtype)
    return _affine(b, y, scale, None), inverse


def _skip_sum(b: Build, node: Node) -> SSAValue:
    """input + skip (+ bias), rounded to the type of the input: it is a result as well."""
    source, skip, bias = node.value("input"), node.value("skip"), node.get("bias")
    skip = b.broadcast(skip, tensor_of(source).shape)
    total = b.map("add", wide(b, source), wide(b, skip))
    total = total if bias is None else b.map("add", total, wide(b, bias))
    return b.cast(total, tensor_of(source).dtype)


@operator("SkipLayerNormalization", domains=[MICROSOFT], shape=_skip_dims)
def skip_layer_normalization(b: Build, node: Node) -> Sequence[SSAValue | None]:
    total, gamma = _skip_sum(b, node), node.value("gamma")
    dtype = tensor_of(gamma).dtype
    y, mean, inverse = _layer_norm(b, total, (-1,), node.number("epsilon"), dtype)
    return _affine(b, y, gamma, node.get("beta")), mean, inverse, total


@operator("SkipSimplifiedLayerNormalization", domains=[MICROSOFT], shape=_skip_dims)
def skip_simplified_layer_normalization(b: Build, node: Node) -> Sequence[SSAValue | None]:
    total, gamma = _skip_sum(b, node), node.value("gamma")
    y, inverse = rms_norm(b, total, (-1,), node.number("epsilon"), tensor_of(gamma).dtype)
    return _affine(b, y, gamma, None), None, inverse, total


Table = Callable[[str, SSAValue], SSAValue]
"""Rows of the embeddings of a name, for tokens, positions or segments."""


def embedded_dims(node: Node, stored: Callable[[str], str] = str) -> Sequence[Dims]:
    """The extents of the results; `stored` says what the operand of a table is called."""
    check_epsilon(node)
    node.require(len(node.op.results) > 1, "the result 'mask_index' is missing")
    ids, table = node.dims("input_ids", 2), node.dims(stored("word_embedding"), 2)
    node.expect_pair("segment_ids", "segment_embedding")
    for name in ("segment_ids", "mask"):
        node.expect_dims(name, ids)
    if "position_ids" in node.op.schema.input_index:
        node.expect_dims("position_ids", ids, (Affine(1), ids[1]))
    for name in map(stored, ("position_embedding", "segment_embedding")):
        if node.get(name) is not None:
            node.expect(f"the width of {name}", node.dims(name, 2)[1], table[1])
    for name in map(stored, ("gamma", "beta")):
        node.expect_dims(name, table[1:])
    return [(*ids, table[1]), ids[:1], (*ids, table[1])]


def embedded(b: Build, table: SSAValue, ids: SSAValue) -> SSAValue:
    return b.gather(table, from_zero(b, ids), 0)


def normal_embeddings(
    b: Build, node: Node, rows: Table, affine: tuple[SSAValue, SSAValue]
) -> Sequence[SSAValue | None]:
    """The normalised sum of embeddings, the tokens that a mask leaves in each row, and the sum."""
    ids, segments, mask = node.value("input_ids"), node.get("segment_ids"), node.get("mask")
    known = "position_ids" in node.op.schema.input_index
    positions = node.get("position_ids") if known else None
    if positions is None:
        positions = along(b, 2, 1, tensor_of(ids).shape[1])
    total = rows("word_embedding", ids)
    total = b.map("add", total, rows("position_embedding", positions))
    if segments is not None:
        total = b.map("add", total, rows("segment_embedding", segments))
    (gamma, beta), epsilon = affine, node.number("epsilon")
    y, _, _ = _layer_norm(b, total, (-1,), epsilon, tensor_of(gamma).dtype)
    batch = tensor_of(ids).shape[:1]
    if mask is None:
        index = b.fill(0, batch, ElementType.I32)
    else:
        seen = b.cast(b.map("eq", mask, constant(b, 1, mask)), ElementType.I32)
        index = b.reshape(b.reduce("sum", seen, (1,)), batch)
    return _affine(b, y, gamma, beta), index, total


@operator("EmbedLayerNormalization", domains=[MICROSOFT], shape=embedded_dims)
def embed_layer_normalization(b: Build, node: Node) -> Sequence[SSAValue | None]:
    def rows(name: str, ids: SSAValue) -> SSAValue:
        return embedded(b, node.value(name), ids)

    return normal_embeddings(b, node, rows, (node.value("gamma"), node.value("beta")))
