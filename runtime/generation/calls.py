"""Calls that go on: the tokens of a run while it runs, and steps that leave memory as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.generation.decoder import Decoder
from runtime.generation.prompt import Chunks
from runtime.run.host_io import HostIO
from runtime.run.interpreter import Interpreter

if TYPE_CHECKING:
    from runtime.device.device import Device

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Filling:
    """The chunks that put the first tokens of a text into the cache."""

    chunks: Chunks | None
    text: Sequence[int]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where they begin."""
        return () if self.chunks is None else self.chunks.starts(0, len(self.text) - 1)

    @property
    def fed(self) -> int:
        """How many tokens they put there."""
        return 0 if self.chunks is None else self.chunks.reached(0, len(self.text) - 1)

    def run(self, machine: Interpreter, devices: Sequence[Device]) -> bool:
        """Whether there were any."""
        if self.chunks is None:
            return False
        for index, start in enumerate(self.starts):
            self.chunks.run(machine, devices, self.text, start, keep=index > 0)
        return bool(self.starts)


def stream(
    machine: Interpreter, entry: str, filling: Filling, inputs: Mapping[str, Array],
    values: Mapping[str, int],
) -> Iterator[int]:  # fmt: skip
    """What an entry hands to the host behind a filled cache, each value before the next is made."""
    interface = machine.program.entry(entry)
    with machine.devices() as devices:
        is_filled = filling.run(machine, devices)
        HostIO(interface, devices, inputs, values).start(keep=is_filled)
        yield from machine.handed(machine.ring(devices, interface.pc))


class DeviceCache:
    """The cache of a program that keeps it in place: devices, on which `step` leaves it."""

    def __init__(
        self, decoder: Decoder, machine: Interpreter, chunks: Chunks | None = None
    ) -> None:
        self.decoder, self.machine, self.chunks = decoder, machine, chunks
        self._closing = ExitStack()
        self._devices = self._closing.enter_context(machine.devices())
        self._is_new = True
        ports = decoder.interface.inputs
        given = tuple(port for port in ports if port not in decoder.past)
        self._entry = replace(decoder.interface, inputs=given)
        self._first = replace(decoder.interface, inputs=(*given, *decoder.replaced))
        self._empty = {p.name: np.zeros(p.extents({}), p.dtype.dtype) for p in decoder.replaced}

    def reset(self) -> None:
        """Forget all tokens."""
        self._is_new = True

    def step(self, inputs: dict[str, Array], symbols: Mapping[str, int], kept: int) -> Array:
        """The logits of a step; the rest of what it gives stays where it is."""
        del kept
        name = self.decoder.logits.name
        return self.call(inputs, symbols).outputs([name])[name]

    def call(self, inputs: Mapping[str, Array], symbols: Mapping[str, int]) -> HostIO:
        """A step behind what was fed before; it tells the outputs, those of the cache included."""
        if self._is_new:
            host = HostIO(self._first, self._devices, {**inputs, **self._empty}, symbols)
        else:
            host = HostIO(self._entry, self._devices, inputs, symbols)
        host.start(keep=not self._is_new)
        self._is_new = False
        self.machine.finish(self.machine.ring(self._devices, self._entry.pc))
        return host

    def fill(self, text: Sequence[int], fed: int, end: int) -> int:
        """
        Take chunks of a text of which the cache holds `fed` tokens, up to `end` at most.

        How many it then holds.
        """
        if self.chunks is None:
            return fed
        for start in self.chunks.starts(fed, end):
            keep, self._is_new = not self._is_new, False
            self.chunks.run(self.machine, self._devices, text, start, keep)
        return self.chunks.reached(fed, end)

    def close(self) -> None:
        """Let go of the devices."""
        self._closing.close()
