"""
Weights as expressions over file ranges: the IR names bytes, it never holds them.

```mlir
#lpu.weight<file("model.onnx.data", 4096, [768, 3072], f32)>
#lpu.weight<transpose(file("model.onnx", 128, [4, 2], f32), [1, 0])>
#lpu.weight<inline("0000803f0000c0ff", [2], f32)>      // small constants, as bytes: NaN-safe
#lpu.weight<stack([file("w", 0, [2], f32), file("w", 8, [2], f32)])>   // a new leading axis
#lpu.weight<concat([file("w", 0, [2], f32), file("w", 8, [1], f32)], 0)>
#lpu.weight<slice(file("w", 0, [4, 2], f32), [1, 0], [2, 2])>          // a box, from [1, 0] on
#lpu.weight<pad(file("w", 0, [4, 2], f32), [5, 2])>                    // zeros at the ends
#lpu.weight<shard(file("w", 0, [5, 2], f32), 4 x [[5/4], []])>         // [2, 2] on each of 4
#lpu.weight<unpack(file("w", 0, [9], u8), 4, [2, 9], i8)>              // two numbers of a byte
#lpu.weight<decode(file("w", 0, [8], u8), 8, [2, 4], inline("0000...", [256], f16), low)>
#lpu.weight<dequantise(file("w", 0, [4, 64], i8), file("s", 0, [4, 2], f16),
                       inline("00", [1, 1], i8), [1, 32])>              // a scale for each 32
```

Paths are relative to the model folder. An expression is a closed set of nodes, which
`runtime.weights.recipes` defines and executes; the layout changes it records are carried out once,
when `read` is asked for the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.lpu.types import parse_dtype, parse_list, parse_sharding
from runtime.numerics.elements import ElementType
from runtime.weights.recipes import (
    Cast,
    Concat,
    Decode,
    Dequantise,
    FileRange,
    Inline,
    Pad,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
    Unpack,
    for_device,
    nbytes,
    read,
)

__all__ = [
    "INLINE_LIMIT", "Cast", "Concat", "Decode", "Dequantise", "FileRange", "Inline", "Pad",
    "Reshape", "Shard", "Slice", "Stack", "Transpose", "Unpack", "Weight", "WeightAttr",
    "for_device", "inline", "nbytes", "read",
]  # fmt: skip

INLINE_LIMIT = 1024
"""Largest constant, in bytes, that may stand in the IR itself."""

Weight = Recipe
_T = TypeVar("_T")


def inline(array: np.ndarray) -> Inline:
    """A constant that stands in the IR; the caller has checked `INLINE_LIMIT`."""
    dtype = ElementType.of(array.dtype)
    assert dtype is not None, f"no element type for {array.dtype}"
    return Inline(np.ascontiguousarray(array).tobytes(), array.shape, dtype)


def reshaped(weight: Weight, shape: tuple[int, ...]) -> Weight:
    """A weight under other extents; one recipe for reshapes in a row."""
    return Reshape(weight.source if isinstance(weight, Reshape) else weight, shape)


def transposed(weight: Weight, perm: tuple[int, ...]) -> Weight:
    """
    A weight with permuted axes, in the simplest form.

    What is transposed already becomes its source, also below casts, stacks, concatenations and what
    leaves out or adds elements: a tied embedding is one weight then, and its parts are.
    """
    if list(perm) == sorted(perm):
        return weight
    match weight:
        case Transpose():
            return transposed(weight.source, _permuted(weight.perm, perm))
        case Cast():
            return Cast(transposed(weight.source, perm), weight.dtype)
        case Stack() if perm[0] == 0:
            inner = tuple(p - 1 for p in perm[1:])
            return Stack(tuple(transposed(source, inner) for source in weight.sources))
        case Concat():
            sources = tuple(transposed(source, perm) for source in weight.sources)
            return Concat(sources, perm.index(weight.axis))
        case Slice():
            offsets, shape = _permuted(weight.offsets, perm), _permuted(weight.shape, perm)
            return Slice(transposed(weight.source, perm), offsets, shape)
        case Pad():
            return Pad(transposed(weight.source, perm), _permuted(weight.shape, perm))
        case Shard():
            axes = _permuted(weight.sharding.axes, perm)
            return Shard(transposed(weight.source, perm), replace(weight.sharding, axes=axes))
        case _:
            return Transpose(weight, perm)


def _permuted(axes: tuple[_T, ...], perm: tuple[int, ...]) -> tuple[_T, ...]:
    """What there is of each axis, in the order of a transpose."""
    return tuple(axes[p] for p in perm)


def _parse(parser: AttrParser) -> Weight:
    kind = parser.parse_identifier()
    readers: dict[str, Callable[[AttrParser], Weight]] = {
        "file": _parse_file,
        "inline": _parse_inline,
        "reshape": lambda p: Reshape(_parse_source(p), _parse_ints(p)),
        "transpose": lambda p: Transpose(_parse_source(p), _parse_ints(p)),
        "slice": _parse_slice,
        "pad": lambda p: Pad(_parse_source(p), _parse_ints(p)),
        "shard": lambda p: Shard(_parse_source(p), parse_sharding(p)),
        "cast": lambda p: Cast(_parse_source(p), parse_dtype(p, constants=True)),
        "unpack": _parse_unpack,
        "decode": _parse_decode,
        "dequantise": _parse_dequantise,
        "stack": lambda p: Stack(_parse_weights(p)),
        "concat": _parse_concat,
    }
    if kind not in readers:
        parser.raise_error(f"unknown weight expression '{kind}'; known: {', '.join(readers)}")
    parser.parse_punctuation("(")
    try:
        weight = readers[kind](parser)
    except ValueError as error:
        parser.raise_error(str(error))
    parser.parse_punctuation(")")
    return weight


def _parse_ints(parser: AttrParser) -> tuple[int, ...]:
    return parse_list(parser, parser.parse_integer)


def _parse_source(parser: AttrParser) -> Weight:
    source = _parse(parser)
    parser.parse_punctuation(",")
    return source


def _parse_weights(parser: AttrParser) -> tuple[Weight, ...]:
    return parse_list(parser, lambda: _parse(parser))


def _parse_slice(parser: AttrParser) -> Slice:
    source, offsets = _parse_source(parser), _parse_ints(parser)
    parser.parse_punctuation(",")
    return Slice(source, offsets, _parse_ints(parser))


def _parse_packed(parser: AttrParser, kind: str) -> tuple[FileRange | Inline, int, tuple[int, ...]]:
    source = _parse_source(parser)
    if not isinstance(source, FileRange | Inline):
        raise ValueError(f"{kind} takes bytes as they lie")
    bits = parser.parse_integer()
    parser.parse_punctuation(",")
    shape = _parse_ints(parser)
    parser.parse_punctuation(",")
    return source, bits, shape


def _parse_unpack(parser: AttrParser) -> Unpack:
    return Unpack(*_parse_packed(parser, "unpack"), parse_dtype(parser, constants=True))


def _parse_decode(parser: AttrParser) -> Decode:
    packed, table = _parse_packed(parser, "decode"), _parse_source(parser)
    if not isinstance(table, Inline):
        raise ValueError("decode takes a table in place")
    order = parser.parse_identifier()
    if order not in ("high", "low"):
        raise ValueError("decode says whether the high or the low half of a byte comes first")
    return Decode(*packed, table, order == "high")


def _parse_dequantise(parser: AttrParser) -> Dequantise:
    numbers, scales, points = (_parse_source(parser) for _ in range(3))
    return Dequantise(numbers, scales, points, _parse_ints(parser))


def _parse_concat(parser: AttrParser) -> Concat:
    sources = _parse_weights(parser)
    parser.parse_punctuation(",")
    return Concat(sources, parser.parse_integer(allow_negative=False))


def _parse_file(parser: AttrParser) -> FileRange:
    path = parser.parse_str_literal().encode("latin-1", "backslashreplace").decode("unicode_escape")
    parser.parse_punctuation(",")
    offset = parser.parse_integer(allow_negative=False)
    parser.parse_punctuation(",")
    shape = _parse_ints(parser)
    parser.parse_punctuation(",")
    return FileRange(path, offset, shape, parse_dtype(parser, constants=True))


def _parse_inline(parser: AttrParser) -> Inline:
    text = parser.parse_str_literal()
    parser.parse_punctuation(",")
    shape = _parse_ints(parser)
    parser.parse_punctuation(",")
    dtype = parse_dtype(parser, constants=True)
    data = bytes.fromhex(text)
    if len(data) != nbytes(shape, dtype):
        parser.raise_error(f"{len(data)} bytes do not fill {list(shape)} of {dtype}")
    return Inline(data, shape, dtype)


@irdl_attr_definition
class WeightAttr(Data["Weight"]):
    """`#lpu.weight<expression>`: constant elements, by reference."""

    name = "lpu.weight"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Weight:
        with parser.in_angle_brackets():
            return _parse(parser)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")
