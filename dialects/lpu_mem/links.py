"""
What passes between neighbours on a ring of devices: `lpu_mem.send` and `lpu_mem.recv`.

```mlir
lpu_mem.send "left" %y <[6] {6*d0: [1]}> : !lpu_mem.buffer<hbm, f32, 24>
lpu_mem.recv "right" %y <[6] {6*d1: [1]}> : !lpu_mem.buffer<hbm, f32, 24>
```
All devices run one text, so what a device sends to its left is what its left neighbour receives
from the right, by the same text and in the same order. A message has the elements of its view in
row-major order; the receiver's view has the same extents, and any strides.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import SSAValue
from xdsl.irdl import prop_def

from dialects.definition import op_definition
from dialects.lpu_mem.access import View
from dialects.lpu_mem.buffers import DataOp

SIDES = ("left", "right")
"""The neighbours: of device `d`, `d - 1` and `d + 1`, around the ring."""


class LinkOp(DataOp):
    """A message of one buffer's elements to or from a neighbour."""

    BUFFERS: ClassVar[tuple[int, ...]] = (1,)
    side = prop_def(StringAttr)

    @property
    def buffer(self) -> SSAValue:
        """Where the elements lie."""
        return self.operands[0]

    @property
    def view(self) -> View:
        """Which of them."""
        return self.access.data.views[0]

    def verify_data(self) -> None:
        self.require(self.side.data in SIDES, f"no neighbour is called '{self.side.data}'")


@op_definition
class SendOp(LinkOp):
    """Hand a message to a neighbour; waits for a place on the link."""

    name = "lpu_mem.send"
    WRITES: ClassVar[int] = 0
    assembly_format = "$side $buffers $access attr-dict `:` type($buffers)"


@op_definition
class RecvOp(LinkOp):
    """Take the next message of a neighbour; waits for it."""

    name = "lpu_mem.recv"
    assembly_format = "$side $buffers $access attr-dict `:` type($buffers)"
