"""
One node of a model as the record of its operator sees it.

A record speaks of operands and attributes by their formal names, never by position, and whatever it
asks for is checked on the way: an axis that the tensor does not have, a rank that does not fit, an
operand that has to be known and is not. Every refusal names node and operator.

```python
rows, inner = node.dims("A", 2)       # the extents of operand A, which has rank 2
axis = node.axis(node.tensor("X").rank)
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xdsl.ir import SSAValue

from dialects.affine import Affine, Differ, Ranges
from dialects.errors import CompileError, unsupported
from dialects.lpu.tensors import broadcast, tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu.weights import INLINE_LIMIT, Inline, Weight, inline, nbytes, read
from dialects.onnx.attributes import Value
from dialects.onnx.ops import OnnxOp
from passes.analysis.content import Content, Elements, Fill, Numbers, as_elements, as_line
from passes.onnx.operators.undecided import why_unknown

Dims = tuple[Affine, ...]
Lookup = Callable[[SSAValue], Content | None]
"""What is known of the elements of a value."""


def inlined(weight: Weight, folder: Path) -> Weight:
    """Constants that fit stand in the IR, so that they fold and print."""
    if isinstance(weight, Inline) or nbytes(weight.shape, weight.dtype) > INLINE_LIMIT:
        return weight
    return inline(read(weight, folder))


def _nothing(_: SSAValue) -> None:
    return None


@dataclass(frozen=True, eq=False)
class Node:
    """A typed, read-only view of an operation; `lookup` says what its operands hold."""

    op: OnnxOp
    lookup: Lookup = _nothing
    ranges: Ranges = field(default_factory=dict[str, tuple[int, int]])
    folder: Path = Path()
    """Where the paths of weights start."""

    def refusal(self, message: str, hint: str | None = None) -> CompileError:
        """The error that says what of this node is wrong or not supported."""
        return unsupported(self.op, message, hint)

    def require(self, holds: bool, message: str, hint: str | None = None) -> None:
        if not holds:
            raise self.refusal(message, hint)

    # Operands

    def get(self, name: str) -> SSAValue | None:
        """An operand that may be left out, or that this version of the operator lacks."""
        return self.op.get(name)

    def value(self, name: str) -> SSAValue:
        """An operand that must be there."""
        value = self.op.get(name)
        if value is None:
            raise self.refusal(f"the input '{name}' is missing")
        return value

    def tensor(self, name: str) -> Tensor:
        return tensor_of(self.value(name))

    def dims(self, name: str, *ranks: int) -> Dims:
        """The extents of an operand, whose rank must be one of `ranks` if any are named."""
        shape = self.tensor(name).shape
        if ranks and len(shape) not in ranks:
            expected = " or ".join(map(str, ranks))
            raise self.refusal(f"the input '{name}' has rank {len(shape)}, expected {expected}")
        return shape

    @property
    def first(self) -> SSAValue:
        return self.op.operands[0]

    @property
    def source(self) -> Tensor:
        """The type of the first operand."""
        return tensor_of(self.op.operands[0])

    @property
    def result(self) -> Tensor:
        """The type of the first result."""
        return tensor_of(self.op.results[0])

    def is_read(self, index: int) -> bool:
        """Whether the result at a position is there and has a reader."""
        results = self.op.results
        return index < len(results) and results[index].first_use is not None

    def broadcast(self, *shapes: Dims) -> Dims:
        """The common extents of shapes."""
        try:
            return broadcast(*shapes)
        except Differ as error:
            raise self.refusal(str(error)) from error

    def expect(self, what: str, got: Affine | Dims, expected: Affine | Dims) -> None:
        """Refuse extents that cannot be shown to be the expected ones."""
        if got != expected:
            message = f"{what} is {_text(got)}, expected {_text(expected)}"
            raise self.refusal(message) from _difference(message, got, expected)

    def expect_dims(self, name: str, *shapes: Dims) -> None:
        """Refuse an operand that is there and has none of these shapes."""
        if self.get(name) is not None and self.dims(name) not in shapes:
            expected = " or ".join(map(_text, shapes))
            got = _text(self.dims(name))
            message = f"the shape of '{name}' is {got}, expected {expected}"
            raise self.refusal(message) from _difference(message, self.dims(name), shapes[0])

    def expect_spread(self, what: str, shape: Dims, target: Dims) -> None:
        """Refuse a shape that does not broadcast to another one as it is."""
        self.expect(f"what {what} broadcast to", self.broadcast(shape, target), target)

    def expect_pair(self, first: str, second: str) -> None:
        """Refuse one of two operands without the other."""
        paired = (self.get(first) is None) == (self.get(second) is None)
        self.require(paired, f"{first} and {second} come together, or neither")

    # Attributes

    def attr(self, name: str) -> Value | None:
        """An attribute or its default; None where this version of the operator has none."""
        return self.op.attr(name)

    def integer(self, name: str) -> int:
        value = self.op.attr(name)
        if not isinstance(value, int):
            raise self.refusal(f"the attribute '{name}' is missing")
        return value

    def number(self, name: str) -> float:
        value = self.op.attr(name)
        if not isinstance(value, int | float):
            raise self.refusal(f"the attribute '{name}' is missing")
        return float(value)

    def flag(self, name: str) -> bool:
        """An integer attribute that says yes or no; no where this version has none."""
        value = self.op.attr(name)
        self.require(value in (0, 1, None), f"{name} is {value}, expected 0 or 1")
        return value == 1

    def weight(self, name: str) -> Weight | None:
        """A tensor attribute, by value if it is small."""
        value = self.op.attr(name)
        return inlined(value, self.folder) if isinstance(value, Weight) else None

    # What operands hold

    def elements(self, name: str) -> Elements | None:
        """The elements of an operand, if all are known."""
        value = self.op.get(name)
        return None if value is None else self.elements_of(value)

    def elements_of(self, value: SSAValue) -> Elements | None:
        return as_elements(self.lookup(value), tensor_of(value))

    def element(self, name: str) -> Affine | None:
        """The one element of an operand, if it is known and has no company."""
        known = self.elements(name)
        return known.flat()[0] if known is not None and known.array.size == 1 else None

    def real(self, name: str) -> float | None:
        """The one element of an operand of floats, if it is known."""
        content = self.lookup(self.value(name))
        if isinstance(content, Fill):
            return float(content.value)
        held = content.array if isinstance(content, Numbers) else None
        return float(held.reshape(())) if held is not None and held.size == 1 else None

    def uniform(self, name: str) -> Affine | None:
        """The integer that all elements of an operand are, possibly affine in symbols."""
        value = self.value(name)
        line = as_line(self.lookup(value), tensor_of(value))
        if line is not None:
            return line.base if all(c == Affine() for c in line.coefficients) else None
        known = self.elements_of(value)
        distinct = set[Affine]() if known is None else set(known.flat())
        return distinct.pop() if len(distinct) == 1 else None

    def ints(self, name: str, *, scalar: bool = False) -> tuple[Affine, ...] | None:
        """
        Integers that are an attribute in some versions and an operand in others.

        `scalar` says that one integer without a list will do as well.
        """
        value = self.op.attr(name) if name in self.op.schema.attributes else None
        if isinstance(value, list):
            return tuple([Affine(int(v)) for v in value])
        if name not in self.op.schema.input_index or self.op.get(name) is None:
            return None
        known, rank = self.elements(name), self.tensor(name).rank
        listed = rank == 1 or (scalar and rank == 0)
        self.require(listed, f"'{name}' has rank {rank}, expected a list")
        if known is None:
            why, hint = why_unknown(self.value(name), self.lookup, self.ranges)
            raise self.refusal(f"'{name}' depends on {why}", hint)
        return known.flat()

    def need(self, name: str, *, scalar: bool = False) -> tuple[Affine, ...]:
        known = self.ints(name, scalar=scalar)
        if known is None:
            raise self.refusal(f"'{name}' is missing")
        return known

    def numbers(self, name: str, *, scalar: bool = False) -> list[int] | None:
        """Like `ints`, but no symbols."""
        known = self.ints(name, scalar=scalar)
        for value in known or ():
            self.require(value.is_const, f"'{name}' is {value}, and must be a number")
        return None if known is None else [value.const for value in known]

    # Axes

    def axis(self, rank: int, name: str = "axis", *, ends: int = 0) -> int:
        """An attribute that names one of `rank` axes, or with `ends` a place behind the last."""
        return self.at(self.integer(name), rank, name, ends=ends)

    def at(self, value: int, rank: int, name: str = "axis", *, ends: int = 0) -> int:
        """An axis counted from the start; refused if the tensor does not have it."""
        if not -rank <= value < rank + ends:
            raise self.refusal(f"{name} {value} is outside of rank {rank}")
        return value + rank if value < 0 else value

    def axes(self, rank: int, name: str = "axes", *, scalar: bool = False) -> list[int] | None:
        """Axes of an attribute or operand, counted from the start, each once."""
        given = self.numbers(name, scalar=scalar)
        if given is None:
            return None
        found = [self.at(axis, rank, name) for axis in given]
        self.require(len(set(found)) == len(found), f"{name} {given} names an axis twice")
        return found


def _difference(message: str, got: Affine | Dims, expected: Affine | Dims) -> Differ | None:
    """The first two extents that differ; none where the ranks do."""
    first, second = (x if isinstance(x, tuple) else (x,) for x in (got, expected))
    pairs = zip(first, second, strict=True) if len(first) == len(second) else ()
    return next((Differ(message, a, b) for a, b in pairs if a != b), None)


def _text(value: Affine | Sequence[Affine]) -> str:
    return str(value) if isinstance(value, Affine) else f"[{', '.join(map(str, value))}]"
