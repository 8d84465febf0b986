"""What recipes begin with: bytes of files, or in place, and numbers that share a byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from runtime.numerics.elements import ElementType


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
class Unpack:
    """
    Numbers of 2 or 4 bits as whole elements, in row-major order; low bits of a byte come first.

    `source` has the bytes, no more than they need; a type with a sign has two's complement.
    """

    source: FileRange | Inline
    bits: int
    shape: tuple[int, ...]
    dtype: ElementType

    def __post_init__(self) -> None:
        source, bits = self.source, self.bits
        if source.dtype is not ElementType.U8:
            raise ValueError(f"unpack takes bytes, not {source.dtype}")
        if bits not in (2, 4) or self.dtype not in (ElementType.I8, ElementType.U8):
            raise ValueError(f"unpack gives no {self.dtype} of {bits} bits")
        held, needed = prod(source.shape), -(-prod(self.shape) * bits // 8)
        if held != needed:
            raise ValueError(f"unpack of {list(self.shape)} takes {needed} bytes, not {held}")

    def __str__(self) -> str:
        return f"unpack({self.source}, {self.bits}, {list(self.shape)}, {self.dtype})"


def nbytes(shape: Sequence[int], dtype: ElementType) -> int:
    """Bytes that elements of this shape take."""
    return prod(shape) * dtype.itemsize
