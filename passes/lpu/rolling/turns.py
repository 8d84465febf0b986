"""
Check that the turns of a repeat are one body with different leaves, without changing anything.

Node `k` of every turn is the same operation. Each of its operands is the result of a node at the
same place in every turn, or the carried value, or a leaf: a column of values from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from dialects.lpu.control import ReadOp, WriteOp
from passes.lpu.rolling.columns import Columns, Leaf, NotRolled
from passes.lpu.rolling.graph import Graph
from passes.lpu.rolling.repeats import Repeat
from passes.lpu.rolling.segments import Segment

Slot = Leaf | None
"""What an operand of the body is; None for a value of the body itself."""


@dataclass
class Turns:
    """A repeat that can become a loop."""

    graph: Graph
    nodes: Sequence[Sequence[int]]
    """For each turn the positions of its operations."""
    starts: Sequence[SSAValue]
    """For each turn the value that comes in."""
    ends: Sequence[SSAValue]
    slots: list[list[Slot]] = field(default_factory=list[list[Slot]])
    """For each operation of the body what its operands are, states left out."""
    states: dict[SSAValue, tuple[SSAValue, ...]] = field(
        default_factory=dict[SSAValue, "tuple[SSAValue, ...]"]
    )
    """For each state of the first turn the states of all."""
    place: dict[int, tuple[int, int]] = field(default_factory=dict[int, "tuple[int, int]"])
    """Turn and place in the body of each operation, by its position."""
    behind: set[int] = field(default_factory=set[int])
    """Positions of the operations that depend on the loop."""

    @property
    def count(self) -> int:
        return len(self.nodes)

    def column(self, place: int) -> list[Operation]:
        """One operation of the body in every turn."""
        return [self.graph.ops[nodes[place]] for nodes in self.nodes]

    def holds(self, op: Operation) -> bool:
        """Whether an operation becomes part of the loop."""
        return self.graph.index.get(id(op)) in self.place

    def merged(self) -> list[tuple[SSAValue, ...]]:
        """The states that become one, by layer."""
        return [column for column in self.states.values() if len(set(column)) > 1]


def turns_of(graph: Graph, segments: Sequence[Segment], repeat: Repeat, columns: Columns) -> Turns:
    """The turns of a repeat; `NotRolled` says why it cannot be a loop."""
    chosen = [[segments[i] for i in turn] for turn in repeat.turns()]
    nodes = [[p for segment in turn for p in segment.nodes] for turn in chosen]
    starts = [turn[0].start for turn in chosen]
    ends = [turn[-1].end for turn in chosen]
    known = [start for start in starts if start is not None]
    if len(known) != len(starts) or len({len(n) for n in nodes}) != 1:
        raise NotRolled("more than one value goes from layer to layer")
    turns = Turns(graph, nodes, known, ends)
    for turn, positions in enumerate(nodes):
        turns.place.update((p, (turn, k)) for k, p in enumerate(positions))
    _mark_behind(turns)
    for place in range(len(nodes[0])):
        _add_slots(turns, place, columns)
    _check_states(turns)
    return turns


def _mark_behind(turns: Turns) -> None:
    """Find what depends on the loop; nothing that the loop needs may."""
    graph, place, behind = turns.graph, turns.place, turns.behind
    for position in range(min(place), max(place)):
        if position not in place and any(
            [p in place or p in behind for p in graph.before[position]]
        ):
            behind.add(position)
    for nodes in turns.nodes:
        for position in nodes:
            for earlier in graph.memory.get(position, ()):
                if earlier in behind:
                    raise NotRolled("layers share a state with what lies between them")


def _add_slots(turns: Turns, place: int, columns: Columns) -> None:
    positions = [nodes[place] for nodes in turns.nodes]
    uses, producers = turns.graph.uses, turns.graph.producers
    column = turns.column(place)
    if isinstance(column[0], ReadOp | WriteOp):
        states = tuple(op.state for op in column if isinstance(op, ReadOp | WriteOp))
        if turns.states.setdefault(states[0], states) != states:
            raise NotRolled("a state belongs to several layers")
    values = zip(*(uses[p] for p in positions), strict=True)
    defined = zip(*(producers[p] for p in positions), strict=True)
    turns.slots.append(
        [_slot(turns, *operand, columns) for operand in zip(values, defined, strict=True)]
    )


def _slot(
    turns: Turns, values: tuple[SSAValue, ...], defined: tuple[int, ...], columns: Columns
) -> Slot:
    if list(values) == list(turns.starts):
        return None
    places = [turns.place.get(position) for position in defined]
    if all([place is None for place in places]):
        if not turns.behind.isdisjoint(defined):
            raise NotRolled("a layer needs what is computed from another layer")
        return columns.leaf(values)
    first = places[0]
    if first is None or places != [(turn, first[1]) for turn in range(turns.count)]:
        raise NotRolled("a layer uses a value of another layer")
    return None


def _check_states(turns: Turns) -> None:
    """States that become one are all different."""
    merged = [state for column in turns.merged() for state in column]
    if len(set(merged)) != len(merged):
        raise NotRolled("a state belongs to several layers")
    if len({state.type for column in turns.merged() for state in column}) > len(turns.merged()):
        raise NotRolled("the states of the layers differ in type")
