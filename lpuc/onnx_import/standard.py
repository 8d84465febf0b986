"""
Operators that the standard defines by a function: the body, where nothing lowers the operator.

What the standard writes out needs no code of its own: `SoftmaxCrossEntropyLoss` is read as the
nodes that its schema says it is, like a call of a function of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onnx import FunctionProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto, defs
from xdsl.ir import SSAValue

from dialects.lpu.types import TensorType
from dialects.onnx.elements import ONNX_NUMBERS
from lpuc.onnx_import.nodes import dtype_of
from passes.onnx.operators import record_at

Schema = Any
"""`onnx.defs.OpSchema`, whose stubs lack what is asked of it here."""


def standard_function(
    node: NodeProto, opsets: Mapping[str, int], operands: Sequence[SSAValue | None]
) -> FunctionProto | None:
    """What the standard says that a node stands for; None where a pass handles it, or nobody."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    if domain not in opsets or record_at(domain, node.op_type) is not None:
        return None
    schema = _schema(domain, node.op_type, opsets[domain])
    if schema is None:
        return None
    function = _fixed(schema, opsets[domain]) or _of_types(schema, opsets[domain], node, operands)
    if function is None or not function.node:
        return None
    if not any(entry.domain in ("", "ai.onnx") for entry in function.opset_import):
        version = opsets.get("", defs.onnx_opset_version())
        function.opset_import.append(OperatorSetIdProto(domain="", version=version))
    return _with_defaults(function, schema)


def _schema(domain: str, name: str, version: int) -> Schema | None:
    if not defs.has(name, version, domain):
        return None
    return defs.get_schema(name, version, domain)


def _newest(versions: Sequence[int], version: int) -> int | None:
    """The newest body that is not newer than what the model asks for."""
    return max((known for known in versions if known <= version), default=None)


def _fixed(schema: Schema, version: int) -> FunctionProto | None:
    """A body that is the same for all nodes."""
    newest = _newest(schema.function_opset_versions, version)
    return _read(schema.get_function_with_opset_version, newest)


def _of_types(
    schema: Schema, version: int, node: NodeProto, operands: Sequence[SSAValue | None]
) -> FunctionProto | None:
    """A body that depends on the attributes and on the inputs that a node has."""
    newest = _newest(schema.context_dependent_function_opset_versions, version)
    types = [_type(value) for value in operands]

    def get(version: int) -> bytes:
        return schema.get_context_dependent_function_with_opset_version(
            version, node.SerializeToString(), types
        )

    return _read(get, newest)


def _read(get: Callable[[int], bytes], version: int | None) -> FunctionProto | None:
    return None if version is None else FunctionProto.FromString(get(version))


def _type(value: SSAValue | None) -> bytes:
    proto = TypeProto()
    if value is None:
        return proto.SerializeToString()
    proto.tensor_type.elem_type = ONNX_NUMBERS[dtype_of(value)]
    assert isinstance(value.type, TensorType)
    dims = value.type.data.dims
    if dims is not None:
        known = (None if d is None or not d.is_const else d.const for d in dims)
        proto.tensor_type.shape.dim.extend(map(_dim, known))
    return proto.SerializeToString()


def _dim(extent: int | None) -> TensorShapeProto.Dimension:
    return TensorShapeProto.Dimension(dim_value=extent)


def _with_defaults(function: FunctionProto, schema: Schema) -> FunctionProto:
    """The body with the defaults that the attributes of the operator have."""
    known = {attribute.name for attribute in function.attribute_proto}
    for name, attribute in schema.attributes.items():
        if name not in known and attribute.default_value.name:
            function.attribute_proto.append(attribute.default_value)
        elif name not in known and name not in function.attribute:
            function.attribute.append(name)
    return function
