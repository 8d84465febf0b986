"""
Judge how a model was read by the file itself, as the package onnx reads it.

Nothing is run: the types of inputs that are not given a value, and for each node its operator, its
attributes and what its inputs are. What the importer leaves out or changes there makes passes
refuse or break later, which is no fault of theirs. Nodes that share a name, and calls of functions,
are not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import cast

import numpy as np
from onnx import AttributeProto, NodeProto, ValueInfoProto, defs, helper
from xdsl.dialects.builtin import ArrayAttr, FloatAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from dialects.affine import Affine
from dialects.errors import node_names
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.interface import interface_of
from dialects.lpu.types import TensorType
from dialects.names import unescape
from dialects.onnx.ops import InitializerOp, OnnxOp
from lpuc.diagnosis.failure import IMPORTER, Failure
from lpuc.levels.initializers import Initializers, initializers_of
from passes.analysis.functions import dictionary, options, step_function

Source = tuple[str, int]
"""The node, the initializer or the input that something is from, and which of its results it is."""
OURS = frozenset({"since_version", "absent"})
"""Properties of operations that are no attributes of nodes."""
OUTSIDE = (AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR)
"""Attributes that are judged elsewhere: by numbers."""


def misbuilt(module: ModuleOp) -> Failure | None:
    """The first input, node or output of a model that is not what its file has there."""
    read = initializers_of(module)
    if read is None:
        return None
    function, given = step_function(module), dictionary(options(module).get("input_value"))
    for op, what in _faults(function, read, set(map(unescape, given))):
        nodes = node_names(op)
        return Failure("structure", IMPORTER, None if op is function else op.name, nodes, what)
    return None


def judged(module: ModuleOp) -> frozenset[str]:
    """The nodes that are compared with those of the file, each with one operation."""
    read = initializers_of(module)
    if read is None:
        return frozenset()
    nodes = _Nodes.of(step_function(module), read, ())
    return frozenset(n for n in nodes.nodes.keys() & nodes.operations.keys())


def _faults(
    function: FuncOp, read: Initializers, given: Set[str]
) -> Iterator[tuple[Operation, str]]:
    graph = read.graph
    held = given | {tensor.name for tensor in graph.initializer}
    inputs = [info for info in graph.input if info.name not in held]
    declared, end = interface_of(function), function.body.block.last_op
    results = end.operands if isinstance(end, ReturnOp) else ()
    for kind, ports, infos, values in (
        ("input", declared.arguments, inputs, function.args),
        ("output", declared.results, graph.output, results),
    ):
        names = [unescape(port.name) for port in ports]
        if names != [info.name for info in infos] or len(values) != len(names):
            yield function, f"{kind}s are {names}, in the file {[info.name for info in infos]}"
            return
        for info, value in zip(infos, values, strict=True):
            if (what := _mistyped(info, value, is_whole=kind == "input")) is not None:
                yield function, f"{kind} '{info.name}' {what}"
    yield from (
        (function, f"dimension '{name}' is {' and '.join(map(str, extents))}")
        for name, extents in _symbols(inputs, function).items()
        if len(extents) > 1
    )
    nodes = _Nodes.of(function, read, inputs)
    yield from nodes.faults()
    for info, value in zip(graph.output, results, strict=True):
        if (what := nodes.comes_from_elsewhere(value, info.name)) is not None:
            yield function, f"output '{info.name}' is {what}"


def _mistyped(info: ValueInfoProto, value: SSAValue, is_whole: bool) -> str | None:
    """What is wrong with the type of an input or an output."""
    declared, kind = info.type.tensor_type, value.type
    if not isinstance(kind, TensorType):
        return "is no tensor"
    if declared.elem_type:  # of outputs it may be left out
        right = helper.tensor_dtype_to_np_dtype(declared.elem_type)
        if kind.data.dtype.dtype != right:
            return f"is {kind.data.dtype}, in the file {right}"
    if not is_whole or not declared.HasField("shape"):
        return None
    got, dims = kind.data.dims, declared.shape.dim
    if got is None or len(got) != len(dims):
        return f"has {'no' if got is None else len(got)} dimensions, in the file {len(dims)}"
    for axis, (extent, dim) in enumerate(zip(got, dims, strict=True)):
        number = extent.const if extent is not None and extent.is_const else None
        if dim.HasField("dim_value") and number != dim.dim_value:
            return f"has {extent} on axis {axis}, in the file {dim.dim_value}"
        if dim.dim_param.isidentifier() and (extent is None or number is not None):
            return f"has {extent} on axis {axis}, in the file '{dim.dim_param}'"
    return None


def _symbols(inputs: Sequence[ValueInfoProto], function: FuncOp) -> dict[str, list[Affine]]:
    """The extents that dimensions of one name have."""
    found = dict[str, list[Affine]]()
    for info, value in zip(inputs, function.args, strict=True):
        kind = cast("TensorType", value.type)
        for dim, extent in zip(info.type.tensor_type.shape.dim, kind.data.dims or (), strict=False):
            if dim.dim_param and extent is not None and extent not in found.get(dim.dim_param, []):
                found.setdefault(dim.dim_param, []).append(extent)
    return found


@dataclass(frozen=True)
class _Nodes:
    """Operations that each are one node of the file, or one constant."""

    nodes: Mapping[str, NodeProto]
    operations: Mapping[str, Operation]
    sources: Mapping[SSAValue, Source]
    """Where values are from, by the IR."""
    right: Mapping[str, Source]
    """Where values are from, by their names in the file."""
    opsets: Mapping[str, int]

    @staticmethod
    def of(function: FuncOp, read: Initializers, inputs: Sequence[ValueInfoProto]) -> _Nodes:
        """What the names of operations and nodes tell."""
        graph = read.graph
        counts = Counter(node.name for node in graph.node)
        nodes = {node.name: node for node in graph.node if node.name and counts[node.name] == 1}
        constants = {tensor.name for tensor in graph.initializer} - nodes.keys()
        operations = _operations(function, nodes.keys(), constants)
        arguments = zip(inputs, function.args, strict=False)
        sources: dict[SSAValue, Source] = {value: (info.name, 0) for info, value in arguments}
        for name, op in operations.items():
            sources |= {value: (name, number) for number, value in enumerate(op.results)}
        right = {info.name: (info.name, 0) for info in inputs}
        right |= {name: (name, 0) for name in constants if name in operations}
        for name in nodes.keys() & operations.keys():
            outputs = enumerate(nodes[name].output)
            right |= {output: (name, number) for number, output in outputs if output}
        return _Nodes(nodes, operations, sources, right, read.opsets)

    def faults(self) -> Iterator[tuple[Operation, str]]:
        """What is not as it is in the file, node by node."""
        for name, op in self.operations.items():
            if isinstance(op, OnnxOp) and name in self.nodes:
                what = self._differs(op, self.nodes[name])
                if what is not None:
                    yield op, what

    def comes_from_elsewhere(self, value: SSAValue, name: str) -> str | None:
        """Where a value is from, if it is not what has a name in the file."""
        source, right = self.sources.get(value), self.right.get(name)
        if source is None or right is None or source == right:
            return None
        return f"{_said(source)}, in the file {_said(right)}"

    def _differs(self, op: OnnxOp, node: NodeProto) -> str | None:
        if node.op_type != op.OP_TYPE:
            return f"is no {node.op_type}, as it is in the file"
        given = [name for name in node.input if name]
        if len(op.operands) != len(given):
            return f"has {len(op.operands)} inputs, in the file {len(given)}"
        for number, (value, name) in enumerate(zip(op.operands, given, strict=True)):
            if (what := self.comes_from_elsewhere(value, name)) is not None:
                return f"input {number} is {what}"
        last = max((at for at, name in enumerate(node.input) if name), default=0)
        absent = tuple(at for at, name in enumerate(node.input[:last]) if not name)
        if op.absent != absent:
            return f"leaves out inputs {list(op.absent)}, in the file {list(absent)}"
        return self._version_differs(op, node) or _attributes_differ(op, node)

    def _version_differs(self, op: OnnxOp, node: NodeProto) -> str | None:
        """The version of the operator is that of the opset, where the package knows it."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        try:
            right = defs.get_schema(node.op_type, self.opsets.get(domain, 1), domain).since_version
        except defs.SchemaError:
            return None
        if op.since_version != right:
            return f"is of version {op.since_version}, in the file of version {right}"
        return None


def _operations(function: FuncOp, nodes: Set[str], constants: Set[str]) -> dict[str, Operation]:
    """The operations that have the name of a node, or of a constant, to themselves."""
    found, twice = dict[str, Operation](), set[str]()
    for op in function.body.block.ops:
        names = [unescape(name) for name in node_names(op)]
        known = constants if isinstance(op, InitializerOp) else nodes
        if len(names) == 1 and names[0] in known:
            twice |= {names[0]} & found.keys()
            found[names[0]] = op
    return {name: op for name, op in found.items() if name not in twice}


def _attributes_differ(op: OnnxOp, node: NodeProto) -> str | None:
    given = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == "Constant":  # every form of it is one of a tensor
        return None
    for name in op.properties.keys() - OURS - given.keys():
        return f"has an attribute {name}, which is not in the file"
    for name, attribute in given.items():
        if attribute.type in OUTSIDE:
            continue
        got, right = op.properties.get(name), helper.get_attribute_value(attribute)
        if got is None:
            return f"has no attribute {name}, in the file {right}"
        if _plain(got) != _listed(right):
            return f"has {name} = {_plain(got)}, in the file {right}"
    return None


def _plain(attribute: Attribute) -> object:
    """What an attribute of the IR holds."""
    match attribute:
        case IntsAttr():
            return list(attribute.data)
        case IntegerAttr():
            return attribute.value.data
        case FloatAttr():
            return float(np.float32(attribute.value.data))
        case StringAttr():
            return unescape(attribute.data)
        case ArrayAttr():
            return [_plain(item) for item in attribute]
        case _:
            return attribute


def _listed(value: object) -> object:
    """What an attribute of the file holds, in the same form."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        return float(np.float32(value))
    if isinstance(value, Sequence):
        return [_listed(item) for item in cast("Sequence[object]", value)]
    return value


def _said(source: Source) -> str:
    name, number = source
    return f"'{name}'" if number == 0 else f"result {number} of '{name}'"
