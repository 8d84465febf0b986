"""
The interface of a program at the `lpu_mem` level: which buffer holds which input or output.

```mlir
#lpu_mem.port<"past.0.key", past, f32, [1, 4, P, 64], [1048576, 262144, 64, 1], 0>
```
Name (escaped), role, element type of the ONNX interface, extents, strides and offset in elements of
the buffer. Inputs are the arguments of the function, outputs the operands of `lpu_mem.return`.
Behind them stands how several devices share the tensor, `0 shard 4 x [[], [4/4], [], []]`: extents
are those of the whole then, strides and offset those of the part that each device has.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.affine import Affine
from dialects.lpu.types import local_dims, parse_affine, parse_dtype, parse_list, parse_sharding
from dialects.names import quoted
from runtime.numerics.elements import ElementType
from runtime.sharding import Sharding


@dataclass(frozen=True)
class Port:
    """One tensor of the interface. `strides` are static: buffers lie at their bounds."""

    name: str
    role: str
    dtype: ElementType
    dims: tuple[Affine, ...]
    strides: tuple[int, ...]
    offset: int
    sharding: Sharding | None = None

    @property
    def local(self) -> tuple[Affine, ...]:
        """The extents that each device holds; ValueError where the sharding is of others."""
        return local_dims(self.dims, self.sharding)

    def __str__(self) -> str:
        dims = ", ".join(map(str, self.dims))
        head = f"{quoted(self.name)}, {self.role}, {self.dtype}"
        shard = "" if self.sharding is None else f" shard {self.sharding}"
        return f"{head}, [{dims}], {list(self.strides)}, {self.offset}{shard}"


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
            offset = parser.parse_integer()
            sharded = parser.parse_optional_keyword("shard")
            sharding = parse_sharding(parser) if sharded else None
            return Port(name, role, dtype, dims, strides, offset, sharding)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")
