"""The case of a seed and a number: a decoder, how it is compiled, and its calls."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from benchmarks.fuzz.command import Case
from benchmarks.fuzz.decoders.decoder import build
from benchmarks.fuzz.decoders.feeds import calls
from benchmarks.fuzz.decoders.graph import Graph
from benchmarks.fuzz.decoders.sizes import draw_sizes
from benchmarks.fuzz.judging import Settings

OPSETS = (18, 20, 20, 21, 22, 23, 23, 23, 23, 23)
PRECISIONS = ("f32",) * 8 + ("f16", "bf16")
TARGETS = ("lpu-4nm",) * 5 + ("lpu-tiny",)
TOLERANCES = {"f32": 5e-5, "f16": 2e-2, "bf16": 2e-1}
HALF = 2e-2
"""For graphs that round to f16 somewhere, each time in another order."""


def make(seed: int, number: int) -> Case:
    """One decoder, the same for the same two numbers."""
    rng = np.random.default_rng([seed, number])
    g = Graph(rng, OPSETS[int(rng.integers(len(OPSETS)))], mixed=bool(rng.random() < 0.3))
    sizes = draw_sizes(rng, g.opset)
    precision = g.pick(PRECISIONS)
    model = build(g, sizes, exact=precision == "f32")
    feeds = calls(g, sizes)
    tolerance = max(TOLERANCES[precision], HALF if _rounds(model) else 0.0)
    settings = Settings(
        precision=precision,
        max_context=sizes.context if sizes.cache == "dynamic" else None,
        shape=sizes.shape,
        target=g.pick(TARGETS),
        tolerance=tolerance,
        reference_path=True,
        with_summary=True,
    )
    g.label(f"precision: {precision}", f"target: {settings.target}")
    return Case(model, feeds, settings, f"{seed}/{number}", tuple(g.labels))


def _rounds(model: ModelProto) -> bool:
    """Whether a graph casts to f16 somewhere, be it around one operator."""
    casts = [a for node in model.graph.node for a in node.attribute if node.op_type == "Cast"]
    return any(cast.name == "to" and cast.i == TensorProto.FLOAT16 for cast in casts)
