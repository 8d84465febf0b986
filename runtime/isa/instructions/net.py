"""Instructions of the network engines: blocks of the LMU to and from the neighbours in a ring.

Every device of a ring executes the same program. The right neighbour of device d is device d + 1,
that of the last one device 0; what a device sends to its left is what its left neighbour receives
from its right. A message is the bytes of its elements in row-major order, with extents and type. A
link keeps the order of messages and holds `link_depth` of them: `send` waits while it is full and
`recv` while it is empty, so that no result depends on which device is ahead.
"""

from math import prod
from typing import Annotated

from runtime.isa import kinds
from runtime.isa.spec import DataInst, Extents, Four, Mem0, Unit
from runtime.isa.state import State
from runtime.target import Target

SIDES = ("left", "right")
Side = Annotated[str, kinds.Choice(SIDES)]


class NetInst(DataInst):
    """An instruction whose elements pass over a link, with its only operand in the LMU.

    What it takes holds for an idle link; `runtime.timing.links` knows the rest.
    """

    def bytes(self, extents: Four) -> int:
        """Bytes of the message."""
        return prod(extents) * self.operand(self.viewed()[0]).type.itemsize

    def occupancy(self, extents: Four, target: Target) -> int:
        return target.link_cycles(self.bytes(extents))


class Send(NetInst, opcode=0x40, unit=Unit.NET):
    """Send a strided block of the LMU to a neighbour, behind what was sent to it before.

    Waits while the link is full.
    """

    side: Side
    extents: Extents
    src: Mem0

    def direction(self, name: str) -> tuple[bool, bool]:
        del name
        return (True, False)

    def latency(self, target: Target) -> int:
        return target.link_hop_latency

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        src = state.source(self.src, extents)
        state.send(self.side, extents, self.src.type, src.read())


class Recv(NetInst, opcode=0x41, unit=Unit.NET):
    """Receive the oldest message of a neighbour as a strided block of the LMU.

    Waits while the link is empty. It traps if the message has other extents or elements of another
    type.
    """

    side: Side
    extents: Extents
    dst: Mem0

    def latency(self, target: Target) -> int:
        del target
        return 0

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        dst.write(state.recv(self.side, extents, self.dst.type))
