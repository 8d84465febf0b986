"""
The type of a tensor of which each device holds a part.

```mlir
!lpu_esl.shard<[1, P + 1, 192], f32, 4 x [[], [], [192/4]]>     // extents of the whole tensor
```
To an operation of `lpu` it is a tensor of the extents that one device holds. It is never equal to
the plain type of those extents, of which it says more: what the device holds is its part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.lpu.types import (
    Tensor,
    TensorType,
    local_dims,
    parse_affine,
    parse_dtype,
    parse_list,
    parse_sharding,
)
from runtime.sharding import Sharding


def local_tensor(whole: Tensor, sharding: Sharding) -> Tensor:
    """What each device holds; ValueError where the factors do not make up the extents."""
    return whole.with_dims(local_dims(whole.shape, sharding))


@irdl_attr_definition
@dataclass(frozen=True, init=False)
class ShardType(TensorType):
    """`!lpu_esl.shard<[extents], element type, sharding>`; `data` has the extents of one device."""

    shared: tuple[Tensor, Sharding]

    name = "lpu_esl.shard"

    def __init__(self, shared: tuple[Tensor, Sharding]) -> None:
        object.__setattr__(self, "shared", shared)
        super().__init__(local_tensor(*shared))

    @property
    def whole(self) -> Tensor:
        return self.shared[0]

    @property
    def sharding(self) -> Sharding:
        return self.shared[1]

    @classmethod
    def new(cls, params: Any) -> ShardType:
        """The type of what `parse_parameter` read."""
        return cls(params)

    @cached_property
    def _hash(self) -> int:
        return hash(self.shared)

    def __hash__(self) -> int:
        """Types are looked up far more often than they are made."""
        return self._hash

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Any:
        with parser.in_angle_brackets():
            dims = parse_list(parser, lambda: parse_affine(parser))
            parser.parse_punctuation(",")
            whole = Tensor(dims, parse_dtype(parser))
            parser.parse_punctuation(",")
            sharding = parse_sharding(parser)
        try:
            local_tensor(whole, sharding)
        except ValueError as error:
            parser.raise_error(str(error))
        return whole, sharding

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.whole}, {self.sharding}>")


@lru_cache(maxsize=1 << 14)
def shard_type(whole: Tensor, sharding: Sharding) -> ShardType:
    """The type of a tensor in parts; equal ones are one object."""
    return ShardType((whole, sharding))
