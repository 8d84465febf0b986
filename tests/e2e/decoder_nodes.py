"""Operands of the nodes that decoders are made of: attention, positions, embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.e2e.single import MICROSOFT, Array, Inputs, f32, i32

HEADS: dict[str, Any] = {"domain": MICROSOFT, "outputs": 3, "num_heads": 2, "kv_num_heads": 1}
TABLES = {"cos": f32(9, 4), "sin": f32(9, 4, seed=1)}
PASTS: dict[str, Array | None] = {"past_k": f32(1, 2, 5, 8), "past_v": f32(1, 2, 5, 8, seed=2)}
EMBEDDINGS: dict[str, Array | None] = {
    "ids": i32(1, 2, 0).reshape(1, 3),
    "segments": i32(0, 1, 1).reshape(1, 3),
    "words": f32(4, 8),
    "positions": f32(5, 8, seed=1),
    "kinds": f32(2, 8, seed=2),
    "gamma": f32(8),
    "beta": f32(8, seed=3),
}


def attention(**others: Array | None) -> dict[str, Array | None]:
    """Two heads, three queries over four keys."""
    names = ("mask", "past_k", "past_v", "lengths")
    qkv = {"q": f32(1, 2, 3, 8), "k": f32(1, 2, 4, 8), "v": f32(1, 2, 4, 8, seed=1)}
    return {**qkv, **{name: others.get(name) for name in names}}


def grouped(valid: int = 5, total: int = 5, past: int = 4, new: int = 1, **others: Array) -> Inputs:
    """Two heads over one; `valid` tokens of which `new` are new."""
    queries = {"q": f32(1, new, 32), "k": f32(1, new, 16), "v": f32(1, new, 16, seed=1)}
    cache = {"pk": f32(1, 1, past, 16), "pv": f32(1, 1, past, 16, seed=2)}
    counts = {"n": i32(valid - 1), "t": np.array(total, np.int32)}
    return {**queries, **cache, **counts, "cos": None, "sin": None, **others}
