"""Element types of ONNX tensors: numbers in the format, names in schemas, and ours."""

from __future__ import annotations

from onnx import TensorProto

from runtime.numerics.elements import TYPES, ElementType

ELEMENT_TYPES: dict[int, ElementType] = {
    TensorProto.FLOAT: ElementType("f32"),
    TensorProto.FLOAT16: ElementType("f16"),
    TensorProto.BFLOAT16: ElementType("bf16"),
    TensorProto.INT64: ElementType("i64"),
    TensorProto.INT32: ElementType("i32"),
    TensorProto.INT8: ElementType("i8"),
    TensorProto.UINT8: ElementType("u8"),
    TensorProto.BOOL: ElementType("bool"),
    TensorProto.DOUBLE: ElementType("f64"),
}
"""What a model may hold, by the number that stands in its file; doubles in constants only."""

SUPPORTED = ", ".join(
    TensorProto.DataType.Name(number).lower()
    for number, ours in ELEMENT_TYPES.items()
    if ours in TYPES
)
"""The names of what the machine knows, for messages."""

ONNX_NUMBERS: dict[ElementType, int] = {ours: number for number, ours in ELEMENT_TYPES.items()}


def onnx_name(number: int) -> str:
    """How ONNX writes an element type, `float16`; `type 99` for a number it does not define."""
    try:
        return TensorProto.DataType.Name(number).lower()
    except ValueError:
        return f"type {number}"


SCHEMA_NAMES: dict[str, ElementType] = {
    f"tensor({onnx_name(number)})": ours for number, ours in ELEMENT_TYPES.items()
}
"""What the machine knows, by the name that stands in an operator's schema."""
