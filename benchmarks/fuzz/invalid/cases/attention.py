"""Valid models of attention and rotary embedding in their dialects."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.invalid.contents import fixed, flags, floats, ints, microsoft, node, whole
from benchmarks.fuzz.invalid.node import Array, Node


def _standard() -> list[Node]:
    """Attention of the standard: four query heads over two key heads, then heads in one axis."""
    q, k, v = floats(2, 4, 3, 8), floats(2, 2, 5, 8), floats(2, 2, 5, 6)
    past_k, past_v = floats(2, 2, 4, 8), floats(2, 2, 4, 6)
    wide = (floats(2, 3, 32), floats(2, 5, 16), floats(2, 5, 12))
    return [
        node("Attention", q, k, v, is_causal=1, scale=0.25, softcap=2.0),
        node("Attention", q, k, v, flags(3, 5), qk_matmul_output_mode=0),
        node("Attention", q, k, v, floats(2, 4, 3, 9), past_k, past_v, results=3),
        node("Attention", *wide, q_num_heads=4, kv_num_heads=2, results=1),
        node("Attention", *wide, None, past_k, past_v, q_num_heads=4, kv_num_heads=2, results=3),
        node(
            *("Attention", q, k, v, None, None, None, ints(5, 4)),
            is_causal=0,
            opset=24,
        ),
    ]


def _rotary() -> list[Node]:
    tables = (floats(9, 4), floats(9, 4))
    places = ints([0, 1, 2], [3, 7, 4])
    return [
        node("RotaryEmbedding", floats(2, 4, 3, 8), *tables, places, interleaved=0),
        node("RotaryEmbedding", floats(2, 3, 32), *tables, places, num_heads=4, interleaved=1),
        node("RotaryEmbedding", floats(2, 4, 3, 8), floats(2, 3, 4), floats(2, 3, 4)),
        node(
            *("RotaryEmbedding", floats(2, 4, 3, 12), *tables, places),
            rotary_embedding_dim=8,
        ),
        microsoft("RotaryEmbedding", floats(2, 3, 32), places, *tables, interleaved=0),
        microsoft("RotaryEmbedding", floats(2, 4, 3, 8), ints(2), *tables, interleaved=1),
        microsoft(
            *("RotaryEmbedding", floats(2, 3, 48), places, *tables),
            num_heads=4,
            rotary_embedding_dim=8,
        ),
    ]


def _packed() -> list[Node]:
    mask = whole(2, 7, low=0, high=2, dtype=np.int32)
    weights = (fixed(floats(8, 24)), fixed(floats(24)))
    return [
        microsoft("Attention", floats(2, 3, 8), *weights, num_heads=2, unidirectional=1),
        microsoft(
            "Attention", floats(2, 3, 8), *weights, ints(3, 2, 0, 1, dtype="i4"), num_heads=2
        ),
        microsoft(
            *("Attention", floats(2, 3, 8), *weights, mask, floats(2, 2, 2, 4, 4)),
            results=2,
            num_heads=2,
            unidirectional=1,
            scale=0.5,
        ),
        microsoft(
            *("Attention", floats(2, 3, 8), fixed(floats(8, 20)), fixed(floats(20))),
            num_heads=2,
            qkv_hidden_sizes=[8, 8, 4],
        ),
    ]


def _projected() -> list[Node]:
    """Heads that are projected already."""
    q, k, v = floats(2, 3, 8), floats(2, 3, 8), floats(2, 3, 12)
    mask = ints([1, 1, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0], dtype="i4")
    past = (floats(2, 2, 4, 4), floats(2, 2, 4, 4))
    kept = (floats(2, 2, 5, 4), floats(2, 2, 5, 4))
    return [
        microsoft("MultiHeadAttention", q, *kept, floats(24), ints(5, 2, dtype="i4"), num_heads=2),
        microsoft("MultiHeadAttention", q, k, v, num_heads=2),
        microsoft("MultiHeadAttention", q, k, v, floats(28), num_heads=2, unidirectional=1),
        microsoft(
            *("MultiHeadAttention", q, k, k, None, mask, floats(2, 2, 3, 7), *past),
            results=3,
            num_heads=2,
            unidirectional=1,
            scale=0.5,
        ),
    ]


def _lengths(past: int, new: int, *valid: int) -> list[Array]:
    """`seqlens_k` and `total_sequence_length`."""
    return [np.array(valid, np.int32) - 1, np.array(past + new, np.int32)]


def _grouped() -> list[Node]:
    heads = {"num_heads": 4, "kv_num_heads": 2}
    caches = (floats(2, 2, 5, 16), floats(2, 2, 5, 16))
    none = (floats(2, 2, 0, 16), floats(2, 2, 0, 16))
    new = (floats(2, 1, 64), floats(2, 1, 32), floats(2, 1, 32))
    prompt = (floats(2, 4, 64), floats(2, 4, 32), floats(2, 4, 32))
    tables = (floats(16, 8), floats(16, 8))
    name = "GroupQueryAttention"
    return [
        microsoft(name, *new, *caches, *_lengths(5, 1, 6, 6), results=3, **heads),
        microsoft(name, *new, *caches, *_lengths(5, 1, 6, 4), results=3, causal=0, **heads),
        microsoft(
            *(name, *new, *caches, *_lengths(5, 1, 6, 4), *tables),
            results=3,
            do_rotary=1,
            **heads,
        ),
        microsoft(
            *(name, *prompt, *none, *_lengths(0, 4, 4, 4), *tables),
            results=3,
            do_rotary=1,
            rotary_interleaved=1,
            local_window_size=3,
            softcap=2.0,
            **heads,
        ),
        microsoft(
            *(name, floats(2, 1, 128), None, None, *caches, *_lengths(5, 1, 6, 6)),
            results=3,
            scale=0.25,
            **heads,
        ),
        microsoft(
            *(name, *new, *caches, *_lengths(5, 1, 6, 6), None, None, None, floats(2, 4, 1, 6)),
            results=3,
            **heads,
        ),
    ]


def cases() -> list[Node]:
    """One or more models for each operator of this family."""
    return [*_standard(), *_rotary(), *_packed(), *_projected(), *_grouped()]
