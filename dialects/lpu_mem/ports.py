"""
The interface of a program at the `lpu_mem` level: which buffer holds which input or output.

```mlir
#lpu_mem.port<"past.0.key", past, f32, [1, 4, P, 64], [1048576, 262144, 64, 1], 0>
```
Name (escaped), role, element type of the ONNX interface, extents, strides and offset in elements of
the buffer. Inputs are the arguments of the function, outputs the operands of `lpu_mem.return`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.affine import Affine
from dialects.lpu.types import parse_affine, parse_dtype, parse_list
from dialects.names import quoted
from runtime.numerics.elements import ElementType


@dataclass(frozen=True)
class Port:
    """One tensor of the interface. `strides` are static: buffers lie at their bounds."""

    name: str
    role: str
    dtype: ElementType
    dims: tuple[Affine, ...]
    strides: tuple[int, ...]
    offset: int

    def __str__(self) -> str:
        dims = ", ".join(map(str, self.dims))
        head = f"{quoted(self.name)}, {self.role}, {self.dtype}"
        return f"{head}, [{dims}], {list(self.strides)}, {self.offset}"


@irdl_attr_definition
class PortAttr(Data[Port]):
    """`#lpu_mem.port<...>`; function attributes `lpu_mem.inputs`, `lpu_mem.outputs` hold arrays."""

    name = "lpu_mem.port"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Port:
        def comma() -> None:
            parser.parse_punctuation(",")

        with parser.in_angle_brackets():
            name = parser.parse_str_literal()
            comma()
            role = parser.parse_identifier()
            comma()
            dtype = parse_dtype(parser)
            comma()
            dims = parse_list(parser, lambda: parse_affine(parser))
            comma()
            strides = parse_list(parser, parser.parse_integer)
            comma()
            return Port(name, role, dtype, dims, strides, parser.parse_integer())

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")
