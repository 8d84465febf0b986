"""Which operators without a record compile as what the standard says that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import FunctionProto, TensorProto, defs, helper

from dialects.onnx.schemas import versions
from passes.onnx.operators import record_at

HELD = {
    "If": ("a condition that depends on data",),
    "Loop": (
        "a count or a condition that depends on data",
        "more than 32 steps",
        "results of no steps, but for states",
    ),
}
"""What becomes of the standard's operators that hold graphs, whose place these take."""

_schema: Any = defs.get_schema
RANKS = (4, 3, 2)
"""Of operands, where a body depends on them; the first with a body counts."""


def body_of(domain: str, name: str) -> list[str] | None:
    """
    The operators that one is written out as, sorted; None if the standard has no body for it.

    A body that depends on the node is that of operands of f32 and attributes that must be there.
    """
    if not defs.has(name, domain=domain):
        return None
    schema: Any = _schema(name, domain=domain)
    body = _fixed(schema) or next(_sampled(schema), None)
    return None if body is None else sorted({node.op_type for node in body.node})


def first_opset(domain: str, name: str) -> int:
    """The oldest opset in which an operator has a body."""
    found = set[int]()
    for version in versions(domain, name):
        schema: Any = _schema(name, version, domain)
        found.update(schema.function_opset_versions)
        found.update(schema.context_dependent_function_opset_versions)
    return min(found)


def needed_of(domain: str, name: str) -> list[str] | None:
    """The parts of a body that have neither record nor body themselves; None if there is none."""
    body = body_of(domain, name)
    if body is None:
        return None
    lacking = [part for part in body if record_at("", part) is None and part not in HELD]
    return [part for part in lacking if needed_of("", part) != []]


def _fixed(schema: Any) -> FunctionProto | None:
    if not schema.has_function:
        return None
    newest = max(schema.function_opset_versions)
    return FunctionProto.FromString(schema.get_function_with_opset_version(newest))


def _sampled(schema: Any) -> Iterator[FunctionProto]:
    """Bodies of nodes that have as few operands as they may."""
    kinds = {attribute.type for attribute in schema.attributes.values()}
    if not schema.has_context_dependent_function or defs.OpSchema.AttrType.GRAPH in kinds:
        return
    newest = max(schema.context_dependent_function_opset_versions)
    needed: dict[str, Any] = {a.name: 2 for a in schema.attributes.values() if a.required}
    inputs = [f"i{index}" for index in range(schema.min_input)]
    node = helper.make_node(schema.name, inputs, ["o"], **needed)
    for rank in RANKS:
        kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [None] * rank)
        types = [kind.SerializeToString()] * len(inputs)
        made = schema.get_context_dependent_function_with_opset_version(
            newest, node.SerializeToString(), types
        )
        body = FunctionProto.FromString(made)
        if body.node:
            yield body
