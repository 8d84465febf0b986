"""Weights with their last two axes swapped, in the simplest form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from dialects.lpu.weights import Cast, Concat, Pad, Shard, Slice, Stack, Transpose, Weight

_T = TypeVar("_T")


def transposed(weight: Weight) -> Weight:
    """
    A weight with its last two axes swapped.

    What is transposed already becomes its source, also below casts, stacks, concatenations and what
    leaves out or adds elements: the parts of a tied embedding are one weight, as the whole is.
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
        case Slice():
            offsets, shape = _swapped(weight.offsets), _swapped(weight.shape)
            return Slice(transposed(weight.source), offsets, shape)
        case Pad():
            return Pad(transposed(weight.source), _swapped(weight.shape))
        case Shard():
            sharding = replace(weight.sharding, axes=_swapped(weight.sharding.axes))
            return Shard(transposed(weight.source), sharding)
        case _:
            return Transpose(weight, perm)


def _swapped(axes: Sequence[_T]) -> tuple[_T, ...]:
    """What there is of each axis, with that of the last two in the other order."""
    *others, first, second = axes
    return (*others, second, first)
