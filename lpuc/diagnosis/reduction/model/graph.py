"""The graph of a model as text of names: what nodes read, and models made of some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


def reads(node: NodeProto) -> set[str]:
    """The values that a node reads, those that its bodies take from around it included."""
    return {name for name in node.input if name} | captured(node)


def captured(node: NodeProto) -> set[str]:
    """What the bodies of a node read of the graph around it."""
    return {name for body in bodies(node) for name in _free(body)}


def bodies(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs among the attributes of a node."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _free(graph: GraphProto) -> set[str]:
    """The names that a graph reads and does not define."""
    defined = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    read: set[str] = set()
    for node in graph.node:
        read |= reads(node) - defined
        defined |= set(node.output)
    return read | ({value.name for value in graph.output} - defined)


def results(node: NodeProto) -> list[str]:
    """The values that a node gives."""
    return [name for name in node.output if name]


@dataclass(frozen=True)
class Parts:
    """What a model is made of, in the order of the file."""

    nodes: Sequence[NodeProto]
    inputs: Sequence[ValueInfoProto]
    outputs: Sequence[ValueInfoProto]
    constants: Mapping[str, TensorProto]

    @staticmethod
    def of(model: ModelProto) -> Parts:
        """The parts of a model; constants that are inputs, too, are constants alone."""
        graph = model.graph
        constants = {tensor.name: tensor for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in constants]
        return Parts(list(graph.node), inputs, list(graph.output), constants)

    def live(self) -> Parts:
        """Without what no output needs."""
        needed, kept = {value.name for value in self.outputs}, list[NodeProto]()
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed |= reads(node)
                kept.append(node)
        inputs = [value for value in self.inputs if value.name in needed]
        constants = {name: t for name, t in self.constants.items() if name in needed}
        return Parts(kept[::-1], inputs, self.outputs, constants)

    def model(self, like: ModelProto) -> ModelProto:
        """A model of these parts, with the operators and functions of another one."""
        graph = helper.make_graph(
            self.nodes, "reduced", self.inputs, self.outputs, list(self.constants.values())
        )
        functions = _called(self.nodes, like)
        domains = {domain for nodes in (self.nodes, *(f.node for f in functions))
                   for domain in _domains(nodes)}  # fmt: skip
        opsets = [entry for entry in like.opset_import if _domain(entry.domain) in domains]
        return helper.make_model(
            graph,
            opset_imports=opsets or list(like.opset_import),
            functions=functions,
            ir_version=like.ir_version,
        )


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _domains(nodes: Iterable[NodeProto]) -> set[str]:
    """The domains of operators in nodes and their bodies."""
    found: set[str] = set()
    for node in nodes:
        found.add(_domain(node.domain))
        for body in bodies(node):
            found |= _domains(body.node)
    return found


def _called(nodes: Iterable[NodeProto], model: ModelProto) -> list[Any]:
    """The functions of a model that nodes call, directly or through others."""
    known = {(f.domain, f.name): f for f in model.functions}
    called: dict[tuple[str, str], None] = {}
    todo = list(nodes)
    while todo:
        node = todo.pop()
        key = (node.domain, node.op_type)
        todo += [inner for body in bodies(node) for inner in body.node]
        if key in known and key not in called:
            called[key] = None
            todo += known[key].node
    return [function for key, function in known.items() if key in called]


def info(name: str, arrays: Sequence[Array], names: Sequence[str] | None = None) -> ValueInfoProto:
    """The type of a value; extents that differ between calls are open, or have given names."""
    columns = zip(*(array.shape for array in arrays), strict=True)
    dims: list[int | str | None] = [c[0] if len(set(c)) == 1 else None for c in columns]
    if names is not None and len(names) == len(dims):
        dims = [given or extent for given, extent in zip(names, dims, strict=True)]
    dtype = helper.np_dtype_to_tensor_dtype(arrays[0].dtype)
    return helper.make_tensor_value_info(name, dtype, dims)


def tensor(name: str, array: Array) -> TensorProto:
    """A constant."""
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
