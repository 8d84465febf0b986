"""
How an all-gather becomes messages around the ring.

Part `dj` of the result is what the device `j` places to the right holds. A device puts its own part
into the result, then passes on what comes in, both ways at once: parts travel `N/2` hops to the
left and `N/2 - 1` to the right, so that each arrives once.

The messages of a direction alternate, sent and received, so one message of room on each link is
enough. All devices run one text: where they go step by step together, each link is empty again
before the next send, and nobody waits for ever. Links keep their order, a send waits on a full one
and a receive on an empty one, so devices that go at other speeds do the same in the end.
"""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr

from dialects.affine import Affine
from dialects.devices import device_symbol
from dialects.lpu.tensors import tensor_of
from dialects.lpu_esl.ops import AllGatherOp
from dialects.lpu_mem import ops as mem
from passes.lpu.bufferise.bufferiser import Bufferiser, rule
from passes.rewriting.places import Place

SIDES = (("left", "right", 1), ("right", "left", -1))
"""Where parts go, where they come from, and how far to the right their device is at each hop."""


@rule(AllGatherOp)
def all_gather(b: Bufferiser, op: AllGatherOp) -> None:
    devices, whole = op.devices, b.result(op)
    parts = [_part(op, whole, j) for j in range(devices)]
    b.build.copy(parts[0], b.place(op.source))
    for to, _, step in SIDES:
        if _arrives(1, step, devices):
            _message(b, mem.SendOp, to, parts[0])
    for hop in range(1, devices // 2 + 1):
        for to, origin, step in SIDES:
            if _arrives(hop, step, devices):
                _message(b, mem.RecvOp, origin, parts[step * hop % devices])
            if _arrives(hop + 1, step, devices):
                _message(b, mem.SendOp, to, parts[step * hop % devices])


def _arrives(hop: int, step: int, devices: int) -> bool:
    """Whether a part still comes in: the one half around comes from the right alone."""
    return hop <= (devices - (step < 0)) // 2


def _part(op: AllGatherOp, whole: Place, distance: int) -> Place:
    """Where the result has the part of a device that many places to the right."""
    first, *strides = whole.strides
    at = whole.offset + Affine.symbol(device_symbol(distance, op.devices)) * first
    return Place(whole.buffer, tensor_of(op.source), at, tuple(strides))


def _message(b: Bufferiser, cls: type[mem.LinkOp], side: str, part: Place) -> None:
    operands = [(part.buffer, part.view())]
    b.build.data(cls, part.dims, operands, side=StringAttr(side))
