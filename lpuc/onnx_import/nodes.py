"""One `NodeProto` to one operation of the `onnx` dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from onnx import AttributeProto, NodeProto
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from dialects.errors import CompileError, Unsupported, location_of
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import FileRange, Inline
from dialects.names import escape
from dialects.onnx.attributes import Value, to_attribute
from dialects.onnx.dtypes import result_dtypes
from dialects.onnx.ops import OnnxOp, create, op_class
from dialects.onnx.schemas import DOMAINS, Schema, attribute_value, find_schema, nearest
from dialects.spelling import did_you_mean
from lpuc.onnx_import.tensors import TensorReader, from_numbers
from passes.rewriting.creation import make
from passes.rewriting.kernel import locate
from runtime.numerics.elements import ElementType

SUBGRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
TENSORS = (AttributeProto.TENSOR, AttributeProto.TENSORS)
PLAIN = ("INT", "FLOAT", "STRING", "INTS", "FLOATS", "STRINGS")
NUMBERS = {
    "value_int": ElementType("i64"),
    "value_ints": ElementType("i64"),
    "value_float": ElementType("f32"),
    "value_floats": ElementType("f32"),
}


def node_name(node: NodeProto, index: int) -> str:
    """The name of a node; one without a name is called after its operator and position."""
    return escape(node.name or f"{node.op_type}_{index}")


def op_label(node: NodeProto) -> str:
    """The operator of a node as messages write it."""
    return escape(f"{node.domain}.{node.op_type}" if node.domain else node.op_type)


def dtype_of(value: SSAValue) -> ElementType:
    assert isinstance(value.type, TensorType)
    return value.type.data.dtype


Key = tuple[object, ...]
"""What decides everything about an operation but its operands and its location."""


class Form(NamedTuple):
    """What equal nodes have in common, checked once."""

    cls: type[OnnxOp]
    types: Sequence[Attribute]
    properties: Mapping[str, Attribute]


@dataclass(frozen=True)
class NodeReader:
    """Builds operations for nodes of one model."""

    opsets: Mapping[str, int]
    tensors: TensorReader
    _forms: dict[Key, Form] = field(default_factory=dict[Key, Form])

    def build(self, node: NodeProto, name: str, inputs: Sequence[SSAValue | None]) -> OnnxOp:
        """The operation for a node; CompileError names the node."""
        key = _key(node, inputs)
        form = self._forms.get(key)
        if form is not None:
            operands = [value for value in inputs if value is not None]
            return make(form.cls, operands, form.types, form.properties, location_of([name]))
        op = self._checked(node, name, inputs)
        locate(op, location_of([name]))
        if not any(proto.type in TENSORS for proto in node.attribute):
            self._forms[key] = Form(type(op), op.result_types, op.properties)
        return op

    def _checked(self, node: NodeProto, name: str, inputs: Sequence[SSAValue | None]) -> OnnxOp:
        try:
            op = self._build(node, inputs)
            op.verify_()
        except CompileError as error:
            raise error.at(name, op_label(node)) from None
        except VerifyException as error:
            raise CompileError(str(error), node=name, op=op_label(node)) from None
        return op

    def _build(self, node: NodeProto, inputs: Sequence[SSAValue | None]) -> OnnxOp:
        schema = self._schema(node)
        cls = op_class(schema.domain, schema.name)
        assert cls is not None
        values = self._attributes(node, schema)
        if schema.name == "Constant" and not schema.domain:
            values = _constant_value(values)
        operands = [None if v is None else dtype_of(v) for v in inputs]
        dtypes = result_dtypes(schema, operands, values, len(named(node.output)))
        types = [TensorType(Tensor(None, dtype)) for dtype in dtypes]
        if isinstance(value := values.get("value"), Inline | FileRange) and not inputs:
            types = [TensorType(Tensor.of(value.shape, value.dtype))]
        attributes = {k: to_attribute(schema.attributes[k].kind, v) for k, v in values.items()}
        return create(cls, inputs, types, schema.since_version, attributes)

    def _schema(self, node: NodeProto) -> Schema:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if op_class(domain, node.op_type) is None:
            refusal = CompileError if domain in DOMAINS else Unsupported
            raise refusal("unknown operator", hint=nearest(domain, node.op_type))
        if domain not in self.opsets and (domain or node.op_type != "Constant"):
            raise CompileError(f"the model imports no opset of '{domain or 'ai.onnx'}'")
        opset = self.opsets.get(domain, 1)
        schema = find_schema(domain, node.op_type, opset)
        if schema is None:
            raise CompileError(f"the operator does not exist in opset {opset}")
        if schema.deprecated:
            raise CompileError(f"the operator is deprecated since version {schema.since_version}")
        return schema

    def _attributes(self, node: NodeProto, schema: Schema) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for proto in node.attribute:
            name = escape(proto.name)
            if proto.name in values:
                raise CompileError(f"attribute '{name}' is given twice")
            values[proto.name] = self._attribute(proto, name, schema)
        return values

    def _attribute(self, proto: AttributeProto, name: str, schema: Schema) -> Value:
        if proto.type in SUBGRAPHS:
            raise Unsupported(
                f"attribute '{name}' holds a graph, which is not supported",
                hint="export without loops (Loop, Scan)",
            )
        spec = schema.attributes.get(proto.name)
        if spec is None:
            hint = did_you_mean(proto.name, schema.attributes)
            version = schema.since_version
            raise CompileError(f"version {version} has no attribute '{name}'", hint=hint)
        if proto.ref_attr_name:
            raise CompileError(f"attribute '{name}' refers to a function's, outside of a function")
        if proto.type not in AttributeProto.AttributeType.values():
            raise CompileError(f"attribute '{name}' has no known type")
        kind = AttributeProto.AttributeType.Name(proto.type)
        if kind != spec.kind:
            raise CompileError(f"attribute '{name}' is {kind}, expected {spec.kind}")
        if kind == "TENSOR":
            return self.tensors.weight(proto.t, f"attribute '{name}'")
        if kind not in PLAIN:
            raise Unsupported(f"attribute '{name}' of kind {kind} is not supported")
        return attribute_value(proto)


def _key(node: NodeProto, inputs: Sequence[SSAValue | None]) -> Key:
    attributes = tuple(proto.SerializeToString() for proto in node.attribute)
    dtypes = tuple(None if value is None else dtype_of(value) for value in inputs)
    return (node.domain, node.op_type, attributes, dtypes, len(named(node.output)))


def named(values: Sequence[str]) -> list[str]:
    """The inputs or outputs of a node up to the last that has a name."""
    names = list(values)
    while names and not names[-1]:
        names.pop()
    return names


def _constant_value(values: Mapping[str, Value]) -> dict[str, Value]:
    """Every form of Constant as the form with a tensor, `value`."""
    if len(values) != 1:
        raise CompileError(f"needs one attribute with its value, has {len(values)}")
    ((name, value),) = values.items()
    if name == "value":
        return dict(values)
    if name not in NUMBERS:
        raise Unsupported(f"attribute '{name}' is not supported", hint="use numbers or a tensor")
    return {"value": from_numbers(value, NUMBERS[name], f"attribute '{name}'")}
