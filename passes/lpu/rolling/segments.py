"""
Cut the way from the tokens to the logits into segments, and give equal segments equal numbers.

A cut is an operation that no value jumps over: all that follows hangs on its one result, which a
loop will carry. States do not count: they are memory, and layers may read those of others.

A segment is written down from its end backwards, in the order of operands, so neither names nor the
order of operations in the file matter. What it reads from outside counts by its type alone:
weights, masks and tables differ between layers that are alike.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.ir import Operation, SSAValue

from dialects.lpu.control import ReadOp, WriteOp
from dialects.lpu.products import MatmulOp
from passes.analysis.functions import is_ordered
from passes.lpu.rolling.graph import OUTSIDE, Graph, Kinds


class Segment(NamedTuple):
    """What lies behind one cut, up to the next."""

    start: SSAValue | None
    """The value at the cut before; None where several values come in."""
    end: SSAValue
    nodes: tuple[int, ...]
    """Positions of the operations, in the order in which they are written down."""
    signature: int
    has_state: bool
    has_product: bool


def last_uses(graph: Graph, invariants: Set[SSAValue]) -> dict[SSAValue, int]:
    """The last position where each value is used on the way to the logits, invariants left out."""
    core, uses = graph.core, graph.uses
    last = {v: at for at in range(graph.sink + 1) if core[at] for v in uses[at]}
    for value in invariants:
        last.pop(value, None)
    return last


def cuts(graph: Graph, last: dict[SSAValue, int]) -> list[tuple[SSAValue | None, int]]:
    """The values of the cuts and the positions where they are defined, -1 for the start."""
    roots = [value for value in graph.roots if value in last]
    found: list[tuple[SSAValue | None, int]] = [(roots[0] if len(roots) == 1 else None, -1)]
    reach = max((last[value] for value in roots), default=-1)
    for position in range(graph.sink + 1):
        if graph.core[position]:
            results = graph.ops[position].results
            if len(results) != 1:
                reach = max([reach, *(last.get(value, -1) for value in results)])
                continue
            if reach <= position:
                found.append((results[0], position))
            reach = max(reach, last.get(results[0], -1))
    return found


def longest_lived(graph: Graph, last: dict[SSAValue, int]) -> SSAValue | None:
    """The value on the way to the logits between whose definition and last use lies most."""
    spans = {value: at - (graph.producer(value) or 0) for value, at in last.items()}
    core = {
        value: span
        for value, span in spans.items()
        if value in graph.roots or graph.core[graph.producer(value) or 0]
    }
    return max(core, key=core.__getitem__, default=None)


@dataclass
class Writer:
    """Writes segments down."""

    graph: Graph
    invariants: Set[SSAValue]
    kinds: Kinds
    segment_of: dict[int, int] = field(default_factory=dict[int, int])
    """The segment of each operation that depends on the tokens, by position."""
    invariant: set[int] = field(init=False)
    """Where invariants are defined by operations that define nothing else."""

    def __post_init__(self) -> None:
        owners = (self.graph.producer(value) for value in self.invariants)
        found = (p for p in owners if p is not None)
        self.invariant = {p for p in found if len(self.graph.ops[p].results) == 1}

    def segments(self, found: list[tuple[SSAValue | None, int]]) -> list[Segment]:
        """All segments between cuts."""
        ends = [position for _, position in found[1:]]
        members = self._members(ends)
        return [
            _Written(self, number, start).segment(end, members[number])
            for number, ((start, _), end) in enumerate(zip(found, ends, strict=False))
        ]

    def _members(self, ends: list[int]) -> list[list[int]]:
        """
        What hangs on the operations of each segment without leading to the logits.

        What reads values of several segments belongs to none, nor does what follows the last cut:
        logits that are one of several results are no cut.
        """
        graph, number = self.graph, 0
        members: list[list[int]] = [[] for _ in ends]
        for position in range(max(ends, default=-1) + 1):
            if graph.core[position]:
                self.segment_of[position] = number
                number += position == ends[number]
        ended = set(ends)
        for position in range(len(graph.ops)):
            if graph.from_roots[position] and not graph.core[position]:
                segment = self._segment_of_side(position, ended)
                if segment is not None:
                    self.segment_of[position] = segment
                    members[segment].append(position)
        return members

    def _segment_of_side(self, position: int, ended: Set[int]) -> int | None:
        inside: set[int | None] = set()
        at_cuts: set[int] = set()
        graph = self.graph
        for value, producer in zip(graph.uses[position], graph.producers[position], strict=True):
            if producer == OUTSIDE or not graph.from_roots[producer] or value in self.invariants:
                continue
            segment = self.segment_of.get(producer)
            if segment is not None and producer in ended:
                at_cuts.add(segment)
            else:
                inside.add(segment)
        inside.update(
            self.segment_of.get(earlier)
            for earlier in graph.memory.get(position, ())
            if graph.from_roots[earlier]
        )
        if not inside and len(at_cuts) == 1:
            return at_cuts.pop()
        segment = inside.pop() if len(inside) == 1 else None
        fits = segment is not None and at_cuts <= {segment - 1, segment}
        return segment if fits else None


class _Written:
    """One segment while it is being written down."""

    def __init__(self, writer: Writer, number: int, start: SSAValue | None) -> None:
        self.writer, self.number, self.start = writer, number, start
        self.numbers: dict[int, int] = {}
        self.states: dict[SSAValue, int] = {}
        self.tokens: list[int] = []
        self.has_state = False
        begins = None if start is None else writer.graph.producer(start)
        self.outer = writer.invariant if begins is None else {begins, *writer.invariant}
        """Where what comes in is defined: a cut is the only result of its operation."""

    def segment(self, end: int, members: list[int]) -> Segment:
        for root in (end, *reversed(members)):
            self._write(root)
        graph = self.writer.graph
        return Segment(
            self.start,
            graph.ops[end].results[0],
            tuple(self.numbers),
            self.writer.kinds.of_tokens(tuple(self.tokens)),
            self.has_state,
            any([type(graph.ops[position]) is MatmulOp for position in self.numbers]),
        )

    def _write(self, root: int) -> None:
        """Write an operation down, behind everything it depends on within the segment."""
        stack, numbers = [root], self.numbers
        before = self.writer.graph.before
        while stack:
            position = stack.pop()
            if position < 0:
                self._write_one(~position)
            elif position not in numbers:
                missing = [p for p in before[position] if p not in numbers and self._is_inner(p)]
                if missing:
                    stack.append(~position)  # behind what it misses
                    stack.extend(reversed(missing))
                else:
                    self._write_one(position)

    def _write_one(self, position: int) -> None:
        graph, kinds, op = self.writer.graph, self.writer.kinds, self.writer.graph.ops[position]
        tokens, numbers = self.tokens, self.numbers
        tokens.append(kinds.of_op(op))
        if is_ordered(type(op)):
            self._write_state(op)
        for value, producer in zip(graph.uses[position], graph.producers[position], strict=True):
            number = numbers.get(producer)
            if number is None:
                tokens.append(-1 - kinds.of_type(value.type, self._role(value, producer)))
            else:
                tokens.append(number)
        for earlier in graph.memory.get(position, ()):
            tokens.append(numbers.get(earlier, -1))
        numbers[position] = len(numbers)

    def _write_state(self, op: Operation) -> None:
        if isinstance(op, ReadOp | WriteOp):
            self.has_state = True
            self.tokens.append(self.writer.kinds.of_type(op.state.type, "state"))
            self.tokens.append(self.states.setdefault(op.state, len(self.states)))

    def _is_inner(self, position: int) -> bool:
        writer, number = self.writer, self.number
        if not writer.graph.dynamic[position] or position in self.outer:
            return False
        if writer.graph.from_roots[position]:
            return writer.segment_of.get(position) == number
        return writer.segment_of.setdefault(position, number) == number

    def _role(self, value: SSAValue, producer: int) -> str:
        if value is self.start:
            return "carried"
        graph = self.writer.graph
        is_outer = producer == OUTSIDE or not graph.dynamic[producer]
        return "outer" if is_outer or value in self.writer.invariants else "jump"
