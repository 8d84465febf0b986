"""
Local functions of a model: what inlining them would make, and the attributes a call gives a body.

A body refers to attributes of its function; a reference becomes the value that the call gives, or
the function's default, or nothing, so that the default of the operator holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto

from dialects.errors import CompileError
from dialects.names import escape
from lpuc.onnx_import.budgets import Budgets

NESTING = 64

Key = tuple[str, str, str]

Attributes = Mapping[str, AttributeProto]


def _key(domain: str, name: str, overload: str) -> Key:
    return ("" if domain == "ai.onnx" else domain, name, overload)


def key_of(node: NodeProto) -> Key:
    """What names the function that a node may call."""
    return _key(node.domain, node.op_type, node.overload)


def graphs_of(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs that a node holds: the branches of an If."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g


class _Sizes:
    """Counts nodes after inlining, each function once."""

    def __init__(self, functions: Mapping[Key, FunctionProto]) -> None:
        self.functions = functions
        self.sizes: dict[Key, int] = {}

    def nodes(self, nodes: Iterable[NodeProto], calls: tuple[Key, ...] = ()) -> int:
        return sum(self._node(node, calls) for node in nodes)

    def _node(self, node: NodeProto, calls: tuple[Key, ...]) -> int:
        key = key_of(node)
        if key not in self.functions:
            return 1 + sum(self.nodes(graph.node, calls) for graph in graphs_of(node))
        name = escape(node.op_type)
        if key in calls:
            raise CompileError(f"the function '{name}' calls itself")
        if len(calls) >= NESTING:
            raise CompileError(f"functions call each other more than {NESTING} deep at '{name}'")
        if key not in self.sizes:
            self.sizes[key] = self.nodes(self.functions[key].node, (*calls, key))
        return self.sizes[key]


def functions_of(model: ModelProto, budgets: Budgets) -> Mapping[Key, FunctionProto]:
    """The functions of a model, after counting the nodes that their calls stand for."""
    functions: dict[Key, FunctionProto] = {}
    for function in model.functions:
        key = _key(function.domain, function.name, function.overload)
        if key in functions:
            raise CompileError(f"the function '{escape(function.name)}' is defined twice")
        functions[key] = function
    sizes = _Sizes(functions)
    budgets.check("nodes", sizes.nodes(model.graph.node), "nodes after inlining functions")
    return functions


def call_attributes(call: NodeProto, function: FunctionProto) -> Attributes:
    """What the attributes of a function are in one call: those given, else their defaults."""
    given = {attribute.name: attribute for attribute in call.attribute}
    defaults = {attribute.name: attribute for attribute in function.attribute_proto}
    unknown = sorted(set(given) - set(defaults) - set(function.attribute))
    if unknown:
        raise CompileError(f"the function has no attribute '{escape(unknown[0])}'")
    return defaults | given


def resolved(node: NodeProto, attributes: Attributes) -> NodeProto:
    """A node whose references to attributes of its function are replaced by their values."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    copy = NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for attribute in node.attribute:
        value = attributes.get(attribute.ref_attr_name)
        if not attribute.ref_attr_name:
            copy.attribute.append(attribute)
        elif value is not None:
            copy.attribute.append(value)
            copy.attribute[-1].name = attribute.name
    return copy
