"""What recipes begin with: bytes of files, or in place, and elements of few bits in such."""

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
class Packed:
    """
    Elements of `bits` bits each as whole ones, in row-major order.

    `source` has the bytes, no more than they need.
    """

    source: FileRange | Inline
    bits: int
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        kind = type(self).__name__.lower()
        if self.source.dtype is not ElementType.U8:
            raise ValueError(f"{kind} takes bytes, not {self.source.dtype}")
        held, needed = prod(self.source.shape), -(-prod(self.shape) * self.bits // 8)
        if held != needed:
            raise ValueError(f"{kind} of {list(self.shape)} takes {needed} bytes, not {held}")


@dataclass(frozen=True)
class Unpack(Packed):
    """
    Integers of 2 or 4 bits; low bits of a byte come first.

    A type with a sign has two's complement.
    """

    dtype: ElementType

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bits not in (2, 4) or self.dtype not in (ElementType.I8, ElementType.U8):
            raise ValueError(f"unpack gives no {self.dtype} of {self.bits} bits")

    def __str__(self) -> str:
        return f"unpack({self.source}, {self.bits}, {list(self.shape)}, {self.dtype})"


@dataclass(frozen=True)
class Decode(Packed):
    """
    Elements of a table that codes of 4 or 8 bits choose, such as floats of so few bits.

    `high_first` says that the high half of a byte comes before the low one.
    """

    table: Inline
    high_first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        entries = f"{self.table.dtype} of {self.bits} bits"
        if self.bits not in (4, 8) or self.table.dtype not in (ElementType.F32, ElementType.F16):
            raise ValueError(f"decode gives no {entries}")
        if self.table.shape != (1 << self.bits,):
            raise ValueError(f"decode has {list(self.table.shape)} entries for {entries}")

    @property
    def dtype(self) -> ElementType:
        """Type of the elements."""
        return self.table.dtype

    def __str__(self) -> str:
        order = "high" if self.high_first else "low"
        return f"decode({self.source}, {self.bits}, {list(self.shape)}, {self.table}, {order})"


def nbytes(shape: Sequence[int], dtype: ElementType) -> int:
    """Bytes that elements of this shape take."""
    return prod(shape) * dtype.itemsize
