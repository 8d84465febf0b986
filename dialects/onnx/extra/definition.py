"""
An operator that `onnx.defs` lacks: what it takes and gives, and what it computes, in one place.

```python
@defined("FastGelu", "X: T, bias?: T", "Y: T", {"T": FLOATS})
def fast_gelu(op: OnnxOp, inputs: Inputs) -> Sequence[Array]: ...
```

The function computes in numpy, on f32 where the types are floats. It takes the operation and one
array for each input of the node (None where left out) and gives one array for each result. What
ONNX Runtime's variants do beyond is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dialects.onnx.ops import OnnxOp
from dialects.onnx.schemas import Arity, AttributeSpec, Formal, Schema

Array = np.ndarray[Any, np.dtype[Any]]
Inputs = Sequence[Array | None]
Semantics = Callable[[OnnxOp, Inputs], Sequence[Array]]

FLOATS = frozenset({"tensor(float)", "tensor(float16)", "tensor(bfloat16)"})
F32 = frozenset({"tensor(float)"})
U8 = frozenset({"tensor(uint8)"})
I32 = frozenset({"tensor(int32)"})
I64 = frozenset({"tensor(int64)"})

INT = AttributeSpec("INT")
INTS = AttributeSpec("INTS")
FLOAT = AttributeSpec("FLOAT")
NEEDED = AttributeSpec("INT", required=True)
MARKS = {"?": Arity.OPTIONAL, "*": Arity.VARIADIC}

SCHEMAS: dict[tuple[str, str], Schema] = {}
"""By domain ("" is the standard's) and operator; the modules of `dialects.onnx.extra` fill it."""
SEMANTICS: dict[tuple[str, str], Semantics] = {}
"""What these operators compute, and those of the standard that `onnx.reference` limits."""


def defined(
    name: str,
    inputs: str,
    outputs: str,
    type_vars: Mapping[str, frozenset[str]],
    attributes: Mapping[str, AttributeSpec] | None = None,
    domain: str = "com.microsoft",
) -> Callable[[Semantics], Semantics]:
    """
    Make a function the meaning of an operator, and write down the schema of that.

    Formals read `"X: T, bias?: T, more*: T"`: `bias` is optional, and `more` any number of inputs,
    each with a type of its own.
    """
    takes, gives = _formals(inputs), _formals(outputs)
    counts = _required(takes), _required(gives)
    schema = Schema(name, domain, 1, takes, gives, type_vars, attributes or {}, *counts)

    def register(function: Semantics) -> Semantics:
        assert (domain, name) not in SCHEMAS, name
        SCHEMAS[domain, name] = schema
        SEMANTICS[domain, name] = function
        return function

    return register


def _formals(text: str) -> tuple[Formal, ...]:
    pairs = (part.split(": ") for part in text.split(", "))
    return tuple(_formal(name, var) for name, var in pairs)


def _formal(name: str, var: str) -> Formal:
    arity = MARKS.get(name[-1], Arity.SINGLE)
    return Formal(name.rstrip("?*"), var, arity, arity is not Arity.VARIADIC)


def _required(formals: tuple[Formal, ...]) -> int:
    """The number of actuals up to the last one that must be there."""
    return max((i + 1 for i, f in enumerate(formals) if f.arity is not Arity.OPTIONAL), default=0)


def integer(default: int) -> AttributeSpec:
    """An attribute that may be left out."""
    return AttributeSpec("INT", default=default)


def number(default: float) -> AttributeSpec:
    """An attribute that may be left out."""
    return AttributeSpec("FLOAT", default=default)


def string(default: str) -> AttributeSpec:
    """An attribute that may be left out."""
    return AttributeSpec("STRING", default=default)


def given(inputs: Inputs, position: int) -> Array:
    """An input that must be there."""
    value = inputs[position]
    assert value is not None, f"input {position} must be given"
    return value


def optional(inputs: Inputs, position: int) -> Array | None:
    """An input that may be left out."""
    return inputs[position] if position < len(inputs) else None


def integer_of(op: OnnxOp, name: str) -> int:
    """The value of an integer attribute."""
    value = op.attr(name)
    assert isinstance(value, int)
    return value
