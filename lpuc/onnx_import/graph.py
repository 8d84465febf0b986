"""The graph of a model as the function `step`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from onnx import GraphProto, NodeProto, TensorShapeProto, ValueInfoProto
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from dialects.affine import Affine
from dialects.errors import CompileError, location_of
from dialects.lpu.types import Tensor, TensorType, tensor_type
from dialects.lpu.weights import Weight, WeightAttr
from dialects.names import escape
from dialects.onnx.ops import InitializerOp
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.nodes import NodeReader, named, node_name, op_label
from lpuc.onnx_import.symbols import Symbols
from lpuc.onnx_import.tensors import element_type
from passes.rewriting.creation import make


def hint(name: str) -> str | None:
    """An SSA name that resembles a name of the model; None if nothing is left of it."""
    if name.isidentifier() and name.isascii() and name == name.strip("_"):
        return name[:64]
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:64]
    if not plain:
        return None
    return f"_{plain}" if plain[0].isdigit() else plain


class GraphReader:
    """Builds the function of one graph; `values` are the names defined so far."""

    def __init__(
        self, graph: GraphProto, nodes: NodeReader, symbols: Symbols, budgets: Budgets
    ) -> None:
        self.graph, self.nodes, self.symbols, self.budgets = graph, nodes, symbols, budgets
        self.values: dict[str, SSAValue] = {}
        self.block = Block()

    def function(self) -> FuncOp:
        """The function; CompileError says what is wrong with the graph."""
        self._check()
        weights = self._initializers()
        inputs = [i for i in self.graph.input if i.name not in weights]
        for info in inputs:
            self._input(info)
        self._constants(weights)
        for index, node in enumerate(self.graph.node):
            self._node(node, index)
        results = self._outputs()
        self._add(ReturnOp(*results), "outputs")
        self.symbols.check_used()
        types = ([a.type for a in self.block.args], [r.type for r in results])
        function = FuncOp("step", types, Region(self.block))
        function.attributes["lpu.inputs"] = _names(i.name for i in inputs)
        function.attributes["lpu.outputs"] = _names(o.name for o in self.graph.output)
        function.attributes["lpu.dim_params"] = self.symbols.attribute()
        return function

    def _check(self) -> None:
        self.budgets.check("nodes", len(self.graph.node), "nodes")
        if not self.graph.output:
            raise CompileError("the graph has no outputs")
        if self.graph.sparse_initializer:
            raise CompileError("the graph has sparse initializers", hint="store them densely")

    def _define(self, name: str, value: SSAValue, what: str) -> None:
        self.budgets.check("name_bytes", len(name.encode()), f"the length of the name of {what}")
        if name in self.values:
            raise CompileError(f"'{escape(name)}' is defined twice, by {what} too")
        self.values[name] = value
        value.name_hint = hint(name)

    def _add(self, op: Operation, name: str) -> None:
        op.location = location_of([name])
        self.block.add_op(op)

    def _initializers(self) -> dict[str, Weight]:
        weights: dict[str, Weight] = {}
        for tensor in self.graph.initializer:
            what = f"the initializer '{escape(tensor.name)}'"
            if not tensor.name or tensor.name in weights:
                raise CompileError(f"{what} has no name of its own")
            weights[tensor.name] = self.nodes.tensors.weight(tensor, what)
        return weights

    def _constants(self, weights: dict[str, Weight]) -> None:
        """An operation for each initializer that is used."""
        used = {name for node in self.graph.node for name in node.input}
        used.update(output.name for output in self.graph.output)
        for name, weight in weights.items():
            if name not in used:
                continue
            kind = tensor_type(Tensor.of(weight.shape, weight.dtype))
            location = location_of([escape(name)])
            op = make(InitializerOp, (), [kind], {"value": WeightAttr(weight)}, location)
            self.block.add_op(op)
            self._define(name, op.results[0], "an initializer")

    def _input(self, info: ValueInfoProto) -> None:
        what = f"the input '{escape(info.name)}'"
        if not info.name:
            raise CompileError("an input has no name")
        if not info.type.HasField("tensor_type"):
            raise CompileError(f"{what} is no tensor")
        dtype = element_type(info.type.tensor_type.elem_type, what)
        dims = None
        if info.type.tensor_type.HasField("shape"):
            dims = self._dims(info.type.tensor_type.shape, what)
        arg = self.block.insert_arg(TensorType(Tensor(dims, dtype)), len(self.block.args))
        arg.location = location_of([escape(info.name)])
        self._define(info.name, arg, what)

    def _dims(self, shape: TensorShapeProto, what: str) -> tuple[Affine | None, ...]:
        self.budgets.check("rank", len(shape.dim), f"the rank of {what}")
        dims: list[Affine | None] = []
        for dim in shape.dim:
            if dim.dim_value < 0:
                raise CompileError(f"{what} has a negative extent: {dim.dim_value}")
            if dim.HasField("dim_value"):
                dims.append(Affine(dim.dim_value))
            else:
                dims.append(self.symbols.extent(dim.dim_param) if dim.dim_param else None)
        return tuple(dims)

    def _node(self, node: NodeProto, index: int) -> None:
        name = node_name(node, index)
        self.budgets.check("name_bytes", len(name), f"the length of the name of node {index}")
        inputs = [self._value(n, node, name) if n else None for n in named(node.input)]
        op = self.nodes.build(node, name, inputs)
        self.block.add_op(op)
        for output, result in zip(node.output, op.results, strict=False):
            if output:
                self._define(output, result, f"node {name}")

    def _value(self, name: str, node: NodeProto, where: str) -> SSAValue:
        if name in self.values:
            return self.values[name]
        later = next((n for n in self.graph.node if name in n.output), None)
        message = f"input '{escape(name)}' is not defined"
        if later is not None:
            producer = escape(later.name) or later.op_type
            message += f" before this node, but by the later node {producer}"
        reason = "the nodes are not in order, or form a cycle" if later is not None else None
        raise CompileError(message, node=where, op=op_label(node), hint=reason)

    def _outputs(self) -> Sequence[SSAValue]:
        results: dict[str, SSAValue] = {}
        for output in self.graph.output:
            if output.name not in self.values:
                raise CompileError(f"the output '{escape(output.name)}' is not defined")
            if output.name in results:
                raise CompileError(f"the output '{escape(output.name)}' is listed twice")
            results[output.name] = self.values[output.name]
        return list(results.values())


def _names(names: Iterable[str]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(escape(name)) for name in names])
