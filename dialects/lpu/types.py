"""
The tensor type of the levels `onnx` and `lpu`: an element type and affine extents.

```mlir
!lpu.tensor<[1, 4, P + 1, 64], f32>     // ranked, one extent depends on the symbol P
!lpu.tensor<[?, 8], i64>                // an extent the importer does not know yet
!lpu.tensor<*, f32>                     // not even the rank is known
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import TypeVar, cast

from xdsl.ir import Data, TypeAttribute
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.affine import Affine, AffineLike, Ranges, product
from runtime.numerics.elements import TYPES, ElementType
from runtime.sharding import Factor, Sharding

_T = TypeVar("_T")


@dataclass(frozen=True)
class Tensor:
    """What a tensor type says: extents (None: unknown; `dims` None: unknown rank) and dtype."""

    dims: tuple[Affine | None, ...] | None
    dtype: ElementType

    @staticmethod
    def of(dims: Sequence[AffineLike], dtype: ElementType) -> Tensor:
        return Tensor(tuple([Affine.of(d) for d in dims]), dtype)

    @cached_property
    def shape(self) -> tuple[Affine, ...]:
        """The extents when all are known; asserts that they are."""
        assert self.is_resolved, f"extents not resolved: {self}"
        return cast("tuple[Affine, ...]", self.dims)

    @property
    def is_resolved(self) -> bool:
        return self.dims is not None and all([d is not None for d in self.dims])

    @property
    def rank(self) -> int:
        assert self.dims is not None
        return len(self.dims)

    @property
    def is_static(self) -> bool:
        return self.is_resolved and all(d.is_const for d in self.shape)

    @property
    def elements(self) -> Affine:
        """Number of elements; `NotAffine` if two extents depend on symbols."""
        return product(self.shape)

    @cached_property
    def _hash(self) -> int:
        return hash((self.dims, self.dtype))

    def __hash__(self) -> int:
        """Types are looked up far more often than they are made."""
        return self._hash

    def with_dtype(self, dtype: ElementType) -> Tensor:
        return Tensor(self.dims, dtype)

    def with_dims(self, dims: Sequence[AffineLike]) -> Tensor:
        return Tensor.of(dims, self.dtype)

    def static_shape(self) -> tuple[int, ...]:
        """The extents as plain numbers; asserts that no symbol is left."""
        assert self.is_static
        return tuple(d.const for d in self.shape)

    def bound(self, ranges: Ranges) -> tuple[int, ...]:
        """The largest value of each extent."""
        return tuple(d.upper(ranges) for d in self.shape)

    def __str__(self) -> str:
        if self.dims is None:
            return f"*, {self.dtype}"
        dims = ", ".join("?" if d is None else str(d) for d in self.dims)
        return f"[{dims}], {self.dtype}"


def parse_affine(parser: AttrParser) -> Affine:
    """Read `4*i + P + 1`."""
    total = Affine()
    while True:
        number = parser.parse_optional_integer(allow_boolean=False)
        if number is None:
            total += Affine.symbol(parser.parse_identifier())
        elif parser.parse_optional_punctuation("*"):
            total += Affine.symbol(parser.parse_identifier(), number)
        else:
            total += number
        if not parser.parse_optional_punctuation("+"):
            return total


def parse_list(parser: AttrParser, item: Callable[[], _T]) -> tuple[_T, ...]:
    """Read `[item, item, ...]`."""
    return tuple(parser.parse_comma_separated_list(parser.Delimiter.SQUARE, item))


def parse_dtype(parser: AttrParser, *, constants: bool = False) -> ElementType:
    """An element type of the machine, or one that only constants may have."""
    name = parser.parse_identifier()
    if name not in (tuple(ElementType) if constants else TYPES):
        parser.raise_error(f"unknown element type '{name}'")
    return ElementType(name)


def _factor(parser: AttrParser) -> Factor:
    extent, parts, stride = parser.parse_integer(allow_negative=False), 1, 1
    if parser.parse_optional_punctuation("/"):
        parts = parser.parse_integer(allow_negative=False)
    if parser.parse_optional_punctuation(":"):
        stride = parser.parse_integer(allow_negative=False)
    return Factor(extent, parts, stride)


def parse_sharding(parser: AttrParser) -> Sharding:
    """Read `4 x [[], [6/2:2, 2/2, 32]]`, which `Sharding` prints."""
    devices = parser.parse_integer(allow_negative=False)
    parser.parse_keyword("x")
    try:
        return Sharding(
            devices, parse_list(parser, lambda: parse_list(parser, lambda: _factor(parser)))
        )
    except ValueError as error:
        parser.raise_error(str(error))


def local_dims(dims: Sequence[Affine], sharding: Sharding | None) -> tuple[Affine, ...]:
    """What a device holds of these extents; ValueError where the factors do not make them up."""
    if sharding is None:
        return tuple(dims)
    sharding.check([None if dim.terms else dim.const for dim in dims])
    pairs = zip(dims, sharding.axes, strict=True)
    return tuple(Affine(prod(f.each for f in axis)) if axis else dim for dim, axis in pairs)


def _parse_extent(parser: AttrParser) -> Affine | None:
    return None if parser.parse_optional_punctuation("?") else parse_affine(parser)


class TensorType(Data[Tensor], TypeAttribute):
    """
    `!lpu.tensor<[extents], element type>`.

    A type of shards is a subclass, whose extents are those of one device: every operation takes it.
    """

    @property
    def whole(self) -> Tensor:
        """What all devices hold together; each holds all of it where nothing else is said."""
        return self.data

    @property
    def sharding(self) -> Sharding | None:
        """How it lies on several devices; None where none of them holds a part."""
        return None

    name = "lpu.tensor"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Tensor:
        with parser.in_angle_brackets():
            if parser.parse_optional_punctuation("*"):
                dims = None
            else:
                dims = parse_list(parser, lambda: _parse_extent(parser))
            parser.parse_punctuation(",")
            return Tensor(dims, parse_dtype(parser, constants=True))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


@lru_cache(maxsize=1 << 14)
def tensor_type(data: Tensor) -> TensorType:
    """The type of a tensor; equal ones are one object, which is cheaper to make and to compare."""
    return TensorType(data)


def tensor(dims: Sequence[AffineLike], dtype: ElementType) -> TensorType:
    """The type of a tensor with known extents."""
    return TensorType(Tensor.of(dims, dtype))
