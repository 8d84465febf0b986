"""Free dimensions of the inputs of a graph, for one token behind a number of tokens.

What an input is its name says, as exporters and runtimes have it: ids, mask, positions, past, and
what an encoder has read, whose free dimensions all are as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

Shape = tuple[int, ...]
CACHES = ("past", "cache", "key_cache", "value_cache")
ENCODED = ("encoder", "cross")


class Unshaped(Exception):
    """Why there is no floor, in words for the user."""


def is_cache(name: str) -> bool:
    """Whether an input is the cache, by its name."""
    return (name.startswith(CACHES) or ".past" in name) and not is_encoded(name)


def is_encoded(name: str) -> bool:
    """Whether an input is what an encoder has read, or keys and values of that, by its name."""
    return any(part in name for part in ENCODED)


def _extent(model: ModelProto, value: ValueInfoProto, axis: int, context: int, encoded: int) -> int:
    """What a free dimension of an input is: where it stands says so, not how it is called."""
    dims = value.type.tensor_type.shape.dim
    is_last = axis == len(dims) - 1
    if (symbol := dims[axis].dim_param).isdecimal():
        return int(symbol)
    if axis == 0:
        return 1
    if is_encoded(value.name):
        return encoded
    if is_cache(value.name):
        return _head_size(model, value.name) if is_last else context
    return context + 1 if is_last and "mask" in value.name else 1


def _head_size(model: ModelProto, cache: str) -> int:
    """
    The head size where a cache leaves it open: that of the keys of a fused attention.

    `GroupQueryAttention` takes keys as wide as all their heads, or query, keys and values in one.
    """
    weights = {t.name: t for t in model.graph.initializer}
    made = {name: node for node in model.graph.node for name in node.output if name}
    for node in model.graph.node:
        queries, heads = attribute(node, "num_heads"), attribute(node, "kv_num_heads")
        if queries is None or heads is None:
            continue
        packed, name = not node.input[1], node.input[1] or node.input[0]
        columns = _columns(made.get(name), weights)
        if columns is not None:
            return columns // (queries + 2 * heads if packed else heads)
    raise Unshaped(f"nothing says how long the last axis of '{cache}' is")


def _columns(maker: NodeProto | None, weights: Mapping[str, TensorProto]) -> int | None:
    """How wide a product is, by its weight or what it says of itself."""
    if maker is None:
        return None
    dims = (weights[name].dims for name in maker.input[::-1] if name in weights)
    return attribute(maker, "N") or next((d[-1] for d in dims if len(d)), None)


def attribute(node: NodeProto, name: str) -> int | None:
    """An integer attribute of a node."""
    return next((a.i for a in node.attribute if a.name == name), None)


def bound(model: ModelProto, context: int, encoded: int = 1) -> ModelProto:
    """The model with numbers for all free dimensions of its inputs."""
    weights = {t.name for t in model.graph.initializer}
    inputs = [v for v in model.graph.input if v.name not in weights]
    if not any(is_cache(v.name) for v in inputs):
        raise Unshaped("the model has no cache input, which is what a token costs depends on")
    for value in inputs:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                dim.dim_value = _extent(model, value, axis, context, encoded)
    return model


def nodes_of(graph: onnx.GraphProto) -> Iterator[NodeProto]:
    """All nodes in order, those of the graphs in their attributes behind them."""
    for node in graph.node:
        yield node
        for inner in node.attribute:
            if inner.HasField("g"):
                yield from nodes_of(inner.g)


def element_bits(kind: int, precision: str) -> int:
    """Bits of an element of a weight: floats are those of the precision, the rest as stored."""
    name = helper.tensor_dtype_to_string(kind).rpartition(".")[2]
    if name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"):
        return 32 if precision == "f32" else 16
    if name in ("INT4", "UINT4", "FLOAT4E2M1"):
        return 4
    return helper.tensor_dtype_to_np_dtype(kind).itemsize * 8
