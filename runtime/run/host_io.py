"""What the host does for a call of an entry: inputs in, registers set, outputs out.

Element types are converted and strided copies are made; nothing is computed.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from runtime.device.device import Device
from runtime.device.memory import Array, Memory, pieces, span
from runtime.numerics.elements import convert
from runtime.program.interface import Interface, Port
from runtime.traps import Trap, TrapKind


class HostIO:
    """The ports of one entry on one device, for given inputs."""

    def __init__(
        self, interface: Interface, device: Device, inputs: Mapping[str, Array],
        values: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """Unlinkable unless the inputs, and the `values` of symbols, fit the entry."""
        self.interface = interface
        self.device = device
        self.inputs = inputs
        self.symbols = interface.bind(inputs, values)

    def start(self, keep: bool = False) -> None:
        """Poison the device, write the inputs and set the entry's registers.

        With `keep`, memory stays as the call before has left it.
        """
        ports = self.interface.inputs
        arrays = [port_view(self.device.arena, p, self.inputs[p.name].shape) for p in ports]
        if keep:
            self.device.restart()
        else:
            found = [pieces(p.address, a) for p, a in zip(ports, arrays, strict=True)]
            self.device.reset(list(chain.from_iterable(found)))
        with np.errstate(all="ignore"):
            for port, array in zip(ports, arrays, strict=True):
                self._write(port, array)
        for register, value in self.interface.entry_registers(self.symbols).items():
            self.device.registers[register] = value

    def _write(self, port: Port, array: Array) -> None:
        value = self.inputs[port.name]
        array[...] = value if port.dtype is port.storage else convert(value, port.storage)
        if not array.size:
            return
        arena = self.device.arena
        low, high = span(port.address, array)
        arena.touch(low, high)
        self.device.products.mirror.forget(low, high)
        if (flags := _flags(arena, port, array)) is not None:
            flags[...] = True

    def outputs(self, names: Sequence[str] | None = None) -> dict[str, Array]:
        """Outputs by name, all or those that are named; Trap where one was not written."""
        wanted = [p for p in self.interface.outputs if names is None or p.name in names]
        return {port.name: self._read(port) for port in wanted}

    def _read(self, port: Port) -> Array:
        array = port_view(self.device.arena, port, port.extents(self.symbols))
        flags = _flags(self.device.arena, port, array)
        if flags is not None and not flags.all():
            message = f"output {port.name!r} is not completely written"
            raise Trap(TrapKind.UNINITIALISED, message)
        with np.errstate(all="ignore"):
            return array.copy() if port.dtype is port.storage else convert(array, port.dtype)


def port_view(arena: Memory, port: Port, shape: tuple[int, ...]) -> Array:
    """The elements of a port of any rank, which the program's validation has checked."""
    dtype = port.storage.dtype
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, arena.buffer, port.address - arena.base, port.byte_strides())


def _flags(arena: Memory, port: Port, array: Array) -> Array | None:
    """The flags of all bytes of all elements, or None where none are kept."""
    if arena.written is None or not array.size:
        return None
    shape, strides = (*array.shape, array.itemsize), (*array.strides, 1)
    return np.ndarray(shape, np.bool_, arena.written, port.address - arena.base, strides)
