"""
Take the weights out of a serialised model before protobuf sees it.

A scan of the wire format finds the `raw_data` (and packed `float_data`) of every tensor that is an
initialiser or an attribute. What is larger than the limit is replaced by a short marker, and the
place it stood at in the file is noted. The rest is a small, ordinary model. A marker begins with
random bytes, so no model can hold one of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dialects.errors import CompileError
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.reading.window import FileBytes

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Nesting = dict[int, "Nesting | None"]
"""Field numbers that hold messages on the way to a tensor; None marks the tensor itself."""

ATTRIBUTE: Nesting = {5: None, 10: None}
NODE: Nesting = {5: ATTRIBUTE}
GRAPH: Nesting = {1: NODE, 5: None}
ATTRIBUTE[6] = GRAPH
MODEL: Nesting = {7: GRAPH, 25: {7: NODE}}

DATA_TYPE, FLOAT_DATA, RAW_DATA = 2, 4, 9
FLOAT = 1


@dataclass
class Taken:
    """File ranges that stood where a marker stands now."""

    token: bytes = field(default_factory=lambda: os.urandom(16))
    ranges: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def marker(self, offset: int, length: int) -> bytes:
        self.ranges.append((offset, length))
        return self.token + (len(self.ranges) - 1).to_bytes(8, "little")

    def find(self, data: bytes) -> tuple[int, int] | None:
        """The range (offset, length) that a marker stands for; None if this is no marker."""
        if len(data) != 24 or not data.startswith(self.token):
            return None
        return self.ranges[int.from_bytes(data[16:], "little")]


class Field(NamedTuple):
    """One field of a message: its number, wire type, and where it and its content stand."""

    number: int
    kind: int
    start: int
    content: int
    end: int


def malformed(offset: int) -> CompileError:
    return CompileError(
        f"the file is truncated or no ONNX model (byte {offset})", hint="export the model again"
    )


def _varint(data: FileBytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise malformed(position)


def encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(data: FileBytes, start: int, end: int) -> Iterator[Field]:
    """The fields of a message, in file order; CompileError where the encoding breaks."""
    position = start
    while position < end:
        begin = position
        key, position = _varint(data, position, end)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            content = position
            _, position = _varint(data, position, end)
        elif kind == BYTES:
            length, content = _varint(data, position, end)
            position = content + length
        elif kind in (FIXED32, FIXED64):
            content = position
            position += 4 if kind == FIXED32 else 8
        else:
            raise malformed(begin)
        if position > end or number == 0:
            raise malformed(begin)
        yield Field(number, kind, begin, content, position)


class Stripper:
    """Copies a message without the large data of its tensors."""

    def __init__(self, data: FileBytes, limit: int, budgets: Budgets) -> None:
        self.data, self.limit, self.budgets = data, limit, budgets
        self.taken = Taken()
        self.kept = 0

    def _keep(self, start: int, end: int) -> bytes:
        """A copy of bytes that stay, as long as the graph may still grow."""
        self.kept += end - start
        self.budgets.check("graph_bytes", self.kept, "the graph without weights, in bytes")
        return bytes(self.data[start:end])

    def message(self, start: int, end: int, nesting: Nesting) -> bytes:
        """The message with every tensor that `nesting` leads to stripped."""
        out: list[bytes] = []
        kept = start
        for item in fields(self.data, start, end):
            small = item.end - item.content <= self.limit
            if item.number not in nesting or item.kind != BYTES or small:
                continue
            out.append(self._keep(kept, item.start))
            inner = nesting[item.number]
            body = (
                self.tensor(item.content, item.end)
                if inner is None
                else self.message(item.content, item.end, inner)
            )
            out.append(_delimited(item.number, body))
            kept = item.end
        out.append(self._keep(kept, end))
        return b"".join(out)

    def tensor(self, start: int, end: int) -> bytes:
        """A tensor with its large data replaced by a marker in `raw_data`."""
        parts = list(fields(self.data, start, end))
        floats = [f for f in parts if f.number == FLOAT_DATA]
        as_raw = len(floats) == 1 and self._is_float(parts)
        out: list[bytes] = []
        for item in parts:
            large = item.kind == BYTES and item.end - item.content > self.limit
            if large and (item.number == RAW_DATA or (item.number == FLOAT_DATA and as_raw)):
                marker = self.taken.marker(item.content, item.end - item.content)
                out.append(_delimited(RAW_DATA, marker))
            else:
                out.append(self._keep(item.start, item.end))
        return b"".join(out)

    def _is_float(self, parts: list[Field]) -> bool:
        """Whether the tensor holds f32 and nothing in `raw_data`."""
        types = [f for f in parts if f.number == DATA_TYPE and f.kind == VARINT]
        if not types or any(f.number == RAW_DATA for f in parts):
            return False
        return _varint(self.data, types[-1].content, types[-1].end)[0] == FLOAT


def _delimited(number: int, body: bytes) -> bytes:
    return encode_varint(number << 3 | BYTES) + encode_varint(len(body)) + body


def strip(data: FileBytes, limit: int, budgets: Budgets) -> tuple[bytes, Taken]:
    """The model without data larger than `limit`, and where that data stands."""
    stripper = Stripper(data, limit, budgets)
    return stripper.message(0, len(data), MODEL), stripper.taken
