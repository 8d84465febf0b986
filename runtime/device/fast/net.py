"""Makers of the instructions that talk to the neighbours of a device."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run
from runtime.device.links import Form, neighbours, other_form
from runtime.device.memory import Array
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import DataInst


def _send(inst: Send) -> Maker:
    side, element, extents_of = inst.side, inst.src.type, itemgetter(*inst.extents)

    def make(device: Device, a: Array) -> Run:
        send = neighbours(device.transport).sender(side)
        form, flatten = Form(extents_of(device.registers), element), a.flatten

        def run() -> None:
            send((form, flatten()))

        return run

    return make


def _recv(inst: Recv) -> Maker:
    side, element, extents_of = inst.side, inst.dst.type, itemgetter(*inst.extents)

    def make(device: Device, out: Array) -> Run:
        receive = neighbours(device.transport).receiver(side)
        expected, shape = Form(extents_of(device.registers), element), out.shape

        def run() -> None:
            form, data = receive()
            if form != expected:
                raise other_form(form, expected)
            out[...] = data.reshape(shape)

        def run_row() -> None:
            form, data = receive()
            if form != expected:
                raise other_form(form, expected)
            out[...] = data

        return run_row if out.ndim == 1 else run

    return make


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {Send: _send, Recv: _recv}
ANY_RANK: frozenset[type[DataInst]] = frozenset(MAKERS)
"""Instructions whose makers take arrays of any rank, the same for all."""
