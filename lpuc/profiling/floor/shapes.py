"""Free dimensions of the inputs of a graph, for one token behind a number of tokens.

What an input is its name says, as exporters and runtimes have it: ids, mask, positions, past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

Shape = tuple[int, ...]
CACHES = ("past", "cache", "key_cache", "value_cache")


class Unshaped(Exception):
    """Why there is no floor, in words for the user."""


def is_cache(name: str) -> bool:
    """Whether an input is the cache, by its name."""
    return name.startswith(CACHES) or ".past" in name


def _numbers(value: ValueInfoProto, context: int) -> list[tuple[str, int]]:
    """What the free dimensions of an input are."""
    dims = value.type.tensor_type.shape.dim
    free = [(axis, dim.dim_param) for axis, dim in enumerate(dims) if not dim.HasField("dim_value")]
    name, found = value.name, list[tuple[str, int]]()
    for axis, symbol in free:
        if symbol.isdecimal():
            number = int(symbol)
        elif axis == 0:
            number = 1
        elif is_cache(name):
            number = context
        elif "mask" in name:
            number = context + 1 if axis == len(dims) - 1 else 1
        else:
            number = 1
        found.append((symbol, number))
    return found


def _head_size(model: ModelProto) -> int | None:
    """
    The head size where the cache leaves it open: that of the keys of a fused attention.

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
    return None


def _columns(maker: NodeProto | None, weights: Mapping[str, TensorProto]) -> int | None:
    """How wide a product is, by its weight or what it says of itself."""
    if maker is None:
        return None
    dims = (weights[name].dims for name in maker.input[::-1] if name in weights)
    return attribute(maker, "N") or next((d[-1] for d in dims if len(d)), None)


def attribute(node: NodeProto, name: str) -> int | None:
    """An integer attribute of a node."""
    return next((a.i for a in node.attribute if a.name == name), None)


def bound(model: ModelProto, context: int) -> ModelProto:
    """The model with numbers for all free dimensions of its inputs."""
    known: dict[str, int] = {}
    weights = {t.name for t in model.graph.initializer}
    inputs = [v for v in model.graph.input if v.name not in weights]
    if not any(is_cache(v.name) for v in inputs):
        raise Unshaped("the model has no cache input, which is what a token costs depends on")
    for value in sorted(inputs, key=lambda v: not is_cache(v.name)):
        for symbol, number in _numbers(value, context):
            known.setdefault(symbol, number)
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            if not dim.HasField("dim_value"):
                last = is_cache(value.name) and axis == len(dims) - 1
                number = known[dim.dim_param]
                if last and not dim.dim_param.isdecimal():
                    number = _head_size(model)
                if number is None:
                    raise Unshaped(f"nothing says how long the last axis of '{value.name}' is")
                dim.dim_value = number
    return model


def nodes_of(graph: onnx.GraphProto) -> Iterator[NodeProto]:
    """All nodes in order, those of the graphs in their attributes behind them."""
    for node in graph.node:
        yield node
        for inner in node.attribute:
            if inner.HasField("g"):
                yield from nodes_of(inner.g)


def elements(shape: Sequence[int]) -> int:
    """How many elements there are."""
    total = 1
    for extent in shape:
        total *= extent
    return total


def element_bits(kind: int, precision: str) -> int:
    """Bits of an element of a weight: floats are those of the precision, the rest as stored."""
    name = helper.tensor_dtype_to_string(kind).rpartition(".")[2]
    if name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"):
        return 32 if precision == "f32" else 16
    if name in ("INT4", "UINT4", "FLOAT4E2M1"):
        return 4
    return helper.tensor_dtype_to_np_dtype(kind).itemsize * 8
