"""Weights with their last two axes swapped, in the simplest form."""

from __future__ import annotations

from dialects.lpu.weights import Cast, Concat, Stack, Transpose, Weight


def transposed(weight: Weight) -> Weight:
    """
    A weight with its last two axes swapped.

    What is transposed already becomes its source, also below casts, stacks and concatenations.
    """
    rank = len(weight.shape)
    perm = (*range(rank - 2), rank - 1, rank - 2)
    match weight:
        case Transpose():
            combined = tuple(weight.perm[axis] for axis in perm)
            is_identity = combined == tuple(range(rank))
            return weight.source if is_identity else Transpose(weight.source, combined)
        case Cast():
            return Cast(transposed(weight.source), weight.dtype)
        case Stack() if rank > 2:
            return Stack(tuple(map(transposed, weight.sources)))
        case Concat():
            return Concat(tuple(map(transposed, weight.sources)), perm[weight.axis])
        case _:
            return Transpose(weight, perm)
