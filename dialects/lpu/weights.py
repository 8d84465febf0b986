"""
Weights as expressions over file ranges: the IR names bytes, it never holds them.

```mlir
#lpu.weight<file("model.onnx.data", 4096, [768, 3072], f32)>
#lpu.weight<transpose(file("model.onnx", 128, [4, 2], f32), [1, 0])>
#lpu.weight<inline("0000803f0000c0ff", [2], f32)>      // small constants, as bytes: NaN-safe
```

Paths are relative to the model folder. An expression is a closed set of nodes (decision 21); the
layout changes it records are carried out once, when `read` is asked for the bytes.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.lpu.types import parse_dtype, parse_list
from runtime.numerics import ElementType, convert

INLINE_LIMIT = 1024
"""Largest constant, in bytes, that may stand in the IR itself."""


@dataclass(frozen=True)
class FileRange:
    """Row-major little-endian elements at a byte offset of a file."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: ElementType

    def __str__(self) -> str:
        path = self.path.encode("unicode_escape").decode().replace("\\", "\\\\")
        path = path.replace('"', '\\"')
        return f'file("{path}", {self.offset}, {list(self.shape)}, {self.dtype})'


@dataclass(frozen=True)
class Inline:
    """The elements themselves, row-major and little-endian."""

    data: bytes
    shape: tuple[int, ...]
    dtype: ElementType

    def __str__(self) -> str:
        return f'inline("{self.data.hex()}", {list(self.shape)}, {self.dtype})'


@dataclass(frozen=True)
class Reshape:
    source: Weight
    shape: tuple[int, ...]

    @property
    def dtype(self) -> ElementType:
        return self.source.dtype

    def __str__(self) -> str:
        return f"reshape({self.source}, {list(self.shape)})"


@dataclass(frozen=True)
class Transpose:
    source: Weight
    perm: tuple[int, ...]

    @property
    def dtype(self) -> ElementType:
        return self.source.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape[p] for p in self.perm)

    def __str__(self) -> str:
        return f"transpose({self.source}, {list(self.perm)})"


@dataclass(frozen=True)
class Cast:
    source: Weight
    dtype: ElementType

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    def __str__(self) -> str:
        return f"cast({self.source}, {self.dtype})"


Weight = FileRange | Inline | Reshape | Transpose | Cast


@lru_cache(maxsize=64)
def _mapped(path: str, _stamp: tuple[int, int]) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _read_range(weight: FileRange, folder: Path) -> np.ndarray:
    path = folder / weight.path
    stat = path.stat()
    data = _mapped(str(path), (stat.st_size, stat.st_mtime_ns))
    count = int(np.prod(weight.shape, dtype=np.int64))
    flat = np.frombuffer(data, weight.dtype.dtype, count=count, offset=weight.offset)
    return flat.reshape(weight.shape)


def read(weight: Weight, folder: Path) -> np.ndarray:
    """The elements; a file range is a read-only view of the mapped file, not a copy."""
    match weight:
        case FileRange():
            return _read_range(weight, folder)
        case Inline():
            return np.frombuffer(weight.data, weight.dtype.dtype).reshape(weight.shape)
        case Reshape():
            return read(weight.source, folder).reshape(weight.shape)
        case Transpose():
            return read(weight.source, folder).transpose(weight.perm)
        case Cast():
            return convert(read(weight.source, folder), weight.dtype)


def inline(array: np.ndarray) -> Inline:
    """A constant that stands in the IR; the caller has checked `INLINE_LIMIT`."""
    dtype = ElementType.of(array.dtype)
    assert dtype is not None, f"no element type for {array.dtype}"
    return Inline(np.ascontiguousarray(array).tobytes(), array.shape, dtype)


def _parse(parser: AttrParser) -> Weight:
    kind = parser.parse_identifier()
    readers: dict[str, Callable[[AttrParser], Weight]] = {
        "file": _parse_file,
        "inline": _parse_inline,
        "reshape": lambda p: Reshape(_parse_source(p), _parse_ints(p)),
        "transpose": lambda p: Transpose(_parse_source(p), _parse_ints(p)),
        "cast": lambda p: Cast(_parse_source(p), parse_dtype(p)),
    }
    if kind not in readers:
        parser.raise_error(f"unknown weight expression '{kind}'; known: {', '.join(readers)}")
    parser.parse_punctuation("(")
    weight = readers[kind](parser)
    parser.parse_punctuation(")")
    return weight


def _parse_ints(parser: AttrParser) -> tuple[int, ...]:
    return parse_list(parser, parser.parse_integer)


def _parse_source(parser: AttrParser) -> Weight:
    source = _parse(parser)
    parser.parse_punctuation(",")
    return source


def _parse_file(parser: AttrParser) -> FileRange:
    path = parser.parse_str_literal().encode("latin-1", "backslashreplace").decode("unicode_escape")
    parser.parse_punctuation(",")
    offset = parser.parse_integer(allow_negative=False)
    parser.parse_punctuation(",")
    shape = _parse_ints(parser)
    parser.parse_punctuation(",")
    return FileRange(path, offset, shape, parse_dtype(parser))


def _parse_inline(parser: AttrParser) -> Inline:
    text = parser.parse_str_literal()
    parser.parse_punctuation(",")
    shape = _parse_ints(parser)
    parser.parse_punctuation(",")
    dtype = parse_dtype(parser)
    data = bytes.fromhex(text)
    if len(data) != int(np.prod(shape)) * dtype.itemsize:
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


def nbytes(shape: Sequence[int], dtype: ElementType) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize
