"""What decoders of an exporter have in common: dimensions, the mask, the cache, attention."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from benchmarks.decoders.graph import Graph
from benchmarks.decoders.shape import Shape

INT = TensorProto.INT64
LAST = np.iinfo(np.int64).max
FIRST = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Call:
    """Values that all layers read: dimensions as lists of one, new tokens also without axes."""

    batch: str
    new: str
    new_number: str
    total: str
    bias: str
    """Zero or the least number, [batch, 1, new, total]."""


def begin(graph: Graph, shape: Shape, has_positions: bool) -> Call:
    """Declare the inputs and derive what all layers read."""
    graph.input("input_ids", INT, "batch", "seq")
    graph.input("attention_mask", INT, "batch", "total")
    dims = ("batch", shape.cached, "past", shape.head)
    for layer in range(shape.layers):
        graph.input(f"past_key_values.{layer}.key", graph.dtype, *dims)
        graph.input(f"past_key_values.{layer}.value", graph.dtype, *dims)
    if has_positions:
        graph.input("position_ids", INT, "batch", "seq")
    new = graph("Shape", "input_ids", start=1, end=2)
    new_number = graph("Squeeze", new)
    batch = graph("Shape", "past_key_values.0.key", start=0, end=1)
    probe = min(1, shape.layers - 1)
    past = graph("Squeeze", graph("Shape", f"past_key_values.{probe}.key", start=2, end=3))
    total_number = graph("Add", past, new_number)
    allowed = _allowed(graph, graph("Squeeze", batch), new_number, past, total_number)
    total = graph("Reshape", total_number, graph.ints(-1), allowzero=0)
    target = graph.target(batch, graph.ints(1), new, total)
    expanded = graph("Expand", allowed, target)
    least = float(np.finfo(np.float16 if shape.dtype == "f16" else np.float32).min)
    bias = graph("Where", expanded, graph.number(0.0), graph.number(least))
    return Call(batch, new, new_number, total, bias)


def _allowed(graph: Graph, batch: str, new: str, past: str, total: str) -> str:
    """What each new token may look at: causal, and not masked."""
    mask = graph("Cast", "attention_mask", to=TensorProto.BOOL)
    zero, one = graph.integer(0), graph.integer(1)
    rows = graph("Range", zero, batch, one)
    queries = graph("Add", graph("Range", zero, new, one), past)
    keys = graph("Range", zero, total, one)
    rows = graph("Unsqueeze", graph("Unsqueeze", rows, graph.ints(1, 2)), graph.ints(3))
    queries = graph("Unsqueeze", graph("Unsqueeze", queries, graph.ints(0, 1)), graph.ints(3))
    keys = graph("Unsqueeze", graph("Unsqueeze", keys, graph.ints(0, 1)), graph.ints(2))
    causal = graph("And", graph.true(), graph("LessOrEqual", keys, queries))
    target = graph("Shape", graph("Max", rows, keys), start=0)
    last = graph.ints(-1)
    row = graph("Unsqueeze", graph("Expand", rows, target), last)
    column = graph("Unsqueeze", graph("Expand", keys, target), last)
    indices = graph("Concat", row, column, axis=-1)
    return graph("And", causal, graph("GatherND", mask, indices, batch_dims=0))


def heads(graph: Graph, call: Call, value: str, head: int, count: int = 0) -> str:
    """[batch, new, lanes] to [batch, heads, new, head]; new or heads is left to be inferred."""
    middle = (graph.ints(-1), graph.ints(count)) if count else (call.new, graph.ints(-1))
    target = graph.target(call.batch, *middle, graph.ints(head))
    split = graph("Reshape", value, target, allowzero=1)
    return graph("Transpose", split, perm=[0, 2, 1, 3])


def append(graph: Graph, layer: int, kind: str, new: str) -> str:
    """The cache of a layer with the new rows behind it; an output of the model."""
    past = f"past_key_values.{layer}.{kind}"
    return graph("Concat", past, new, axis=-2, name=f"present.{layer}.{kind}")


def attend(
    graph: Graph, call: Call, query: str, keys: str, values: str, scale: float | None
) -> str:
    """Attention from its parts, [batch, new, heads, head]; `scale` of each of the two factors."""
    turned = _turned(graph, keys)
    if scale is not None:
        query = graph("Mul", query, graph.number(scale))
        turned = graph("Mul", turned, graph.number(scale))
    scores = graph("Add", graph("MatMul", query, turned), call.bias)
    weights = graph("Softmax", scores, axis=-1)
    weights = graph("Where", graph("IsNaN", weights), graph.number(0.0), weights)
    mixed = graph("MatMul", weights, values)
    return graph("Transpose", mixed, perm=[0, 2, 1, 3])


def _turned(graph: Graph, keys: str) -> str:
    """Keys with their last two axes exchanged, by the detour of the exporter."""
    dims = graph("Shape", keys, start=0)
    minus_one, minus_two = graph.ints(-1), graph.ints(-2)
    lanes = graph("Slice", dims, minus_one, graph.ints(LAST))
    tokens = graph("Slice", dims, minus_two, minus_one)
    outer = graph("Slice", dims, graph.ints(FIRST), minus_two)
    flat = graph("Reshape", keys, graph("Concat", minus_one, tokens, lanes, axis=0), allowzero=0)
    flat = graph("Transpose", flat, perm=[0, 2, 1])
    return graph("Reshape", flat, graph("Concat", outer, lanes, tokens, axis=0), allowzero=0)


def half_scale(head: int) -> float:
    """What each factor of a score is multiplied by, so that the product is divided by the root."""
    return 1.0 / math.sqrt(math.sqrt(head))


def layer_norm(graph: Graph, name: str, value: str, width: int) -> str:
    """Layer normalisation with parameters of its own."""
    scale = graph.weight(f"{name}.weight", width, centre=1.0)
    bias = graph.weight(f"{name}.bias", width)
    return graph("LayerNormalization", value, scale, bias, axis=-1, epsilon=1e-5, stash_type=1)


def finish(graph: Graph, shape: Shape) -> None:
    """Declare the outputs, and write the model."""
    graph.output("logits", graph.dtype, "batch", "seq", shape.vocabulary)
    for layer in range(shape.layers):
        for kind in ("key", "value"):
            dims = ("batch", shape.cached, "past + seq", shape.head)
            graph.output(f"present.{layer}.{kind}", graph.dtype, *dims)
    graph.save()
