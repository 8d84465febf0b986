"""
Ways to make a model smaller: each gives candidates, which may be invalid or right.

What nodes that go away have computed becomes an input with the value that was recorded, or a
constant. Candidates share what does not change with the model that they come from.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from onnx import NodeProto, ValueInfoProto, numpy_helper

from lpuc.diagnosis.reduction.model.case import Case
from lpuc.diagnosis.reduction.model.graph import (
    Array,
    Parts,
    captured,
    info,
    reads,
    results,
    tensor,
)

FEW = 64
"""Integers of at most so many elements are taken for shapes, axes or indices."""


def without_nodes(case: Case, start: int, stop: int) -> Iterator[Case]:
    """Without some nodes in a row; a single one may be bypassed, too."""
    yield from without(case, range(start, stop))
    if stop - start == 1:
        yield from _bypassed(case, start)


def without(case: Case, gone: Container[int]) -> Iterator[Case]:
    """
    Without some nodes, by number.

    Kept nodes whose results only those read go away with them, or their results become outputs.
    """
    assert case.values is not None
    parts = Parts.of(case.model)
    kept = [node for index, node in enumerate(parts.nodes) if index not in gone]
    away = [node for index, node in enumerate(parts.nodes) if index in gone]
    lost = {name for node in away for name in results(node)}
    read = {name for node in kept for name in reads(node)}
    fresh = [name for node in away for name in results(node) if name in read]
    if any(name not in case.values for name in fresh):
        return
    outputs = [value for value in parts.outputs if value.name not in lost]
    for shown in _shown(case, kept, away, outputs):
        for constant in _choices(case, parts, fresh):
            yield _cut(case, replace(parts, nodes=kept, outputs=shown), fresh, constant)


def _shown(
    case: Case, kept: Sequence[NodeProto], away: Sequence[NodeProto], outputs: list[ValueInfoProto]
) -> Iterator[list[ValueInfoProto]]:
    """The outputs to have: those that are left, and those with what nobody would read any more."""
    assert case.values is not None
    if outputs:
        yield outputs
    used = {name for node in kept for name in reads(node)} | {value.name for value in outputs}
    taken = {name for node in away for name in reads(node)} - used
    ends = [n for node in kept for n in results(node) if n in taken and n in case.values]
    if ends:
        yield [*outputs, *(case.info(name) for name in ends)]


def _choices(case: Case, parts: Parts, fresh: Sequence[str]) -> Iterator[set[str]]:
    """Which of the values that nobody computes any more are constants; the others are inputs."""
    assert case.values is not None
    same = {n for n in fresh if all(_equal(a, case.values[n][0]) for a in case.values[n])}
    fixed = same - _varying(parts)
    shapes = {n for n in same if case.values[n][0].dtype.kind in "iub"}
    shapes = {n for n in shapes if case.values[n][0].size <= FEW}
    yield fixed
    yield from (choice for choice in (fixed | shapes, same, set[str]()) if choice != fixed)


def _equal(one: Array, other: Array) -> bool:
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )


def _varying(parts: Parts) -> set[str]:
    """The values that inputs decide."""
    found = {value.name for value in parts.inputs}
    for node in parts.nodes:
        if reads(node) & found:
            found |= set(results(node))
    return found


def _cut(case: Case, parts: Parts, fresh: Sequence[str], constant: Container[str]) -> Case:
    """Some parts, where values that nobody computes are constants or inputs."""
    assert case.values is not None
    fixed = {n: tensor(n, case.values[n][0]) for n in fresh if n in constant}
    fed = {n: case.values[n] for n in fresh if n not in constant}
    inputs = [*parts.inputs, *(case.info(name) for name in fed)]
    return case.made(replace(parts, inputs=inputs, constants={**parts.constants, **fixed}), fed)


def _bypassed(case: Case, index: int) -> Iterator[Case]:
    """Readers of a result read an operand of the same type and shape instead."""
    node = case.model.graph.node[index]
    for name in results(node):
        for operand in dict.fromkeys(node.input):
            yield from renamed(case, {name: operand})


def _alike(case: Case, parts: Parts, name: str, operand: str) -> bool:
    assert case.values is not None
    want, have = case.values.get(name), _arrays(case, parts, operand)
    if not name or not operand or want is None or have is None:
        return False
    return [(a.shape, a.dtype) for a in want] == [(a.shape, a.dtype) for a in have]


def _arrays(case: Case, parts: Parts, name: str) -> Sequence[Array] | None:
    """What a value is in each call, whatever it comes from."""
    assert case.values is not None
    if name in parts.constants:
        return [numpy_helper.to_array(parts.constants[name])] * len(case.calls)
    if name in case.calls[0]:
        return [call[name] for call in case.calls]
    return case.values.get(name)


def renamed(case: Case, names: Mapping[str, str]) -> Iterator[Case]:
    """
    The model in which nobody reads some values, but others of their types and shapes, if they are.

    What comes behind has other values.
    """
    parts = Parts.of(case.model)
    inner = {n for one in parts.nodes for n in captured(one)}
    if inner & names.keys() or not all(_alike(case, parts, *pair) for pair in names.items()):
        return
    names = {name: _last(names, name) for name in names}
    nodes = [_reading(node, names) for node in parts.nodes]
    made = {n for node in parts.nodes for n in results(node)}
    outputs = [value for value in parts.outputs if value.name not in names]
    given = {value.name for value in outputs}
    lost = [names[value.name] for value in parts.outputs if value.name in names]
    outputs += [case.info(n) for n in dict.fromkeys(lost) if n in made and n not in given]
    if outputs:
        yield replace(case.made(replace(parts, nodes=nodes, outputs=outputs)), values=None)


def _last(names: Mapping[str, str], name: str) -> str:
    """What is read at last, where what stands for a value is another that is not read."""
    while name in names:
        name = names[name]
    return name


def _reading(node: NodeProto, names: Mapping[str, str]) -> NodeProto:
    """A node that reads other values."""
    if not names.keys() & set(node.input):
        return node
    changed = NodeProto()
    changed.CopyFrom(node)
    changed.input[:] = [names.get(name, name) for name in node.input]
    return changed


def without_outputs(case: Case, start: int, stop: int) -> Iterator[Case]:
    """Without some outputs in a row."""
    parts = Parts.of(case.model)
    outputs = [*parts.outputs[:start], *parts.outputs[stop:]]
    if outputs:
        yield case.made(replace(parts, outputs=outputs))


def around(case: Case, nodes: Sequence[str], radius: int) -> Iterator[Case]:
    """Nothing but nodes of some names and what lies at most `radius` edges from them."""
    parts = Parts.of(case.model)
    near = {i for i, node in enumerate(parts.nodes) if node.name in nodes}
    if not near:
        return
    for _ in range(radius):
        names = {n for i in near for n in (*reads(parts.nodes[i]), *results(parts.nodes[i]))}
        near |= {i for i, n in enumerate(parts.nodes) if names & {*reads(n), *results(n)}}
    gone = set(range(len(parts.nodes))) - near
    if gone:
        yield from without(case, gone)


def with_numbers(case: Case) -> Iterator[Case]:
    """All extents are those of the inputs."""
    parts = Parts.of(case.model)
    inputs = [info(v.name, [call[v.name] for call in case.calls]) for v in parts.inputs]
    yield replace(case.made(replace(parts, inputs=inputs)), extents={})


def attributes(case: Case) -> list[tuple[int, str]]:
    """The attributes of all nodes, by the number of the node."""
    nodes = case.model.graph.node
    return [(i, a.name) for i, node in enumerate(nodes) for a in node.attribute]


def without_attribute(case: Case, start: int, _stop: int) -> Iterator[Case]:
    """Without one attribute of a node: the default stands for it."""
    index, name = attributes(case)[start]
    changed = _copy(case, index)
    kept = [a for a in changed.attribute if a.name != name]
    del changed.attribute[:]
    changed.attribute.extend(kept)
    yield _with(case, index, changed)


def operands(case: Case) -> list[tuple[int, int]]:
    """The operands of all nodes that have several, by the number of the node."""
    nodes = case.model.graph.node
    named = [(i, [k for k, n in enumerate(node.input) if n]) for i, node in enumerate(nodes)]
    return [(i, k) for i, places in named if len(places) > 1 for k in places]


def without_operand(case: Case, start: int, _stop: int) -> Iterator[Case]:
    """Without one operand of a node: some are optional, some operators take any number."""
    index, operand = operands(case)[start]
    left, gap = _copy(case, index), _copy(case, index)
    del left.input[operand]
    gap.input[operand] = ""
    while gap.input and not gap.input[-1]:
        del gap.input[-1]
    yield from (_with(case, index, changed) for changed in (gap, left))


def _copy(case: Case, index: int) -> NodeProto:
    changed = NodeProto()
    changed.CopyFrom(case.model.graph.node[index])
    return changed


def _with(case: Case, index: int, node: NodeProto) -> Case:
    """The model with another node in the place of one: all values may be others."""
    parts = Parts.of(case.model)
    nodes = [*parts.nodes[:index], node, *parts.nodes[index + 1 :]]
    return replace(case.made(replace(parts, nodes=nodes)), values=None)
