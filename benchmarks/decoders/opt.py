"""OPT: positions counted from the mask, separate projections with biases, ReLU, tied head."""

from __future__ import annotations

import math

from benchmarks.decoders.attention import (
    LAST,
    Call,
    append,
    attend,
    begin,
    finish,
    heads,
    layer_norm,
)
from benchmarks.decoders.graph import SPREAD, Graph
from benchmarks.decoders.shape import Shape

OFFSET = 2
"""Rows of the table of positions that stand before that of position 0."""


def write(graph: Graph, shape: Shape) -> None:
    """Write a model of this family."""
    call = begin(graph, shape, has_positions=False)
    table = graph.weight("m.lm_head.weight", shape.vocabulary, shape.width)
    ids = graph("Reshape", "input_ids", graph.target(graph.ints(-1), call.new), allowzero=1)
    hidden = graph("Add", graph("Gather", table, ids, axis=0), _positions(graph, shape))
    for layer in range(shape.layers):
        hidden = _layer(graph, shape, call, layer, hidden)
    hidden = layer_norm(graph, "m.model.decoder.final_layer_norm", hidden, shape.width)
    graph("MatMul", hidden, graph("Transpose", table, perm=[1, 0]), name="logits")
    finish(graph, shape)


def _positions(graph: Graph, shape: Shape) -> str:
    rows = shape.positions + OFFSET
    table = graph.weight("m.model.decoder.embed_positions.weight", rows, shape.width)
    one = graph.integer(1)
    counted = graph("CumSum", "attention_mask", one, exclusive=0, reverse=0)
    shown = graph("Sub", graph("Mul", counted, "attention_mask"), one)
    probe = min(1, shape.layers - 1)
    past = graph("Shape", f"past_key_values.{probe}.key", start=2, end=3)
    new = graph("Slice", shown, past, graph.ints(LAST), graph.ints(1), graph.ints(1))
    return graph("Gather", table, graph("Add", new, graph.integer(OFFSET)), axis=0)


def _layer(graph: Graph, shape: Shape, call: Call, layer: int, hidden: str) -> str:
    name, width, spread = f"m.model.decoder.layers.{layer}", shape.width, _spread(shape)
    normed = layer_norm(graph, f"{name}.self_attn_layer_norm", hidden, width)
    query = _linear(graph, f"{name}.self_attn.q_proj", normed, width)
    query = graph("Mul", query, graph.number(1.0 / math.sqrt(shape.head)))
    query = heads(graph, call, query, shape.head, shape.heads)
    key = _linear(graph, f"{name}.self_attn.k_proj", normed, width)
    value = _linear(graph, f"{name}.self_attn.v_proj", normed, width)
    keys = append(graph, layer, "key", heads(graph, call, key, shape.head, shape.heads))
    values = append(graph, layer, "value", heads(graph, call, value, shape.head, shape.heads))
    mixed = attend(graph, call, query, keys, values, None)
    target = graph.target(call.batch, call.new, graph.ints(-1))
    mixed = graph("Reshape", mixed, target, allowzero=1)
    hidden = graph(
        "Add", hidden, _linear(graph, f"{name}.self_attn.out_proj", mixed, width, spread)
    )
    flat = graph("Reshape", hidden, graph.ints(-1, width), allowzero=1)
    normed = layer_norm(graph, f"{name}.final_layer_norm", flat, width)
    inner = graph("Relu", _turned(graph, f"{name}.fc1", normed, shape.hidden, width, SPREAD))
    outer = _turned(graph, f"{name}.fc2", inner, width, shape.hidden, spread)
    target = graph.target(call.batch, call.new, graph.ints(width))
    return graph("Reshape", graph("Add", flat, outer), target, allowzero=1)


def _spread(shape: Shape) -> float:
    return SPREAD / math.sqrt(2 * shape.layers)


def _linear(graph: Graph, name: str, value: str, width: int, spread: float = SPREAD) -> str:
    weight = graph.weight(f"{name}.weight", width, width, spread=spread)
    return graph("Add", graph("MatMul", value, weight), graph.weight(f"{name}.bias", width))


def _turned(graph: Graph, name: str, value: str, columns: int, rows: int, spread: float) -> str:
    """A product with a weight that lies as PyTorch keeps it, [columns, rows]."""
    weight = graph.weight(f"{name}.weight", columns, rows, spread=spread)
    bias = graph.weight(f"{name}.bias", columns)
    return graph("Gemm", value, weight, bias, alpha=1.0, beta=1.0, transA=0, transB=1)
