"""Attribute values of ONNX nodes as IR attributes, and names as IR strings."""

from __future__ import annotations

from typing import cast

from xdsl.dialects.builtin import ArrayAttr, FloatAttr, IntegerAttr, StringAttr, f32, i64
from xdsl.ir import Attribute

from dialects.lpu.attributes import IntsAttr
from dialects.lpu.weights import Weight, WeightAttr
from dialects.names import escape, unescape
from dialects.onnx.schemas import AttributeValue

Value = AttributeValue | Weight


def _scalar(kind: str, item: object) -> Attribute:
    match kind, item:
        case "INT", int():
            return IntegerAttr(item, i64)
        case "FLOAT", float():
            return FloatAttr(item, f32)
        case "STRING", str():
            return StringAttr(escape(item))
        case _:
            raise TypeError(f"{item!r} is no {kind}")


def to_attribute(kind: str, value: Value) -> Attribute:
    """The IR form of a value whose ONNX kind is `INT`, `FLOATS`, `TENSOR`, ..."""
    match kind, value:
        case "TENSOR", _ if isinstance(value, Weight):
            return WeightAttr(value)
        case "INTS", list():
            return IntsAttr(tuple(int(v) for v in value))
        case (("FLOATS" | "STRINGS"), list()):
            return ArrayAttr([_scalar(kind[:-1], v) for v in value])
        case _:
            return _scalar(kind, value)


def from_attribute(attribute: Attribute) -> Value:
    """The Python value that `to_attribute` was given."""
    match attribute:
        case WeightAttr():
            return attribute.data
        case IntsAttr():
            return list(attribute.data)
        case IntegerAttr():
            return attribute.value.data
        case FloatAttr():
            return attribute.value.data
        case StringAttr():
            return unescape(attribute.data)
        case ArrayAttr():
            items = [from_attribute(item) for item in attribute]
            return cast("AttributeValue", items)
        case _:
            raise TypeError(f"no attribute of an ONNX node: {attribute}")


def has_kind(kind: str, attribute: Attribute) -> bool:
    """Whether an IR attribute is the form of this ONNX kind."""
    match kind:
        case "INT":
            return isinstance(attribute, IntegerAttr) and attribute.get_type() == i64
        case "FLOAT":
            return isinstance(attribute, FloatAttr) and attribute.get_type() == f32
        case "STRING":
            return isinstance(attribute, StringAttr)
        case "INTS":
            return isinstance(attribute, IntsAttr)
        case "FLOATS" | "STRINGS":
            return isinstance(attribute, ArrayAttr) and all(
                has_kind(kind[:-1], item) for item in cast("ArrayAttr[Attribute]", attribute)
            )
        case "TENSOR":
            return isinstance(attribute, WeightAttr)
        case _:
            return False
