"""Axes that are split or merged, and what becomes of the blocks that they were cut into."""

from collections.abc import Sequence
from math import prod


def split_axes(shape: Sequence[int], target: Sequence[int]) -> list[list[int]] | None:
    """For each axis the extents it becomes in `target`; None when axes merge."""
    groups: list[list[int]] = []
    at = 0
    for extent in shape:
        group: list[int] = []
        while prod(group) < extent and at < len(target):
            group.append(target[at])
            at += 1
        if prod(group) != extent:
            return None
        groups.append(group)
    if groups:
        groups[-1].extend(target[at:])
    return groups if prod(target[at:]) == 1 else None


def reshaped_blocks(
    shape: Sequence[int], blocks: Sequence[int], target: Sequence[int]
) -> tuple[int, ...] | None:
    """
    How long blocks are along the axes of another shape, each of the same elements in order.

    None where a block would be no box, or where some axes are split while others merge.
    """
    groups = split_axes(shape, target)
    if groups is not None:
        parts = [_split_blocks(b, group) for b, group in zip(blocks, groups, strict=True)]
        known = [part for part in parts if part is not None]
        return tuple(b for part in known for b in part) if len(known) == len(parts) else None
    groups = split_axes(target, shape)
    if groups is None:
        return None
    merged: list[int] = []
    at = 0
    for group in groups:
        block = _merged_block(group, blocks[at : at + len(group)])
        if block is None:
            return None
        merged.append(block)
        at += len(group)
    return tuple(merged)


def _split_blocks(block: int, extents: Sequence[int]) -> list[int] | None:
    """The blocks of the axes that one becomes, found from the innermost on."""
    found: list[int] = []
    for extent in reversed(extents[1:]):
        if extent % block and block % extent:
            return None
        found.append(min(block, extent))
        block = max(1, block // extent)
    return [*([block] if extents else []), *reversed(found)]


def _merged_block(extents: Sequence[int], blocks: Sequence[int]) -> int | None:
    """The block of the axis that some become, found from the innermost on."""
    whole, block = 1, 1
    for extent, outer in zip(reversed(extents), reversed(blocks), strict=True):
        if extent == 1:
            continue
        if block >= whole:
            block = outer * whole
        elif outer > 1 or whole % block:
            return None
        whole *= extent
    return block
