"""Inputs for the calls of a decoder: empty, short and full caches, and masks with padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import ValueInfoProto

from benchmarks.fuzz.decoders.caches import SECOND
from benchmarks.fuzz.decoders.graph import NUMPY, Array, Graph
from benchmarks.fuzz.decoders.sizes import Sizes


def calls(g: Graph, sizes: Sizes) -> list[dict[str, Array]]:
    """What each call feeds."""
    pads = sizes.core != "GroupQueryAttention" and not _blurs(g, sizes)
    found: list[dict[str, Array]] = []
    for number, past in enumerate(_pasts(g, sizes)):
        padding = int(g.rng.integers(1, 4)) if pads and (number > 0 or g.chance(0.3)) else 0
        padding = min(padding, past + sizes.new - 1)
        found.append({v.name: _tensor(g, sizes, v, past, padding) for v in g.inputs})
        if padding and any("attention_mask" in v.name for v in g.inputs):
            g.label("left padded")
    return found


def _blurs(g: Graph, sizes: Sizes) -> bool:
    """Whether a query that may look at nothing gets numbers that hang on how f16 rounds."""
    return sizes.new > 1 and ("f16: attention" in g.labels or "f16: stream" in g.labels)


def _pasts(g: Graph, sizes: Sizes) -> Iterator[int]:
    if sizes.cache != "dynamic":
        yield from [sizes.past] * 2
        return
    room = sizes.context - sizes.new
    yield 0
    yield min(int(g.rng.integers(1, 4)), room)
    yield room if g.chance(0.3) else int(g.rng.integers(min(4, room), room + 1))


def _tensor(g: Graph, sizes: Sizes, value: ValueInfoProto, past: int, padding: int) -> Array:
    dtype = NUMPY[value.type.tensor_type.elem_type]
    dims = [
        _extent(d.dim_param or d.dim_value, sizes, past) for d in value.type.tensor_type.shape.dim
    ]
    if value.name == "input_ids":
        return g.rng.integers(0, sizes.vocabulary, dims).astype(dtype)
    if value.name == "attention_mask":
        return _mask(g, dims, dtype, padding)
    if value.name == "position_ids":
        return np.broadcast_to(np.arange(past, past + sizes.new), dims).astype(dtype)
    if value.name == "temperature":
        return np.array(0.7, dtype)
    if value.name in ("cos", "sin"):
        angles = g.rng.uniform(0, 6, dims)
        return (np.cos(angles) if value.name == "cos" else np.sin(angles)).astype(dtype)
    return g.rng.standard_normal(dims).astype(dtype)


def _extent(dim: int | str, sizes: Sizes, past: int) -> int:
    names = {
        "batch_size": sizes.batch,
        "sequence_length": sizes.new,
        "past_sequence_length": past,
        SECOND: min(past + 2, sizes.context - sizes.new) if past else 1,
        "total_sequence_length": past + sizes.new,
    }
    return dim if isinstance(dim, int) else names[dim]


def _mask(g: Graph, dims: list[int], dtype: type, padding: int) -> Array:
    if np.issubdtype(dtype, np.floating):
        hidden = g.rng.random(dims) < 0.3
        hidden[..., -1] = False
        return np.where(hidden, -30.0, g.rng.standard_normal(dims)).astype(dtype)
    mask = np.ones(dims, dtype)
    mask[-1, ..., :padding] = 0
    return mask
