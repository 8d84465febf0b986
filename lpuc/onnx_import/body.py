"""
The nodes of a graph, of a branch of an If, or of a function's body, one operation each.

Calls of the model's own functions are read in place, under the opsets that the function imports and
with the attributes of the call or their defaults; names are those of the body alone. A branch sees
the names around it and is a region of `onnx.If`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto
from xdsl.ir import Block, Operation, SSAValue

from dialects.errors import CompileError, Unsupported, location_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.lpu.weights import Weight, WeightAttr
from dialects.names import escape
from dialects.onnx.elements import ELEMENT_TYPES, onnx_name
from dialects.onnx.ops import InitializerOp
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.four_bits import constant_of, read_as_such, rows_of_table
from lpuc.onnx_import.functions import Key, call_attributes, key_of, resolved
from lpuc.onnx_import.lacking import Lacking
from lpuc.onnx_import.nodes import NodeReader, named, node_name, op_label
from lpuc.onnx_import.order import in_order, names_read
from lpuc.onnx_import.reading.model import opsets
from lpuc.onnx_import.reading.regions import if_of, loop_of
from lpuc.onnx_import.standard import standard_function
from lpuc.onnx_import.tensors import LACKING, TensorReader
from passes.rewriting.creation import make
from passes.rewriting.kernel import append

HOLDERS = {"If": if_of, "Loop": loop_of}
"""Nodes that hold graphs."""


@dataclass(frozen=True)
class Shared:
    """What all bodies of one model read with."""

    opsets: Mapping[str, int]
    functions: Mapping[Key, FunctionProto]
    tensors: TensorReader
    budgets: Budgets
    readers: dict[tuple[tuple[str, int], ...], NodeReader] = field(
        default_factory=dict[tuple[tuple[str, int], ...], NodeReader]
    )

    lacking: Lacking = field(default_factory=Lacking)
    """The values of types that the machine lacks."""
    counts: Counter[str] = field(default_factory=Counter[str])
    """How many nodes were read so far."""

    def count(self, nodes: int) -> None:
        """Refuse more nodes than the budget allows; bodies of the standard's functions count."""
        self.counts["nodes"] += nodes
        self.budgets.check("nodes", self.counts["nodes"], "nodes after inlining functions")

    def reader(self, versions: Mapping[str, int]) -> NodeReader:
        """What reads nodes under these opsets, the same for the same."""
        key = tuple(sorted(versions.items()))
        return self.readers.setdefault(key, NodeReader(versions, self.tensors))


def hint(name: str) -> str | None:
    """An SSA name that resembles a name of the model; None if nothing is left of it."""
    if name.isidentifier() and name.isascii() and name == name.strip("_"):
        return name[:64]
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:64]
    if not plain:
        return None
    return f"_{plain}" if plain[0].isdigit() else plain


class Body:
    """Appends to a block; `values` are the names defined so far, None for an absent operand."""

    def __init__(
        self,
        shared: Shared,
        reader: NodeReader,
        block: Block,
        outer: Body | None = None,
        attributes: Mapping[str, AttributeProto] | None = None,
        prefix: str = "",
    ) -> None:
        self.shared, self.reader, self.block, self.outer = shared, reader, block, outer
        self.attributes, self.prefix = attributes or {}, prefix
        self.values: dict[str, SSAValue | None] = {}
        self.short = set[str]()
        """Names of constants that may be of types that the machine lacks."""
        self.kinds = dict[str, int]()
        """Which of those they have."""

    def find(self, name: str) -> SSAValue | None:
        """The value of a name, here or around; KeyError if there is none."""
        if name in self.values:
            return self.values[name]
        if self.outer is None:
            raise KeyError(name)
        return self.outer.find(name)

    def knows(self, name: str) -> bool:
        return name in self.values or (self.outer is not None and self.outer.knows(name))

    def define(self, name: str, value: SSAValue | None, what: str) -> None:
        """Give a value its name; CompileError if something has it already."""
        size = len(name.encode())
        self.shared.budgets.check("name_bytes", size, f"the length of the name of {what}")
        if self.knows(name):
            raise CompileError(f"'{escape(name)}' is defined twice, by {what} too")
        self.values[name] = value
        if value is not None:
            value.name_hint = hint(name)

    def weights(self, graph: GraphProto) -> dict[str, Weight]:
        """The constants of a graph by name; of types that nothing has none that is unread."""
        if graph.sparse_initializer:
            raise Unsupported("the graph has sparse initializers", hint="store them densely")
        weights, unread = dict[str, Weight](), set[str]()
        names = (
            used(graph) if any(t.data_type not in ELEMENT_TYPES for t in graph.initializer) else ()
        )
        self.short = read_as_such(graph)
        for tensor in graph.initializer:
            what = f"the initializer '{escape(tensor.name)}'"
            if not tensor.name or tensor.name in weights or tensor.name in unread:
                raise CompileError(f"{what} has no name of its own")
            read = self.shared.tensors
            taken = tensor.data_type in LACKING and tensor.name in self.short
            if not taken and tensor.data_type not in ELEMENT_TYPES and tensor.name not in names:
                unread.add(tensor.name)
                continue
            weights[tensor.name] = (read.short if taken else read.weight)(tensor, what)
            if taken:
                self.kinds[tensor.name] = tensor.data_type
        return weights

    def _constants(self, weights: Mapping[str, Weight], names: set[str]) -> None:
        """An operation for each constant that is used."""
        for name, weight in weights.items():
            if name not in names:
                continue
            op = _constant(weight, escape(name))
            append(op, self.block)
            self.define(name, op.results[0], "an initializer")
            self.shared.lacking.held(op.results[0], self.kinds.get(name, 0))

    def _nodes(self, nodes: Sequence[NodeProto], sortable: bool) -> None:
        """Operations for all nodes; those of a branch or a function must be in order."""
        self.shared.count(len(nodes))
        for index, proto in in_order(nodes, self.knows) if sortable else enumerate(nodes):
            name = self.prefix + node_name(proto, index)
            self.shared.budgets.check("name_bytes", len(name), f"the name of node {index}")
            node = resolved(proto, self.attributes)
            inputs = [self._value(n, node, name, nodes) if n else None for n in named(node.input)]
            self._node(node, name, inputs)

    def _value(
        self, name: str, node: NodeProto, where: str, nodes: Sequence[NodeProto]
    ) -> SSAValue | None:
        if self.knows(name):
            return self.find(name)
        later = next((n for n in nodes if name in n.output), None)
        message = f"input '{escape(name)}' is not defined"
        if later is not None:
            producer = escape(later.name) or later.op_type
            message += f" before this node, but by the node {producer}"
        reason = "the nodes form a cycle, or are not in order" if later is not None else None
        raise CompileError(message, node=where, op=op_label(node), hint=reason)

    def _node(self, node: NodeProto, name: str, inputs: Sequence[SSAValue | None]) -> None:
        lacking = self.shared.lacking
        lacking.check(node, name, inputs)
        scaled = lacking.quantised(node, name, inputs)
        if scaled is not None:
            with lacking.opened():
                self._call(node, name, scaled[0], inputs)
            self._hold(node.output[0], scaled[1])
            return
        function = self.shared.functions.get(key_of(node))
        function = function or rows_of_table(node, name, inputs)
        function = function or standard_function(node, self.reader.opsets, inputs)
        if function is not None:
            self._call(node, name, function, inputs)
            return
        numbers = constant_of(node) if self.short.issuperset(node.output) else None
        if numbers is not None:
            op: Operation = _constant(self.shared.tensors.short(numbers, f"node {name}"), name)
            lacking.held(op.results[0], numbers.data_type)
        elif node.op_type in HOLDERS and node.domain in ("", "ai.onnx"):
            op = self._holder(node, name, inputs)
        else:
            op = self.reader.build(node, name, inputs)
        append(op, self.block)
        for output, result in zip(node.output, op.results, strict=False):
            lacking.moved(node, inputs, result)
            if output:
                self.define(output, result, f"node {name}")

    def _hold(self, name: str, kind: int) -> None:
        """Note that a value is meant to have a type that the machine lacks."""
        value = self.find(name)
        if value is not None:
            self.shared.lacking.held(value, kind)

    def _call(
        self, call: NodeProto, name: str, function: FunctionProto, inputs: Sequence[SSAValue | None]
    ) -> None:
        where = {"node": name, "op": op_label(call)}
        try:
            attributes = call_attributes(call, function)
        except CompileError as error:
            raise CompileError(error.message, **where) from None
        if len(inputs) > len(function.input) or len(call.output) > len(function.output):
            takes = f"{len(function.input)} inputs and {len(function.output)} outputs"
            raise CompileError(f"the function has {takes}", **where)
        versions = opsets(function.opset_import) if function.opset_import else self.shared.opsets
        body = Body(
            self.shared,
            self.shared.reader(versions),
            self.block,
            attributes=attributes,
            prefix=f"{name}/",
        )
        absent = [None] * (len(function.input) - len(inputs))
        body.values.update(zip(function.input, [*inputs, *absent], strict=True))
        body._nodes(function.node, sortable=False)
        for formal, actual in zip(function.output, call.output, strict=False):
            if not body.knows(formal):
                raise CompileError(f"the function defines no '{escape(formal)}'", **where)
            if actual:
                self.define(actual, body.find(formal), f"node {name}")

    def _holder(self, node: NodeProto, name: str, inputs: Sequence[SSAValue | None]) -> Operation:
        """An If or a Loop, whose graphs see what is defined around them."""

        def opened(block: Block) -> Body:
            return Body(self.shared, self.reader, block, self, self.attributes, f"{name}/")

        try:
            for value in filter(None, inputs):
                if (kind := self.shared.lacking.kinds.get(value)) is not None:
                    raise Unsupported(f"an input is {onnx_name(kind)}")
            return HOLDERS[node.op_type](node, name, inputs, opened)
        except CompileError as error:
            if error.node is not None:
                raise
            label = op_label(node)
            raise error.at(name, label) from None

    def read(self, graph: GraphProto) -> list[SSAValue]:
        """The nodes of a graph that another holds, and the values of its outputs."""
        self.graph(graph, self.weights(graph))
        return self.results(graph)

    def graph(self, graph: GraphProto, weights: Mapping[str, Weight]) -> None:
        """The constants that are used and the nodes of a graph."""
        self._constants(weights, used(graph))
        self._nodes(graph.node, sortable=self.outer is None)

    def results(self, graph: GraphProto) -> list[SSAValue]:
        """The values of the outputs of a graph, in order."""
        found: list[SSAValue] = []
        for output in graph.output:
            value = self.find(output.name) if self.knows(output.name) else None
            if value is None:
                raise CompileError(f"the output '{escape(output.name)}' is not defined")
            if (kind := self.shared.lacking.kinds.get(value)) is not None:
                raise Unsupported(f"the output '{escape(output.name)}' is {onnx_name(kind)}")
            found.append(value)
        return found


def used(graph: GraphProto) -> set[str]:
    """All names that a graph reads or gives."""
    return names_read(graph.node) | {output.name for output in graph.output}


def _constant(weight: Weight, name: str) -> InitializerOp:
    """The operation for a constant of the model."""
    kind = tensor_type(Tensor.of(weight.shape, weight.dtype))
    return make(InitializerOp, (), [kind], {"value": WeightAttr(weight)}, location_of([name]))
