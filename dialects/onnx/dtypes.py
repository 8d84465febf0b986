"""Element types of a node's results, from its operands and attributes, by its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialects.errors import CompileError, Unsupported
from dialects.lpu.weights import FileRange, Inline
from dialects.onnx.attributes import Value
from dialects.onnx.elements import ELEMENT_TYPES, SCHEMA_NAMES, SUPPORTED, onnx_name
from dialects.onnx.schemas import Formal, Schema, formal_at
from runtime.numerics.elements import TYPES, ElementType

NAMES: dict[ElementType, str] = {ours: name for name, ours in SCHEMA_NAMES.items()}

TYPE_ATTRIBUTES = ("to", "dtype", "output_dtype", "output_datatype", "stash_type")
"""Attributes that hold an element type; the result has it where no operand binds its type."""

MACHINE = frozenset(name for name, ours in SCHEMA_NAMES.items() if ours in TYPES)
"""The names of the types of which a result may be one when nothing else says so."""

FALLBACK = {
    "ConstantOfShape": ElementType("f32"),
    "QGemm": ElementType("f32"),
    "QuantizeLinear": ElementType("u8"),
}
"""What a result is when neither an operand nor an attribute says so."""


def result_dtypes(
    schema: Schema,
    operands: Sequence[ElementType | None],
    attributes: Mapping[str, Value],
    results: int,
) -> tuple[ElementType, ...]:
    """
    The element type of each result; an operand that is left out is None.

    CompileError if an operand has a type that the schema does not allow, or a type that the
    machine does not know would result.
    """
    bound = _bind(schema, operands)
    _check_arity("outputs", results, schema.max_outputs)
    known = [dtype for dtype in operands if dtype is not None]
    return tuple(
        _result(schema, formal_at(schema.outputs, i), bound, known, attributes)
        for i in range(results)
    )


def _check_arity(what: str, count: int, limit: int | None) -> None:
    if limit is not None and count > limit:
        raise CompileError(f"takes at most {limit} {what}, not {count}")


def _bind(schema: Schema, operands: Sequence[ElementType | None]) -> dict[str, ElementType]:
    """The element type that the operands give each type parameter."""
    _check_arity("inputs", len(operands), schema.max_inputs)
    bound: dict[str, ElementType] = {}
    for i, dtype in enumerate(operands):
        if dtype is None:
            continue
        formal = formal_at(schema.inputs, i)
        if NAMES[dtype] not in schema.allowed(formal):
            version = f"version {schema.since_version}"
            raise CompileError(f"input '{formal.name}' may not be {dtype} in {version}")
        if not formal.homogeneous:
            continue
        if bound.setdefault(formal.type_var, dtype) != dtype:
            other = bound[formal.type_var]
            raise CompileError(f"input '{formal.name}' is {dtype} where another is {other}")
    return bound


def _result(
    schema: Schema,
    formal: Formal,
    bound: Mapping[str, ElementType],
    operands: Sequence[ElementType],
    attributes: Mapping[str, Value],
) -> ElementType:
    if formal.type_var in bound:
        return bound[formal.type_var]
    given = _from_attributes(schema, attributes)
    if given is not None:
        return given
    allowed = schema.allowed(formal)
    candidates = [ours for name, ours in SCHEMA_NAMES.items() if name in allowed & MACHINE]
    if len(candidates) == 1:
        return candidates[0]
    if schema.name in FALLBACK:
        return FALLBACK[schema.name]
    for dtype in operands:
        if dtype in candidates:
            return dtype
    if not candidates:
        raise Unsupported(f"output '{formal.name}' is no tensor of a supported type")
    raise CompileError(f"the element type of output '{formal.name}' cannot be told")


def _from_attributes(schema: Schema, attributes: Mapping[str, Value]) -> ElementType | None:
    value = attributes.get("value")
    if isinstance(value, FileRange | Inline):
        return value.dtype
    for name in TYPE_ATTRIBUTES:
        spec = schema.attributes.get(name)
        default = spec.default if spec else None
        number = attributes.get(name, default)
        if isinstance(number, int) and (number or number != default):
            return _known(number)
    return None


def _known(number: int) -> ElementType:
    if number in ELEMENT_TYPES:
        return ELEMENT_TYPES[number]
    raise CompileError(
        f"element type {onnx_name(number)} is not supported", hint=f"use {SUPPORTED}"
    )
