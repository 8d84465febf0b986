"""Makers of the instructions that talk to the neighbours of a device."""

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run
from runtime.device.links import Message, neighbours, refuse_other
from runtime.device.memory import Array
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import DataInst


def _send(inst: Send) -> Maker:
    side, element, extents_of = inst.side, inst.src.type, itemgetter(*inst.extents)

    def make(device: Device, a: Array) -> Run:
        send, extents = (
            partial(neighbours(device.transport).send, side),
            extents_of(device.registers),
        )

        def run() -> None:
            send(Message(extents, element, a.flatten()))

        return run

    return make


def _recv(inst: Recv) -> Maker:
    side, element, extents_of = inst.side, inst.dst.type, itemgetter(*inst.extents)

    def make(device: Device, out: Array) -> Run:
        recv, extents = (
            partial(neighbours(device.transport).recv, side),
            extents_of(device.registers),
        )
        shape = out.shape

        def run() -> None:
            message = recv()
            if message.extents != extents or message.element is not element:
                refuse_other(message, extents, element)
            out[...] = message.data.reshape(shape)

        return run

    return make


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {Send: _send, Recv: _recv}
ANY_RANK: frozenset[type[DataInst]] = frozenset(MAKERS)
"""Instructions whose makers take arrays of any rank, the same for all."""
