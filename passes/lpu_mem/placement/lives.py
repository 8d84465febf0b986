"""
How long each buffer is in use, and first-fit placement of buffers that share a memory.

Operations are numbered in program order. A buffer lives from its first to its last use; where it is
used inside a loop that it was made outside of, it lives as long as the whole loop.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue, Use

from dialects.lpu_mem.ops import AllocOp, DataOp, buffer_of

WORD = 8
"""Alignment of the smallest buffers: that of the largest element."""


@dataclass(slots=True)
class Life:
    """A buffer and the numbers of the operations between which it is live, both inclusive."""

    value: SSAValue
    first: int
    last: int
    nbytes: int = 0
    address: int = 0

    def __post_init__(self) -> None:
        self.nbytes = max(buffer_of(self.value).nbytes, 1)


class Positions:
    """First and last number of every operation of a function, those in its regions included."""

    def __init__(self, func: FuncOp) -> None:
        self.span: dict[Operation, tuple[int, int]] = {}
        self.end = 0
        self._number(func.body.block)

    def _number(self, block: Block) -> None:
        for op in block.ops:
            first = self.end
            self.end += 1
            for region in op.regions:
                for inner in region.blocks:
                    self._number(inner)
            self.span[op] = (first, self.end - 1)

    def use(self, op: Operation, block: Block) -> tuple[int, int]:
        """The span of an operation, seen from a block around it."""
        while op.parent is not block:
            around = op.parent_op()
            assert around is not None, "a buffer is used outside of its block"
            op = around
        return self.span[op]


def lives_of(func: FuncOp) -> tuple[dict[SSAValue, Life], int]:
    """The life of every buffer that an `alloc` makes and something uses; how many numbers."""
    positions = Positions(func)
    lives: dict[SSAValue, Life] = {}
    for op in positions.span:
        if not isinstance(op, AllocOp) or op.result.first_use is None:
            continue
        block = op.parent
        assert block is not None
        spans = [positions.use(use.operation, block) for use in op.result.uses]
        first, last = min(s[0] for s in spans), max(s[1] for s in spans)
        lives[op.result] = Life(op.result, first, last)
    return lives, positions.end


def shadows(lives: Iterable[Life], func: FuncOp) -> dict[SSAValue, int]:
    """Until when the last use of a buffer may still go on: to the first reader of what it writes.

    Engines run ahead of each other. What a product reads is read while vector work behind it goes
    on that does not need its result, and would wait if it wrote to the same place.
    """
    positions, found = Positions(func), dict[SSAValue, int]()
    for life in lives:
        found[life.value] = life.last
        for use in life.value.uses:
            op = use.operation
            if positions.span[op][1] != life.last or not isinstance(op, DataOp):
                continue
            block = op.parent
            assert block is not None
            written = [reader for value in op.operands[: op.WRITES] for reader in value.uses]
            later = [positions.use(r.operation, block)[0] for r in written if _is_within(r, block)]
            found[life.value] = min((at for at in later if at > life.last), default=life.last)
    return found


def _is_within(use: Use, block: Block) -> bool:
    return block.find_ancestor_op_in_block(use.operation) is not None


def up(value: int, alignment: int) -> int:
    """The smallest multiple of the alignment that is not below the value."""
    return -(-value // alignment) * alignment


def _step(life: Life, alignment: int) -> int:
    """The alignment of a buffer: a small one needs no more than its size, rounded up."""
    return min(alignment, max(WORD, 1 << (life.nbytes - 1).bit_length()))


def place(lives: Iterable[Life], alignment: int, start: int = 0) -> int:
    """First fit from `start` on: buffers that are live at once are disjoint. Returns the end."""
    active: list[Life] = []
    peak = start
    for life in sorted(lives, key=lambda x: x.first):
        active = [other for other in active if other.last >= life.first]
        life.address = _first_gap(active, life, alignment, start)
        insort(active, life, key=lambda x: x.address)
        peak = max(peak, life.address + life.nbytes)
    return peak


def place_apart(lives: Iterable[Life], alignment: int, start: int, end: int) -> bool:
    """
    Next fit between `start` and `end`: a buffer goes behind the one before, and around at the end.

    So an engine that runs ahead does not wait for the last reader of a place. False if a buffer
    finds no room; then the addresses mean nothing.
    """
    active: list[Life] = []
    cursor = start
    for life in sorted(lives, key=lambda x: x.first):
        active = [other for other in active if other.last >= life.first]
        life.address = _first_gap(active, life, alignment, cursor)
        if life.address + life.nbytes > end:
            life.address = _first_gap(active, life, alignment, start)
        cursor = life.address + life.nbytes
        if cursor > end:
            return False
        insort(active, life, key=lambda x: x.address)
    return True


def _first_gap(active: Sequence[Life], life: Life, alignment: int, start: int) -> int:
    """The lowest address from `start` on with room among buffers sorted by address."""
    step = _step(life, alignment)
    at = up(start, step)
    for other in active:
        if other.address + other.nbytes <= at:
            continue
        if at + life.nbytes <= other.address:
            break
        at = up(other.address + other.nbytes, step)
    return at
