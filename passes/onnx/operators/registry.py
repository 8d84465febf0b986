"""
The table of decompositions, and what they share: access to operands, types and dimensions.

A decomposition takes the place to build at and an ONNX operation, and gives the values that replace
the results, in the order of the formal outputs; None for an output it does not compute.

It may look at types, attributes, and what integer operands hold (`known_ints`), at nothing else of
what stands around: what it makes is repeated for nodes that are equal in these.

```python
@decompose("Softplus")
def softplus(b: Build, op: OnnxOp) -> SSAValue: ...
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.errors import unsupported
from dialects.lpu.contents import constant_ints
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor
from dialects.onnx import OnnxOp
from dialects.onnx.attributes import Value
from passes.rewriting.build import Build
from runtime.numerics import ElementType

Results = SSAValue | tuple[SSAValue | None, ...]
Decomposition = Callable[[Build, OnnxOp], Results]

MICROSOFT = "com.microsoft"

DECOMPOSITIONS: dict[tuple[str, str], Decomposition] = {}
"""By domain ("" is the standard's) and operator type."""


def decompose(
    *op_types: str, domains: Sequence[str] = ("",)
) -> Callable[[Decomposition], Decomposition]:
    """Register a function for these operators in each of the domains."""

    def register(function: Decomposition) -> Decomposition:
        for domain in domains:
            for op_type in op_types:
                assert (domain, op_type) not in DECOMPOSITIONS, op_type
                DECOMPOSITIONS[domain, op_type] = function
        return function

    return register


def operand(op: OnnxOp, name: str) -> SSAValue:
    """An operand that the schema requires."""
    value = op.get(name)
    assert value is not None, f"{op.name} lacks its operand '{name}'"
    return value


def optional(op: OnnxOp, name: str) -> SSAValue | None:
    """An operand that may be left out, or that this version of the operator does not have."""
    return op.get(name) if name in op.schema.input_index else None


def attribute(op: OnnxOp, name: str) -> Value | None:
    """An attribute, its default, or None when this version of the operator does not have it."""
    return op.attr(name) if name in op.schema.attributes else None


def result(op: OnnxOp) -> Tensor:
    """The type of the first result."""
    return tensor_of(op.results[0])


def integer(op: OnnxOp, name: str) -> int:
    """An integer attribute that has a default."""
    value = op.attr(name)
    assert isinstance(value, int), f"{op.name}: attribute '{name}' is {value!r}"
    return value


def number(op: OnnxOp, name: str) -> float:
    """A float attribute that has a default."""
    value = op.attr(name)
    assert isinstance(value, int | float), f"{op.name}: attribute '{name}' is {value!r}"
    return float(value)


def optional_ints(op: OnnxOp, name: str) -> list[int] | None:
    """Integers given by an attribute or an operand of this name; None when neither is there."""
    value = optional(op, name)
    if value is not None:
        return known_ints(op, value, name)
    given = attribute(op, name)
    return [int(i) for i in given] if isinstance(given, list) else None


def known_ints(op: OnnxOp, value: SSAValue, what: str) -> list[int]:
    """The content of an operand that the compiler has to know."""
    ints = constant_ints(value)
    if ints is None:
        raise unsupported(op, f"'{what}' depends on the inputs of the model", "make it a constant")
    return ints


def wide(b: Build, value: SSAValue) -> SSAValue:
    """f16 and bf16 as f32: temporaries inside of an expansion are f32."""
    return b.cast(value, ElementType.F32) if tensor_of(value).dtype.is_float else value


def as_float(b: Build, value: SSAValue) -> SSAValue:
    return b.cast(value, ElementType.F32)


def constant(b: Build, value: float, like: SSAValue) -> SSAValue:
    """A scalar of the element type of `like`."""
    return b.scalar(value, tensor_of(like).dtype)


def extent(b: Build, value: Affine) -> SSAValue:
    """A dimension as an i64 scalar."""
    return b.scalar(value.const, ElementType.I64) if value.is_const else b.iota(value, (), ())


def elements(op: OnnxOp, dims: Sequence[Affine]) -> Affine:
    """The product of dimensions; refused when two of them depend on symbols."""
    try:
        return product(dims)
    except NotAffine as error:
        raise unsupported(op, f"the number of elements {error} is a product of symbols") from None


def strides(op: OnnxOp, dims: Sequence[Affine]) -> list[Affine]:
    """Row-major strides in elements."""
    return [elements(op, dims[axis + 1 :]) for axis in range(len(dims))]
