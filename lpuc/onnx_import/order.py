"""
The order of a graph's nodes: a node comes behind those whose values it reads.

The standard asks files to be in such an order. Converters write others, and runtimes sort them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from onnx import NodeProto

from lpuc.onnx_import.functions import graphs_of


def names_read(nodes: Iterable[NodeProto]) -> set[str]:
    """All names that nodes read, those in their branches included."""
    found: set[str] = set()
    for node in nodes:
        found.update(filter(None, node.input))
        for graph in graphs_of(node):
            found |= names_read(graph.node)
            found.update(output.name for output in graph.output)
    return found


def in_order(
    nodes: Sequence[NodeProto], knows: Callable[[str], bool]
) -> Iterator[tuple[int, NodeProto]]:
    """
    The nodes and their positions in the file, as the file has them unless one comes too early.

    Each is to be read before the next is asked for: `knows` says whether a name is defined by
    then. The nodes of a cycle come last.
    """
    for index, node in enumerate(nodes):
        if not all(map(knows, names_read([node]))):
            yield from ((index + at, nodes[index + at]) for at in _sorted(nodes[index:]))
            return
        yield index, node


def _sorted(nodes: Sequence[NodeProto]) -> list[int]:
    """Positions such that each comes behind those it needs; of those that can, the first first."""
    makers = {name: at for at, node in enumerate(nodes) for name in node.output}
    needs = [{makers[name] for name in names_read([node]) if name in makers} for node in nodes]
    sorter = TopologicalSorter(dict(enumerate(needs)))
    with suppress(CycleError):  # what is on no cycle, nor behind one, is sorted all the same
        sorter.prepare()
    ready, found = list[int](), list[int]()
    while sorter.is_active():
        for at in sorter.get_ready():
            heappush(ready, at)
        if not ready:
            break
        found.append(heappop(ready))
        sorter.done(found[-1])
    return found + sorted(set(range(len(nodes))) - set(found))
