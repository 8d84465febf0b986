"""
Cuts of several nodes at once that play the same part in repeated layers.

What fails only as long as layers are alike stays whole if nodes go one by one: each of them makes
its layer another one. Layers are found by the distance at which most nodes in a row are followed by
others that compute the same; names, weights and who reads what tell layers apart and play no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import NodeProto

from lpuc.diagnosis.reduction.model.case import Case
from lpuc.diagnosis.reduction.model.cuts import renamed, without
from lpuc.diagnosis.reduction.model.graph import Parts

Group = tuple[int, ...]


def groups(case: Case) -> list[Group]:
    """The nodes, by number, that play the same part in layers; none if nothing repeats."""
    kinds = _kinds(Parts.of(case.model).nodes)
    distance, repeats = _distance(kinds)
    found: dict[int, list[int]] = {}
    for index in np.flatnonzero(repeats).tolist():
        group = found.pop(index, [index])
        found[index + distance] = [*group, index + distance]
    return sorted(tuple(group) for group in found.values())


def without_groups(case: Case, start: int, stop: int) -> Iterator[Case]:
    """Without the nodes of some groups in a row; those of a single one may be bypassed, too."""
    chosen = groups(case)[start:stop]
    yield from without(case, {index for group in chosen for index in group})
    if len(chosen) == 1:
        yield from _bypassed(case, chosen[0])


def _bypassed(case: Case, group: Group) -> Iterator[Case]:
    """Readers of what the nodes give read one of their operands instead, each the same one."""
    nodes = Parts.of(case.model).nodes
    members = [nodes[index] for index in group]
    for place in range(min(len(node.input) for node in members)):
        yield from renamed(case, {node.output[0]: node.input[place] for node in members})


def _kinds(nodes: Sequence[NodeProto]) -> np.ndarray:
    """What each node computes, as a number."""
    known: dict[bytes, int] = {}
    plain = (NodeProto(op_type=n.op_type, domain=n.domain, attribute=n.attribute) for n in nodes)
    keys = [node.SerializeToString(deterministic=True) for node in plain]
    return np.asarray([known.setdefault(key, len(known)) for key in keys], np.int64)


def _distance(kinds: np.ndarray) -> tuple[int, np.ndarray]:
    """
    How far apart layers are, and which nodes are followed by a like one at that distance.

    A node counts if one beside it does, too: single ones are alike by chance.
    """
    best = 0, np.zeros(0, np.bool_)
    for distance in range(1, len(kinds) // 2 + 1):
        alike = kinds[:-distance] == kinds[distance:]
        beside = np.pad(alike, 1)
        alike &= beside[:-2] | beside[2:]
        if alike.sum() > best[1].sum():
            best = distance, alike
    return best
