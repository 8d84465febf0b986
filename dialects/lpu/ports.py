"""
ONNX inputs and outputs that live in a state.

```mlir
#lpu.state_ports<["past.0.key" past f32 [1, 4, P, 64] at [0, 0, 0, 0, 0]]>
```
Name (escaped), role, element type of the ONNX interface, extents, and where in the state the first
element lies. The axes of the port are the last axes of the state. Where several devices share the
tensor, ` shard 4 x [[], [4/4], [], []]` follows: extents are those of the whole then, while each
device has its part in the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Data, Operation
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.affine import Affine
from dialects.lpu.types import local_dims, parse_affine, parse_dtype, parse_list, parse_sharding
from dialects.names import quoted
from dialects.refusal import refuse
from runtime.numerics.elements import ElementType
from runtime.sharding import Sharding


@dataclass(frozen=True)
class StatePort:
    """One tensor of the ONNX interface and its window of a state."""

    name: str
    role: str
    dtype: ElementType
    dims: tuple[Affine, ...]
    offsets: tuple[int, ...]
    sharding: Sharding | None = None

    @property
    def local(self) -> tuple[Affine, ...]:
        """The extents that each device holds; ValueError where the sharding is of others."""
        return local_dims(self.dims, self.sharding)

    def window(self, shape: Sequence[int]) -> tuple[int | slice, ...]:
        """Where an array of these extents lies in the state; leading axes are fixed."""
        lead = len(self.offsets) - len(shape)
        return (*self.offsets[:lead], *window(self.offsets[lead:], shape))

    def __str__(self) -> str:
        dims = ", ".join(map(str, self.dims))
        shard = "" if self.sharding is None else f" shard {self.sharding}"
        head = f"{quoted(self.name)} {self.role} {self.dtype} [{dims}]"
        return f"{head} at {list(self.offsets)}{shard}"


def window(offsets: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    """The elements that begin at `offsets`."""
    return tuple(slice(at, at + extent) for at, extent in zip(offsets, shape, strict=True))


@irdl_attr_definition
class StatePortsAttr(Data[tuple[StatePort, ...]]):
    """`#lpu.state_ports<["x" past f32 [1, P] at [0, 0], ...]>`."""

    name = "lpu.state_ports"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[StatePort, ...]:
        def port() -> StatePort:
            name = parser.parse_str_literal()
            role = parser.parse_identifier()
            dtype = parse_dtype(parser)
            dims = parse_list(parser, lambda: parse_affine(parser))
            parser.parse_keyword("at")
            offsets = parse_list(parser, parser.parse_integer)
            sharded = parser.parse_optional_keyword("shard")
            sharding = parse_sharding(parser) if sharded else None
            return StatePort(name, role, dtype, dims, offsets, sharding)

        with parser.in_angle_brackets():
            return parse_list(parser, port)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<[{', '.join(map(str, self.data))}]>")


def require_shared(
    op: Operation, name: str, dims: tuple[Affine, ...], sharding: Sharding | None
) -> None:
    """`Refused` unless a port has the extents that its sharding is of."""
    try:
        local_dims(dims, sharding)
    except ValueError as error:
        refuse(op, f"port '{name}' is not shared as {sharding}: {error}")
