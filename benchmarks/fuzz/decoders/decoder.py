"""A whole decoder: inputs, embedding, layers, head, outputs."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, helper

from benchmarks.fuzz.decoders.attention import Spelled
from benchmarks.fuzz.decoders.caches import Caches
from benchmarks.fuzz.decoders.endings import extras, finish, logits
from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.fused import Fused
from benchmarks.fuzz.decoders.graph import F16, F32, I32, I64, MICROSOFT, Graph
from benchmarks.fuzz.decoders.layers import Layers
from benchmarks.fuzz.decoders.linear import linear
from benchmarks.fuzz.decoders.masks import LOWEST, Masks
from benchmarks.fuzz.decoders.norms import norm
from benchmarks.fuzz.decoders.positions import positions
from benchmarks.fuzz.decoders.rotary import ROWS, Rotary
from benchmarks.fuzz.decoders.sizes import Sizes

ORDERS = ("before", "before", "before", "after", "parallel", "skip")
IR_VERSION = 10


def build(g: Graph, sizes: Sizes, exact: bool) -> ModelProto:
    """Grow the graph of a decoder; `exact` if its outputs can be told apart by a hair."""
    label_sizes(g, sizes)
    kind = I32 if g.chance(0.1) else I64
    ids = g.input("input_ids", kind, sizes.batch_dim, sizes.new_dim)
    masks, caches = (
        Masks(g, sizes, flat=sizes.core in ("GroupQueryAttention", "packed")),
        Caches(g, sizes),
    )
    extents = Extents(g, sizes, ids, caches.length_source)
    masks.extents = extents
    layers = _layers(g, sizes, extents, masks, caches)
    table = g.weight(sizes.vocabulary, sizes.hidden)
    x = _embedded(g, sizes, extents, table, ids)
    half = g.chance(0.1)
    if half:
        g.label("f16 casts", "f16: stream")
        x = g.cast(x, F16)
    for layer in range(sizes.layers):
        x = layers(x, layer)
    x = norm(g, x, sizes.hidden)
    x = g.cast(x, F32)
    tied = g.pick(("transposed", "gemm", "no", "no"))
    if tied != "no":
        g.label("tied weights")
    found = logits(g, sizes, x, table, tied)
    finish(g, sizes, found, exact and not any(label.startswith("f16") for label in g.labels))
    extras(g, sizes, extents, x, layers.spelled.shown)
    return _model(g)


def _layers(g: Graph, sizes: Sizes, extents: Extents, masks: Masks, caches: Caches) -> Layers:
    half = sizes.core == "spelled" and g.chance(0.12)
    if half:
        masks.lowest = -1e4
    if sizes.core == "Attention" and masks.lowest == LOWEST:
        masks.lowest = -1e9  # ONNX Runtime takes LOWEST for -inf there, the standard does not
    windows = g.pick(((0,), (0,), (0,), (2,), (3, 0), (4,), (0, 2)))
    odd = sizes.size % 2 == 1
    apart = sizes.core in ("spelled", "Attention") and not odd
    where = positions(g, sizes, extents, masks.flat) if apart and g.chance(0.95) else ""
    return Layers(
        g,
        sizes,
        extents,
        caches,
        Spelled(g, sizes, extents, masks, half),
        Fused(g, sizes, extents, masks, caches),
        Rotary(g, sizes, extents, where) if where else None,
        order=g.pick(ORDERS),
        half=g.chance(0.12),
        windows=windows,
        head_norms=g.chance(0.2),
    )


def _embedded(g: Graph, sizes: Sizes, extents: Extents, table: str, ids: str) -> str:
    """Rows of the table, scaled, and rows for positions, added."""
    x = g("Gather", table, ids, axis=0)
    if g.chance(0.2):
        g.label("embedding: scaled")
        x = g("Mul", x, g.number(float(np.sqrt(sizes.hidden)), x))
    if g.chance(0.2):
        g.label("embedding: positions")
        rows = g.weight(ROWS + 2, sizes.hidden)
        line = extents.range("past", "total")
        if g.chance(0.5):
            line = g("Add", line, g.scalar(2, I64))
        x = g("Add", x, g("Gather", rows, line, axis=0))
    if g.chance(0.15):
        g.label("embedding: projected")
        x = linear(g, x, sizes.hidden, sizes.hidden)
    return x


def label_sizes(g: Graph, sizes: Sizes) -> None:
    """The labels that follow from extents."""
    g.label(f"cache: {sizes.cache}", f"layers: {sizes.layers}", f"opset {g.opset}")
    for label, holds in (
        ("grouped heads", 1 < sizes.kv_heads < sizes.heads),
        ("multi-query", 1 == sizes.kv_heads < sizes.heads),
        ("batch: dynamic", sizes.dynamic_batch),
        ("batch: more than one", sizes.batch > 1),
        ("batch: fixed, more than one", sizes.batch > 1 and not sizes.dynamic_batch),
        ("new tokens: dynamic", sizes.dynamic_new),
        ("new tokens: several", sizes.new > 1),
        ("odd extents", sizes.size % 2 or sizes.hidden % 2),
        ("choices mixed", g.mixed),
    ):
        if holds:
            g.label(label)


def _model(g: Graph) -> ModelProto:
    if g.chance(0.3):
        g.label("inputs in another order")
        g.inputs = [g.inputs[i] for i in g.rng.permutation(len(g.inputs))]
        g.outputs = [g.outputs[i] for i in g.rng.permutation(len(g.outputs))]
    graph = helper.make_graph(g.nodes, "decoder", g.inputs, g.outputs, g.initializers)
    opsets = [helper.make_opsetid("", g.opset)]
    if any(node.domain == MICROSOFT for node in g.nodes):
        opsets.append(helper.make_opsetid(MICROSOFT, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
