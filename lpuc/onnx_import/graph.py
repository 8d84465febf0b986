"""The graph of a model as the function `step`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

from onnx import GraphProto, TensorShapeProto, ValueInfoProto
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from dialects.affine import Affine
from dialects.errors import CompileError, Unsupported, location_of, node_names
from dialects.lpu.interface import Interface, InterfaceAttr, Value
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import Weight
from dialects.names import escape
from dialects.onnx.elements import SUPPORTED
from lpuc.onnx_import.body import Body, Shared
from lpuc.onnx_import.inputs.given import Number, check_inputs, constant
from lpuc.onnx_import.inputs.symbols import Symbols
from lpuc.onnx_import.nodes import dtype_of
from lpuc.onnx_import.tensors import element_type
from passes.rewriting.kernel import add_argument, append, locate, set_attribute
from runtime.numerics.elements import TYPES, ElementType


class GraphReader:
    """Builds the function of one graph."""

    def __init__(
        self, graph: GraphProto, shared: Shared, symbols: Symbols, given: Mapping[str, Number]
    ) -> None:
        self.graph, self.shared, self.symbols, self.given = graph, shared, symbols, given
        self.block = Block()
        self.body = Body(shared, shared.reader(shared.opsets), self.block)

    def function(self) -> FuncOp:
        """The function; CompileError says what is wrong with the graph."""
        self._check()
        weights = self.body.weights(self.graph)
        inputs = [i for i in self.graph.input if i.name not in weights]
        check_inputs(self.given, inputs)
        for info in inputs:
            if info.name in self.given:
                weights[info.name] = self._given(info)
        inputs = [i for i in inputs if i.name not in self.given]
        for info in inputs:
            self._input(info)
        self.body.graph(self.graph, weights)
        results = self.body.results(self.graph)
        for output, result in zip(self.graph.output, results, strict=True):
            what = f"the output '{escape(output.name)}'"
            _check_type(dtype_of(result), what, _maker_of(result))
        returned = ReturnOp(*results)
        locate(returned, location_of(["outputs"]))
        append(returned, self.block)
        self.symbols.check_used()
        types = ([a.type for a in self.block.args], [r.type for r in results])
        function = FuncOp("step", types, Region(self.block))
        interface = Interface(
            _ports(map(attrgetter("name"), inputs), self.block.args),
            _ports(map(attrgetter("name"), self.graph.output), results),
        )
        set_attribute(function, "lpu.interface", InterfaceAttr(interface))
        set_attribute(function, "lpu.dim_params", self.symbols.attribute())
        return function

    def _check(self) -> None:
        self.shared.budgets.check("nodes", len(self.graph.node), "nodes")
        names = [output.name for output in self.graph.output]
        if not names:
            raise CompileError("the graph has no outputs")
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise CompileError(f"the output '{escape(twice)}' is listed twice")

    def _given(self, info: ValueInfoProto) -> Weight:
        """An input that has one value, whatever is computed."""
        what = f"the input '{escape(info.name)}'"
        return constant(self.given[info.name], self._tensor(info, what, Symbols({})), what)

    def _input(self, info: ValueInfoProto) -> None:
        what = f"the input '{escape(info.name)}'"
        if not info.name:
            raise CompileError("an input has no name")
        kind = TensorType(self._tensor(info, what, self.symbols))
        arg = add_argument(self.block, kind, location_of([escape(info.name)]))
        self.body.define(info.name, arg, what)

    def _tensor(self, info: ValueInfoProto, what: str, symbols: Symbols) -> Tensor:
        """The extents and elements that an input is declared to have."""
        if not info.type.HasField("tensor_type"):
            raise Unsupported(f"{what} is no tensor")
        dtype = element_type(info.type.tensor_type.elem_type, what)
        _check_type(dtype, what)
        dims = None
        if info.type.tensor_type.HasField("shape"):
            dims = self._dims(info.type.tensor_type.shape, what, symbols)
        return Tensor(dims, dtype)

    def _dims(
        self, shape: TensorShapeProto, what: str, symbols: Symbols
    ) -> tuple[Affine | None, ...]:
        self.shared.budgets.check("rank", len(shape.dim), f"the rank of {what}")
        dims: list[Affine | None] = []
        for dim in shape.dim:
            if dim.dim_value < 0:
                raise CompileError(f"{what} has a negative extent: {dim.dim_value}")
            if dim.HasField("dim_value"):
                dims.append(Affine(dim.dim_value))
            else:
                dims.append(symbols.extent(dim.dim_param) if dim.dim_param else None)
        return tuple(dims)


def _check_type(dtype: ElementType, what: str, node: str | None = None) -> None:
    """Refuse types that only constants may have."""
    if dtype not in TYPES:
        raise Unsupported(f"{what} has element type double", node=node, hint=f"use {SUPPORTED}")


def _maker_of(value: SSAValue) -> str | None:
    """The node that a value comes from, None for an input of the graph."""
    owner = value.owner
    return next(iter(node_names(owner)), None) if isinstance(owner, Operation) else None


def _ports(names: Iterable[str], values: Iterable[SSAValue]) -> tuple[Value, ...]:
    """Their roles come with `onnx-bind-roles`."""
    pairs = zip(names, values, strict=True)
    return tuple(Value(escape(name), "data", tensor_of(value).dtype) for name, value in pairs)
