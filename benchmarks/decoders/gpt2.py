"""GPT-2: learned positions, one projection for query, key and value, tanh GELU, tied head."""

from __future__ import annotations

import math

from benchmarks.decoders.attention import (
    Call,
    append,
    attend,
    begin,
    finish,
    half_scale,
    heads,
    layer_norm,
)
from benchmarks.decoders.graph import SPREAD, Graph
from benchmarks.decoders.shape import Shape


def write(graph: Graph, shape: Shape) -> None:
    """Write a model of this family."""
    call = begin(graph, shape, has_positions=True)
    table = graph.weight("m.lm_head.weight", shape.vocabulary, shape.width)
    positions = graph.weight("m.transformer.wpe.weight", shape.positions, shape.width)
    target = graph.target(graph.ints(-1), call.new)
    ids = graph("Reshape", "input_ids", target, allowzero=1)
    hidden = graph("Gather", table, ids, axis=0)
    hidden = graph("Add", hidden, graph("Gather", positions, "position_ids", axis=0))
    for layer in range(shape.layers):
        hidden = _layer(graph, shape, call, layer, hidden)
    hidden = layer_norm(graph, "m.transformer.ln_f", hidden, shape.width)
    target = graph.target(graph.ints(-1), call.new, graph.ints(shape.width))
    hidden = graph("Reshape", hidden, target, allowzero=1)
    graph("MatMul", hidden, graph("Transpose", table, perm=[1, 0]), name="logits")
    finish(graph, shape)


def _layer(graph: Graph, shape: Shape, call: Call, layer: int, hidden: str) -> str:
    name, width = f"m.transformer.h.{layer}", shape.width
    normed = layer_norm(graph, f"{name}.ln_1", hidden, width)
    packed = _linear(graph, call, f"{name}.attn.c_attn", normed, width, 3 * width)
    query, key, value = graph.parts("Split", packed, outputs=3, axis=2, num_outputs=3)
    new_keys = heads(graph, call, key, shape.head)
    new_values = heads(graph, call, value, shape.head)
    query = heads(graph, call, query, shape.head)
    keys = append(graph, layer, "key", new_keys)
    values = append(graph, layer, "value", new_values)
    mixed = attend(graph, call, query, keys, values, half_scale(shape.head))
    spread = SPREAD / math.sqrt(2 * shape.layers)
    projected = _linear(graph, call, f"{name}.attn.c_proj", mixed, width, width, spread)
    hidden = graph("Add", projected, hidden)
    normed = layer_norm(graph, f"{name}.ln_2", hidden, width)
    inner = _gelu(graph, _linear(graph, call, f"{name}.mlp.c_fc", normed, width, shape.hidden))
    outer = _linear(graph, call, f"{name}.mlp.c_proj", inner, shape.hidden, width, spread)
    return graph("Add", hidden, outer)


def _linear(
    graph: Graph, call: Call, name: str, value: str, rows: int, columns: int, spread: float = SPREAD
) -> str:
    """A product on the flattened view that the exporter makes of it."""
    flat = graph("Reshape", value, graph.ints(-1, rows), allowzero=1)
    weight = graph.weight(f"{name}.weight", rows, columns, spread=spread)
    bias = graph.weight(f"{name}.bias", columns)
    product = graph("Gemm", flat, weight, bias, alpha=1.0, beta=1.0, transA=0, transB=0)
    target = graph.target(call.batch, call.new, graph.ints(columns))
    return graph("Reshape", product, target, allowzero=1)


def _gelu(graph: Graph, value: str) -> str:
    half = graph("Mul", value, graph.number(0.5))
    cube = graph("Mul", graph("Pow", value, graph.number(3.0)), graph.number(0.044715))
    inner = graph("Mul", graph("Add", value, cube), graph.number(math.sqrt(2.0 / math.pi)))
    return graph("Mul", half, graph("Add", graph("Tanh", inner), graph.number(1.0)))
