"""Llama: rotated positions, grouped heads, RMS norms from their parts, gated SiLU, free head."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from onnx import TensorProto

from benchmarks.decoders.attention import (
    LAST,
    Call,
    append,
    attend,
    begin,
    finish,
    half_scale,
    heads,
)
from benchmarks.decoders.graph import SPREAD, Graph
from benchmarks.decoders.shape import Shape

FLOAT = TensorProto.FLOAT
BASE = 10000.0
"""The longest wave of the rotation, in positions / 2 pi."""

Waves = tuple[str, str]
"""Cosine and sine of the new positions."""

FeedForward = Callable[[Graph, Shape, Call, int, str], str]
"""What follows the second norm of a layer: from the value [batch, new, width] to such a one."""


def write(graph: Graph, shape: Shape) -> None:
    """Write a model of this family."""
    write_with(graph, shape, gated)


def write_with(graph: Graph, shape: Shape, feed_forward: FeedForward) -> None:
    """Write a model whose layers are those of Llama but for what follows their second norm."""
    call = begin(graph, shape, has_positions=True)
    table = graph.weight("m.model.embed_tokens.weight", shape.vocabulary, shape.width)
    hidden = graph("Gather", table, "input_ids", axis=0)
    waves = _waves(graph, shape)
    for layer in range(shape.layers):
        name = f"m.model.layers.{layer}.input_layernorm"
        normed = hidden if shape.norms_behind else _norm(graph, name, hidden, shape.width)
        hidden = _attended(graph, shape, call, layer, waves, hidden, normed)
        name = f"m.model.layers.{layer}.post_attention_layernorm"
        if not shape.parallel:
            normed = hidden if shape.norms_behind else _norm(graph, name, hidden, shape.width)
        added = feed_forward(graph, shape, call, layer, normed)
        if shape.norms_behind:
            added = _norm(graph, f"{name}.behind", added, shape.width)
        hidden = graph("Add", hidden, added)
    hidden = _norm(graph, "m.model.norm", hidden, shape.width)
    head = graph.weight("m.lm_head.weight", shape.width, shape.vocabulary)
    graph("MatMul", hidden, head, name="logits")
    finish(graph, shape)


def _waves(graph: Graph, shape: Shape) -> Waves:
    steps = np.arange(0, shape.head, 2, dtype=np.float32) / np.float32(shape.head)
    frequencies = graph.floats((BASE**-steps).astype(np.float32))
    positions = graph("Unsqueeze", "position_ids", graph.ints(2))
    angles = graph("Mul", graph("Cast", positions, to=FLOAT), frequencies)
    angles = graph("Concat", angles, angles, axis=-1)
    cosine, sine = graph("Cos", angles), graph("Sin", angles)
    if graph.dtype != FLOAT:
        cosine = graph("Cast", cosine, to=graph.dtype)
        sine = graph("Cast", sine, to=graph.dtype)
    return graph("Unsqueeze", cosine, graph.ints(1)), graph("Unsqueeze", sine, graph.ints(1))


def _attended(
    graph: Graph, shape: Shape, call: Call, layer: int, waves: Waves, hidden: str, read: str
) -> str:
    """The first half of a layer: attention of what it reads, added to `hidden`."""
    name, width = f"m.model.layers.{layer}", shape.width
    lanes, cached = shape.heads * shape.head, shape.cached * shape.head
    spread = narrowed(shape.layers)
    query, key, value = _projected(graph, shape, f"{name}.self_attn", read)
    if shape.norms_behind:
        query = _norm(graph, f"{name}.self_attn.q_norm", query, lanes)
        key = _norm(graph, f"{name}.self_attn.k_norm", key, cached)
    query, key, value = (heads(graph, call, part, shape.head) for part in (query, key, value))
    query, key = _rotated(graph, query, waves, shape.head), _rotated(graph, key, waves, shape.head)
    keys = append(graph, layer, "key", key)
    values = append(graph, layer, "value", value)
    if shape.cached != shape.heads:
        keys = _repeated(graph, shape, call, keys, call.total)
        values = _repeated(graph, shape, call, values, _own_total(graph, call, layer))
    mixed = attend(graph, call, query, keys, values, half_scale(shape.head))
    target = graph.target(call.batch, call.new, graph.ints(-1))
    mixed = graph("Reshape", mixed, target, allowzero=1)
    projected = _linear(graph, f"{name}.self_attn.o_proj", mixed, lanes, width, spread)
    if shape.norms_behind:
        projected = _norm(graph, f"{name}.self_attn.norm", projected, width)
    return graph("Add", hidden, projected)


def _projected(graph: Graph, shape: Shape, name: str, read: str) -> Sequence[str]:
    """Queries, keys and values of what attention reads."""
    lanes, cached = shape.heads * shape.head, shape.cached * shape.head
    parts = {"q_proj": lanes, "k_proj": cached, "v_proj": cached}
    if not shape.merged:
        return [_linear(graph, f"{name}.{p}", read, shape.width, n) for p, n in parts.items()]
    all_of_it = _linear(graph, f"{name}.qkv_proj", read, shape.width, lanes + 2 * cached)
    ends = [0, lanes, lanes + cached, lanes + 2 * cached]
    axis, step = graph.ints(2), graph.ints(1)
    return [
        graph("Slice", all_of_it, graph.ints(first), graph.ints(end), axis, step)
        for first, end in pairwise(ends)
    ]


def gated(graph: Graph, shape: Shape, call: Call, layer: int, normed: str) -> str:
    """Three products, the first of which says how much of the second is let through."""
    del call
    name, width = f"m.model.layers.{layer}", shape.width
    gate = _linear(graph, f"{name}.mlp.gate_proj", normed, width, shape.hidden)
    gate = graph("Mul", gate, graph("Sigmoid", gate))
    inner = graph("Mul", gate, _linear(graph, f"{name}.mlp.up_proj", normed, width, shape.hidden))
    return _linear(
        graph, f"{name}.mlp.down_proj", inner, shape.hidden, width, narrowed(shape.layers)
    )


def narrowed(layers: int) -> float:
    """The spread of weights whose products are added to what passes all layers."""
    return SPREAD / math.sqrt(2 * layers)


def _linear(
    graph: Graph, name: str, value: str, rows: int, columns: int, spread: float = SPREAD
) -> str:
    return graph("MatMul", value, graph.weight(f"{name}.weight", rows, columns, spread=spread))


def _norm(graph: Graph, name: str, value: str, width: int) -> str:
    """In f32 whatever the model computes in."""
    is_short = graph.dtype != FLOAT
    wide = graph("Cast", value, to=FLOAT) if is_short else value
    square = graph("Pow", wide, graph.number(2.0, FLOAT))
    mean = graph("ReduceMean", square, graph.ints(-1), keepdims=1, noop_with_empty_axes=0)
    root = graph("Sqrt", graph("Add", mean, graph.number(1e-6, FLOAT)))
    normed = graph("Mul", wide, graph("Reciprocal", root))
    if is_short:
        normed = graph("Cast", normed, to=graph.dtype)
    return graph("Mul", graph.weight(f"{name}.weight", width, centre=1.0), normed)


def _rotated(graph: Graph, value: str, waves: Waves, head: int) -> str:
    """The first half of the lanes of a head turned against the second."""
    cosine, sine = waves
    half, axis, step = graph.ints(head // 2), graph.ints(3), graph.ints(1)
    kept = graph("Mul", value, cosine)
    first = graph("Slice", value, graph.ints(0), half, axis, step)
    second = graph("Slice", value, half, graph.ints(LAST), axis, step)
    turned = graph("Concat", graph("Neg", second), first, axis=-1)
    return graph("Add", kept, graph("Mul", turned, sine))


def _own_total(graph: Graph, call: Call, layer: int) -> str:
    """Tokens in the cache of values of a layer; the exporter does not see that all are equal."""
    past = graph("Squeeze", graph("Shape", f"past_key_values.{layer}.value", start=2, end=3))
    return graph("Reshape", graph("Add", past, call.new_number), graph.ints(-1), allowzero=0)


def _repeated(graph: Graph, shape: Shape, call: Call, cache: str, total: str) -> str:
    """Each head of the cache as often as there are query heads for it."""
    cached, head = graph.ints(shape.cached), graph.ints(shape.head)
    times = graph.ints(shape.heads // shape.cached)
    target = graph.target(call.batch, cached, times, total, head)
    wide = graph("Expand", graph("Unsqueeze", cache, graph.ints(2)), target)
    joined = graph.target(call.batch, graph.ints(shape.heads), total, head)
    return graph("Reshape", wide, joined, allowzero=1)
