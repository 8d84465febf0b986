"""Bytes of the LMU that were written with extents of symbols or turns.

They count as written as far as the greatest extents reach. With other numbers there are fewer, and
beside those is what was there before. So what reads such bytes has to read no other ones than were
written, whatever the numbers are; a message has to have what was put of them, no more and no less.
Then a byte that counts as having a tag has it for each number for which it was put.
"""

from collections.abc import Iterable

from runtime.ring.checks.load.memory.growing import NEVER, Grown, agree, has
from runtime.ring.checks.load.memory.runs import Content, Fewer, Kind, Runs
from runtime.ring.checks.load.state import Piece
from runtime.ring.checks.load.touches import Pieces


def least(content: Content, its: Grown, low: int, high: int) -> Kind:
    """Who has what an operand reads of the bytes of a run, with whatever numbers."""
    beside = (f.otherwise for f in content.fewer if not has(f.grown, its, low, high))
    return min(content.kind, *beside, Kind.WHOLE)


def beneath(lmu: Runs, base: int, parts: Pieces) -> Kind:
    """Who has what an operand is written over: nobody knows where some of it was exchanged."""
    worst = Kind.SAME
    for low, high in parts:
        for *_, held in lmu.within(base + low, base + high):
            if isinstance(held, list) or held.kind is Kind.WHOLE:
                return Kind.LOST
            worst = min(worst, held.kind, *(fewer.otherwise for fewer in held.fewer))
    return worst


def at_most(fewer: Iterable[Fewer], kind: Kind) -> frozenset[Fewer]:
    """What there is where something of a kind may have been written over it."""
    return frozenset(f._replace(otherwise=min(f.otherwise, kind)) for f in fewer)


def of_block(its: Grown, parts: Pieces) -> Grown | None:
    """How much there is of a block: None if all of it, whatever the numbers are.

    Nobody knows it where the parts of devices overlap.
    """
    if its.is_fixed:
        return None
    places = sorted((base + low, base + high) for base in its.bases for low, high in parts)
    ends = [end for _, end in places[:-1]]
    is_apart = all(end <= low for end, (low, _) in zip(ends, places[1:], strict=True))
    return its if is_apart else NEVER


def is_of_block(its: Grown, piece: Piece, put: Grown | None) -> bool:
    """Whether of a piece of a message there is what was put, with whatever numbers.

    Both are looked at where the device has them that put the piece.
    """
    length, address, tag = piece
    if put is None or put is NEVER:
        return False
    origin = put.bases[tag.origin]
    sent = its._replace(bases=(its.bases[0] + tag.shift - origin,))
    low = address + tag.shift - origin
    return agree(put._replace(bases=(0,)), sent, low, low + length)


def forget_turn(lmu: Runs, loop: int) -> None:
    """Behind a turn of a loop nobody knows how much there is of what its counter says."""
    for index, held in enumerate(lmu.held):
        if not isinstance(held, Content) or not held.fewer:
            continue
        if any(fewer.grown.is_of(loop) for fewer in held.fewer):
            fewer = (f._replace(grown=NEVER) if f.grown.is_of(loop) else f for f in held.fewer)
            lmu.held[index] = held._replace(fewer=frozenset(fewer))
