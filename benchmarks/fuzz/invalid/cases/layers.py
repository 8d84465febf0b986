"""Valid models of layers of transformers on bytes with scales."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.invalid.contents import fixed, floats, ints, microsoft, packed, positive, whole
from benchmarks.fuzz.invalid.node import Node, Operand

SCALE, POINT = fixed(np.array(0.02, np.float32)), fixed(packed())
SIGNED = fixed(whole(dtype=np.int8))


def _attention() -> list[Node]:
    """A scale for all of the weight, then one for each column and a cache."""
    x, weight = Operand(packed(2, 3, 8)), fixed(whole(8, 24, low=-99, high=99, dtype=np.int8))
    listed = (fixed(positive(24) / 50), fixed(whole(24, dtype=np.int8)))
    bias, name = fixed(floats(24)), "QAttention"
    mask = ints([1, 1, 0], [0, 1, 1], dtype="i4")
    lengths = ints(2, 3, dtype="i4")
    return [
        microsoft(name, x, weight, bias, SCALE, SCALE, mask, POINT, SIGNED, num_heads=2),
        microsoft(name, x, weight, bias, SCALE, SCALE, lengths, POINT, SIGNED, num_heads=2),
        microsoft(
            *(name, x, weight, bias, SCALE, listed[0], None, POINT, listed[1]),
            floats(2, 2, 2, 5, 4),
            num_heads=2,
            unidirectional=1,
            scale=0.5,
            results=2,
        ),
    ]


def _embeddings() -> list[Node]:
    ids, segments = ints([1, 2, 0], [4, 3, 3], dtype="i4"), ints([0, 1, 1], [0, 0, 1], dtype="i4")
    words, places, kinds = (fixed(packed(count, 8)) for count in (5, 4, 2))
    affine, mask = (fixed(packed(8)), fixed(packed(8))), ints([1, 1, 0], [1, 0, 0], dtype="i4")
    scales, points = [SCALE] * 5, [POINT] * 5
    name = "QEmbedLayerNormalization"
    return [
        microsoft(
            *(name, ids, segments, words, places, kinds, *affine, mask, *scales, *points),
            results=2,
            epsilon=1e-5,
        ),
        microsoft(
            *(name, ids, None, words, places, None, *affine, None),
            *(SCALE, SCALE, None, SCALE, SCALE, POINT, POINT, None, POINT, POINT),
            results=2,
        ),
    ]


def cases() -> list[Node]:
    return [*_attention(), *_embeddings()]
