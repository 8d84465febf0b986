"""
Who depends on whom in the body of a function, by position.

Besides values, a state makes operations depend on each other: a read on the write before it, a
write on everything before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dialects.lpu.control import ReadOp, StateOp, WriteOp
from dialects.lpu.interface import interface_of
from dialects.reading import operands_of, operations
from passes.analysis.functions import is_ordered

OUTSIDE = -1
"""In the place of a position: no operation of the function's body."""


def captured(op: Operation) -> list[SSAValue]:
    """What an operation reads: its operands, and outer values read inside of its regions."""
    if not op.regions:
        return list(op.operands)
    inner = {block for region in op.regions for block in region.blocks}
    found = dict.fromkeys(op.operands)
    for nested in op.walk():
        inner.update(block for region in nested.regions for block in region.blocks)
        found.update(dict.fromkeys(nested.operands))
    return [v for v in found if _block_of(v) not in inner]


def _block_of(value: SSAValue) -> Block | None:
    return value.owner if isinstance(value.owner, Block) else value.owner.parent


@dataclass(frozen=True)
class Graph:
    """Operations by position; what the tokens reach, and what reaches the logits."""

    ops: Sequence[Operation]
    index: Mapping[int, int]
    """The position of each operation, by identity."""
    uses: Sequence[Sequence[SSAValue]]
    """The values that each operation reads, states left out."""
    producers: Sequence[Sequence[int]]
    """For each of those the position where it is defined; `OUTSIDE` for an argument."""
    before: Sequence[Sequence[int]]
    """The operations that each depends on, in the order of operands, those of `memory` last."""
    memory: Mapping[int, Sequence[int]]
    """The operations after which one must run because of a state they share."""
    roots: Sequence[SSAValue]
    """The arguments that the layers work on."""
    results: Sequence[SSAValue]
    """What the function gives."""
    from_roots: bytearray
    dynamic: bytearray
    """Whether an operation depends on a root or on the content of a state."""
    core: bytearray
    """Whether it lies on a way from a root to the logits."""
    sink: int = 0
    """The operation that gives the logits."""

    def producer(self, value: SSAValue) -> int | None:
        """The position of the operation that defines a value; None for an argument."""
        return self.index.get(id(value.owner))


def roots_of(func: FuncOp) -> list[SSAValue]:
    """The token ids; without them what is no mask, position or cache."""
    by_role: dict[str, list[SSAValue]] = {"ids": [], "data": []}
    for argument, role in zip(func.args, interface_of(func).roles, strict=True):
        by_role.setdefault(role, []).append(argument)
    return by_role["ids"] or by_role["data"]


def memory_order(body: Sequence[Operation]) -> dict[int, list[int]]:
    """For each access of a state, the accesses that must come first."""
    found: dict[int, list[int]] = {}
    writes: dict[SSAValue, int] = {}
    reads: dict[SSAValue, list[int]] = {}
    for position, op in enumerate(body):
        if not is_ordered(type(op)):
            continue
        for state in _states(op):
            last = [writes[state]] if state in writes else []
            if isinstance(op, ReadOp):
                reads.setdefault(state, []).append(position)
            else:
                last = [*reads.pop(state, ()), *last]
                writes[state] = position
            found.setdefault(position, []).extend(last)
    return found


def _states(op: Operation) -> list[SSAValue]:
    if isinstance(op, ReadOp | WriteOp):
        return [op.state]
    return [v for v in captured(op) if isinstance(v.owner, StateOp)]


def build_graph(func: FuncOp) -> Graph | None:
    """The graph of a function; None if its results do not depend on a root."""
    terminator = func.body.block.last_op
    assert isinstance(terminator, ReturnOp)
    body = [op for op in operations(func.body.block) if op is not terminator]
    index = {id(op): position for position, op in enumerate(body)}
    uses = [
        [v for v in captured(op) if type(v.owner) is not StateOp]
        if is_ordered(type(op))
        else operands_of(op)
        for op in body
    ]
    producers = [[index.get(id(v.owner), OUTSIDE) for v in values] for values in uses]
    memory = memory_order(body)
    before = [[p for p in found if p >= 0] for found in producers]
    for position, earlier in memory.items():
        before[position] += earlier
    roots, results = roots_of(func), operands_of(terminator)
    flags = _flags(len(body))
    graph = Graph(body, index, uses, producers, before, memory, roots, results, *flags)
    depth = _mark_dependent(graph)
    ends = [p for p in map(graph.producer, results) if p is not None and graph.from_roots[p]]
    if not ends:
        return None
    sink = max(ends, key=lambda p: (depth[p], p))
    _mark_core(graph, sink)
    return replace(graph, sink=sink)


def _flags(size: int) -> tuple[bytearray, bytearray, bytearray]:
    return bytearray(size), bytearray(size), bytearray(size)


def _mark_dependent(graph: Graph) -> list[int]:
    """Fill `from_roots` and `dynamic`; how many operations lie on the longest way to each."""
    from_roots, dynamic, depth = graph.from_roots, graph.dynamic, [0] * len(graph.ops)
    at_roots = {use.operation for root in graph.roots for use in root.uses}
    for position, op in enumerate(graph.ops):
        if is_ordered(type(op)):
            dynamic[position] = 1
        if op in at_roots:
            from_roots[position] = dynamic[position] = 1
        for producer in graph.before[position]:
            if from_roots[producer]:
                from_roots[position] = dynamic[position] = 1
                depth[position] = max(depth[position], depth[producer] + 1)
            elif dynamic[producer]:
                dynamic[position] = 1
    return depth


def _mark_core(graph: Graph, sink: int) -> None:
    """Fill `core`."""
    reaches = bytearray(len(graph.ops))
    reaches[sink] = 1
    for position in range(sink, -1, -1):
        if reaches[position]:
            graph.core[position] = graph.from_roots[position]
            for producer in graph.before[position]:
                reaches[producer] = 1


class Kinds:
    """Numbers operations and types such that equal ones have equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._identical: dict[tuple[object, ...], int] = {}
        """The numbers of operations by the identities of what they are made of, which is held."""
        self._held: list[list[Attribute]] = []

    def of_type(self, kind: Attribute, role: str) -> int:
        """The number of a leaf: its type, and what it is to the layers."""
        return self._number((role, kind))

    def of_op(self, op: Operation) -> int:
        """The number of an operation: everything but its operands."""
        if op.regions:
            return self._number(op)
        properties, attributes = op.properties, op.attributes
        types = [v.type for v in op.results]
        parts = [*properties.values(), *attributes.values(), *types]
        same = (type(op), len(properties), *properties, *attributes, *map(id, parts))
        known = self._identical.get(same)
        if known is None:
            key = (type(op), _entries(properties), _entries(attributes), tuple(types))
            known = self._identical[same] = self._number(key)
            self._held.append(parts)
        return known

    def of_tokens(self, tokens: tuple[int, ...]) -> int:
        """The number of a sequence of numbers."""
        return self._number(tokens)

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def _entries(attributes: dict[str, Attribute]) -> object:
    """The entries in a form that does not depend on their order."""
    if len(attributes) < 2:
        return tuple(attributes.items())
    return frozenset(attributes.items())
