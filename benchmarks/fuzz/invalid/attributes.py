"""A node with one attribute made wrong: out of range, repeated, unknown, other type, absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from benchmarks.fuzz.invalid.node import Node
from dialects.onnx.schemas import find_schema

INTEGERS = (-1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 1000, -2, -3, -4, -7, 1 << 31, -(1 << 31) - 1)
HUGE = ((1 << 62) - 1, -(1 << 63))
FLOATS = (0.0, -1.0, 1e30)
KINDS: dict[str, object] = {
    "INT": 1,
    "FLOAT": 0.5,
    "STRING": "none",
    "INTS": [0, 1],
    "FLOATS": [0.5, 1.0],
    "TENSOR": np.ones(1, np.float32),
}

Changed = Iterator[tuple[str, object]]


def _integer(value: int) -> Changed:
    for other in (*INTEGERS, *HUGE):
        if other != value:
            yield f"is {other}", other


def _float(value: float) -> Changed:
    yield from ((f"is {other}", other) for other in FLOATS if other != value)


def _text(value: str) -> Changed:
    for other in ("", "nonsense", value.upper(), value + " "):
        if other != value:
            yield f"is '{other}'", other


def _list(value: list[int]) -> Changed:
    yield "is empty", []
    yield "lacks the last", value[:-1]
    yield "has one more", [*value, len(value)]
    yield "repeats the first", [value[0]] * len(value)
    for place in dict.fromkeys((0, len(value) - 1)):
        for other in (-1, 0, 1, 2, 3, 4, 7, -5, 1 << 31, *HUGE):
            if other != value[place]:
                yield f"{place} is {other}", [*value[:place], other, *value[place + 1 :]]


def _tensor(value: object) -> Changed:
    tensor = cast("np.ndarray[tuple[int, ...], np.dtype[np.float32]]", value)
    yield "is empty", tensor.ravel()[:0]
    yield "has one more", np.resize(tensor, tensor.size + 1)
    yield "has no axes", tensor.ravel()[:1].reshape(())
    yield "is of f64", tensor.astype(np.float64)
    yield "is of i64", tensor.astype(np.int64)
    yield "is of bool", tensor.astype(bool)


def _values(value: object) -> Changed:
    match value:
        case int():
            return _integer(value)
        case float():
            return _float(value)
        case str():
            return _text(value)
        case list() if all(isinstance(item, int) for item in cast("list[object]", value)):
            return _list(cast("list[int]", value))
        case np.ndarray():
            return _tensor(cast("object", value))
        case _:
            return iter(())


def _set(node: Node, name: str, value: object) -> Node:
    return replace(node, attributes={**node.attributes, name: value})


def changed_attributes(node: Node) -> Iterator[tuple[Node, str, str]]:
    """Each change of each attribute that the node has or could have, and what it is called."""
    for name, value in node.attributes.items():
        others = {k: v for k, v in node.attributes.items() if k != name}
        where = f"attribute {name}"
        yield replace(node, attributes=others), where, "left out"
        for how, other in _values(value):
            yield _set(node, name, other), where, how
        for kind, other in KINDS.items():
            if type(other) is not type(value):
                yield _set(node, name, other), where, f"of type {kind}"
    yield _set(node, "nonsense", 1), "attribute nonsense", "given"
    schema = find_schema(node.domain, node.op_type, node.opset)
    for name, spec in schema.attributes.items() if schema else ():
        if name in node.attributes or spec.kind not in KINDS:
            continue
        where = f"attribute {name}"
        yield _set(node, name, KINDS[spec.kind]), where, "given"
        for how, other in _values(KINDS[spec.kind]):
            yield _set(node, name, other), where, how
