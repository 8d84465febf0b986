"""Buffers: a number of elements in HBM or in the LMU."""

from __future__ import annotations

from typing import Literal, NamedTuple

from xdsl.ir import Data, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.lpu.types import parse_dtype
from runtime.numerics.elements import ElementType

Space = Literal["hbm", "lmu"]


class Buffer(NamedTuple):
    """`elements` of one type, contiguous, in one memory."""

    space: Space
    dtype: ElementType
    elements: int

    @property
    def nbytes(self) -> int:
        return self.elements * self.dtype.itemsize


@irdl_attr_definition
class BufferType(Data[Buffer], TypeAttribute):
    """`!lpu_mem.buffer<hbm, f32, 4096>`: memory, element type, number of elements."""

    name = "lpu_mem.buffer"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Buffer:
        with parser.in_angle_brackets():
            space: Space = "hbm" if parser.parse_optional_keyword("hbm") else "lmu"
            if space == "lmu":
                parser.parse_keyword("lmu")
            parser.parse_punctuation(",")
            dtype = parse_dtype(parser)
            parser.parse_punctuation(",")
            return Buffer(space, dtype, parser.parse_integer(allow_negative=False))

    def print_parameter(self, printer: Printer) -> None:
        buffer = self.data
        printer.print_string(f"<{buffer.space}, {buffer.dtype}, {buffer.elements}>")
