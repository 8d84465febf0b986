"""`TensorProto` to weight expressions: the importer never holds more than a small constant."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, numpy_helper

from dialects.errors import CompileError, Unsupported
from dialects.lpu.weights import (
    INLINE_LIMIT,
    Cast,
    FileRange,
    Inline,
    Unpack,
    Weight,
    inline,
    nbytes,
    read,
)
from dialects.names import escape
from dialects.onnx.elements import ELEMENT_TYPES, SUPPORTED, onnx_name
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.reading.files import ExternalFiles
from lpuc.onnx_import.reading.window import FileBytes
from lpuc.onnx_import.reading.wire import Taken
from runtime.numerics.elements import ElementType

PIECE = 1 << 20
INTEGERS_LIMIT = 2048
"""Integers up to so many bytes are looked at when shapes are resolved."""


class Held(NamedTuple):
    """How the numbers of a type that the machine lacks are held, and as what a file has them."""

    dtype: ElementType
    least: int
    greatest: int
    stored: ElementType | None = None
    """None where two share a byte."""


LACKING: dict[int, Held] = {
    TensorProto.INT4: Held(ElementType.I8, -8, 7),
    TensorProto.UINT4: Held(ElementType.U8, 0, 15),
    TensorProto.INT16: Held(ElementType.I32, -(1 << 15), (1 << 15) - 1, ElementType.I16),
    TensorProto.UINT16: Held(ElementType.I32, 0, (1 << 16) - 1, ElementType.U16),
}


def element_type(number: int, what: str) -> ElementType:
    """Our element type for ONNX's number; `what` names the owner when there is none."""
    if number in ELEMENT_TYPES:
        return ELEMENT_TYPES[number]
    raise Unsupported(f"{what} has element type {onnx_name(number)}", hint=f"use {SUPPORTED}")


class TensorReader(NamedTuple):
    """Turns the tensors of one model file into weights."""

    model: str
    data: FileBytes
    taken: Taken
    files: ExternalFiles
    budgets: Budgets

    def weight(self, tensor: TensorProto, what: str) -> Weight:
        """The weight a tensor stands for; `what` names it in messages."""
        dtype = element_type(tensor.data_type, what)
        return self._stored(tensor, self._shape(tensor, what), dtype, what)

    def short(self, tensor: TensorProto, what: str) -> Weight:
        """
        A tensor of integers that the machine lacks, as longer ones.

        Those of 4 bits, two of which lie in a byte, have 8 bits, those of 16 have 32.
        """
        shape = self._shape(tensor, what)
        held = LACKING[tensor.data_type]
        if held.stored is None:
            packed = self._stored(tensor, ((prod(shape) + 1) // 2,), ElementType.U8, what)
            return Unpack(packed, 4, shape, held.dtype)
        longer = Cast(self._stored(tensor, shape, held.stored, what), held.dtype)
        return inline(read(longer, Path())) if isinstance(longer.source, Inline) else longer

    def _shape(self, tensor: TensorProto, what: str) -> tuple[int, ...]:
        shape = tuple(tensor.dims)
        self.budgets.check("rank", len(shape), f"the rank of {what}")
        if any(d < 0 for d in shape):
            raise CompileError(f"{what} has a negative extent: {list(shape)}")
        if prod(shape) >= 1 << 59:
            raise CompileError(f"{what} has impossible extents: {list(shape)}")
        return shape

    def _stored(
        self, tensor: TensorProto, shape: tuple[int, ...], dtype: ElementType, what: str
    ) -> FileRange | Inline:
        if tensor.HasField("segment"):
            raise Unsupported(f"{what} is stored in segments", hint="save it in one piece")
        if tensor.data_location == TensorProto.EXTERNAL:
            return self._external(tensor, shape, dtype, what)
        if tensor.HasField("raw_data"):
            return self._raw(tensor.raw_data, shape, dtype, what)
        return self._typed(tensor, shape, dtype, what)

    def _raw(
        self, raw: bytes, shape: tuple[int, ...], dtype: ElementType, what: str
    ) -> FileRange | Inline:
        size, place = nbytes(shape, dtype), self.taken.find(raw)
        length = place[1] if place else len(raw)
        if length != size:
            raise CompileError(f"{what} holds {length} bytes, {list(shape)} of {dtype} need {size}")
        if place:
            pieces = (self.data[a:b] for a, b in _pieces(place[0], size))
            _check_booleans(pieces, dtype, what)
            return FileRange(self.model, place[0], shape, dtype)
        return small(raw, shape, dtype, what)

    def _external(
        self, tensor: TensorProto, shape: tuple[int, ...], dtype: ElementType, what: str
    ) -> FileRange | Inline:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location, size = entries.get("location", ""), nbytes(shape, dtype)
        offset = _number(entries.get("offset") or "0", "offset", what)
        length = _number(entries.get("length") or str(size), "length", what)
        if length != size:
            raise CompileError(
                f"{what} has external length {length}, {list(shape)} of {dtype} need {size}"
            )
        try:
            if self.files.is_absent(location):
                return _absent(FileRange(location, offset, shape, dtype), what)
            available = self.files.size(location)
        except CompileError as error:
            raise CompileError(f"{what}: {error.message}", hint=error.hint) from None
        if offset + size > available:
            raise CompileError(
                f"{what} ends at byte {offset + size} of '{escape(location)}', "
                f"which has {available}",
                hint="the data file is truncated or belongs to another model",
            )
        if size > INLINE_LIMIT:
            pieces = (self.files.read(location, a, b - a) for a, b in _pieces(offset, size))
            _check_booleans(pieces, dtype, what)
            return FileRange(location, offset, shape, dtype)
        return small(self.files.read(location, offset, size), shape, dtype, what)

    def _typed(
        self, tensor: TensorProto, shape: tuple[int, ...], dtype: ElementType, what: str
    ) -> FileRange | Inline:
        size = nbytes(shape, dtype)
        if size > INLINE_LIMIT:
            raise CompileError(
                f"{what} holds {size} bytes of {dtype} as a list of numbers",
                hint="store it as raw_data: onnx.numpy_helper.from_array writes that form",
            )
        try:
            array = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, OverflowError) as error:
            raise CompileError(f"{what} cannot be read: {_first_line(error)}") from None
        held = LACKING.get(tensor.data_type)
        if held is not None and held.stored is None:
            array = _packed(array)
        return small(array.tobytes(), shape, dtype, what)


def _packed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """4-bit numbers, two in a byte, the low half first."""
    halves = array.reshape(-1).astype(np.int8).view(np.uint8) & np.uint8(15)
    halves = np.append(halves, np.zeros(halves.size % 2, np.uint8))
    return halves[0::2] | halves[1::2] << np.uint8(4)


def _absent(weight: FileRange, what: str) -> FileRange | Inline:
    """
    A weight whose file is absent. Small ones stand in the IR, as numbers that nothing folds away.

    Single numbers and short lists of integers decide what is computed; they must be known. Those
    of 8 bits are weights or zero points: no operator takes shapes or indices of that type.
    """
    size = nbytes(weight.shape, weight.dtype)
    is_byte = weight.dtype in (ElementType.I8, ElementType.U8)
    decides = size <= INTEGERS_LIMIT and not weight.dtype.is_float and not is_byte
    if decides or size == weight.dtype.itemsize:
        raise CompileError(f"{what} may decide what is computed, but its file is absent")
    if size > INLINE_LIMIT:
        return weight
    seed = zlib.crc32(f"{weight.offset} {weight.path}".encode())
    draw = np.random.default_rng(seed)
    numbers = draw.integers(1, 100, weight.shape) if is_byte else 1 + draw.random(weight.shape)
    return Inline(numbers.astype(weight.dtype.dtype).tobytes(), weight.shape, weight.dtype)


def small(data: bytes, shape: tuple[int, ...], dtype: ElementType, what: str) -> Inline:
    """A constant that stands in the IR; booleans become 0 or 1."""
    size = nbytes(shape, dtype)
    if len(data) != size:
        raise CompileError(f"{what} holds {len(data)} bytes, {list(shape)} of {dtype} need {size}")
    if dtype == ElementType("bool"):
        data = (np.frombuffer(data, np.uint8) != 0).tobytes()
    return Inline(data, shape, dtype)


def _pieces(offset: int, size: int) -> Iterator[tuple[int, int]]:
    """Start and end of the pieces in which a range of a file is looked at."""
    for start in range(offset, offset + size, PIECE):
        yield start, min(start + PIECE, offset + size)


def _check_booleans(pieces: Iterable[bytes], dtype: ElementType, what: str) -> None:
    """Refuse bytes other than 0 and 1; `pieces` is consumed for booleans only."""
    if dtype == ElementType("bool") and any(np.frombuffer(p, np.uint8).max() > 1 for p in pieces):
        raise CompileError(f"{what} holds booleans other than 0 and 1")


def _number(text: str, key: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise CompileError(f"{what} has {key} '{escape(text)}'", hint="it must be a number")
    return int(text)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def from_numbers(value: object, dtype: ElementType, what: str) -> Inline:
    """The constant that `value_int`, `value_floats` and their like stand for."""
    array = np.array(value, dtype.dtype)
    if array.nbytes > INLINE_LIMIT:
        raise CompileError(f"{what} holds {array.nbytes} bytes as numbers", hint="use a tensor")
    return Inline(array.tobytes(), array.shape, dtype)
