"""Calls that go on: the tokens of a run while it runs, and steps that leave memory as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from runtime.generation.decoder import Decoder
from runtime.run.host_io import HostIO
from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, Any]


def stream(
    machine: Interpreter, entry: str, inputs: Mapping[str, Array], values: Mapping[str, int]
) -> Iterator[int]:
    """What an entry hands to the host, each value before the next is made."""
    interface = machine.program.entry(entry)
    with machine.devices() as devices:
        HostIO(interface, devices, inputs, values).start()
        yield from machine.handed(machine.ring(devices, interface.pc))


class DeviceCache:
    """The cache of a program that keeps it in place: devices, on which `step` leaves it."""

    def __init__(self, decoder: Decoder, machine: Interpreter) -> None:
        self.decoder, self.machine = decoder, machine
        self._closing = ExitStack()
        self._devices = self._closing.enter_context(machine.devices())
        self._is_new = True
        ports = decoder.interface.inputs
        given = tuple(port for port in ports if port not in decoder.past)
        self._entry = replace(decoder.interface, inputs=given)

    def reset(self) -> None:
        """Forget all tokens."""
        self._is_new = True

    def step(self, inputs: dict[str, Array], symbols: Mapping[str, int], kept: int) -> Array:
        """The logits of a step; the rest of what it gives stays where it is."""
        del kept
        host = HostIO(self._entry, self._devices, inputs, symbols)
        host.start(keep=not self._is_new)
        self._is_new = False
        self.machine.finish(self.machine.ring(self._devices, self._entry.pc))
        name = self.decoder.logits.name
        return host.outputs([name])[name]

    def close(self) -> None:
        """Let go of the devices."""
        self._closing.close()
