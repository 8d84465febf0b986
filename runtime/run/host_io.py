"""What the host does for a call of an entry: inputs in, registers set, outputs out.

Element types are converted and strided copies are made; nothing is computed. Of a port with a
sharding each device gets and gives its part, all other inputs go to every device, and all other
outputs come from the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from runtime.device.device import Device
from runtime.device.memory import Array, Memory, pieces, span
from runtime.errors import Unlinkable
from runtime.numerics.elements import convert
from runtime.program.interface import Interface, Port, device_symbols
from runtime.traps import Trap, TrapKind


class HostIO:
    """The ports of one entry on the devices of a ring, for given inputs."""

    def __init__(
        self, interface: Interface, devices: Sequence[Device], inputs: Mapping[str, Array],
        values: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """Unlinkable unless the inputs, and the `values` of symbols, fit the entry."""
        self.interface = interface
        self.devices = devices
        self.inputs = inputs
        self._numbers = [device_symbols(interface, d, len(devices)) for d in range(len(devices))]
        for name in values or ():
            if name in self._numbers[0]:
                raise Unlinkable(name, "a number that each device has from its place", "a value")
        self.symbols = interface.bind(inputs, {**(values or {}), **self._numbers[0]})

    def start(self, keep: bool = False) -> None:
        """Poison the devices, write the inputs and set the entry's registers.

        With `keep`, memory stays as the call before has left it.
        """
        shapes = [self._shape(port) for port in self.interface.inputs]
        for number, device in enumerate(self.devices):
            ports = zip(self.interface.inputs, shapes, strict=True)
            arrays = [port_view(device.arena, port, shape) for port, shape in ports]
            self._clear(device, arrays, keep)
            with np.errstate(all="ignore"):
                for port, array in zip(self.interface.inputs, arrays, strict=True):
                    _write(device, port, array, self._part(port, number))
            symbols = self.symbols | self._numbers[number]
            for register, value in self.interface.entry_registers(symbols).items():
                device.registers[register] = value

    def _clear(self, device: Device, arrays: Sequence[Array], keep: bool) -> None:
        if keep:
            device.restart()
            return
        pairs = zip(self.interface.inputs, arrays, strict=True)
        device.reset(list(chain.from_iterable(pieces(p.address, a) for p, a in pairs)))

    def _shape(self, port: Port) -> tuple[int, ...]:
        """The extents of what each device has of a port."""
        return port.local(port.extents(self.symbols))

    def _part(self, port: Port, number: int) -> Array:
        """What a device gets of an input."""
        value = self.inputs[port.name]
        return value if port.sharding is None else port.sharding.part(value, number)

    def outputs(self, names: Sequence[str] | None = None) -> dict[str, Array]:
        """Outputs by name, all or those that are named; Trap where one was not written."""
        wanted = [p for p in self.interface.outputs if names is None or p.name in names]
        return {port.name: self._read(port) for port in wanted}

    def _read(self, port: Port) -> Array:
        """An output, put together from the parts of the devices."""
        if port.sharding is not None:
            return _converted(port, port.sharding.assemble(list(self._written(port))))
        array = next(self._written(port))
        return array.copy() if port.dtype is port.storage else _converted(port, array)

    def _written(self, port: Port) -> Iterator[Array]:
        """What each device has of an output."""
        shape = self._shape(port)
        for device in self.devices:
            array = port_view(device.arena, port, shape)
            flags = _flags(device.arena, port, array)
            if flags is not None and not flags.all():
                message = f"output {port.name!r} is not completely written"
                raise Trap(TrapKind.UNINITIALISED, message)
            yield array


def _converted(port: Port, array: Array) -> Array:
    with np.errstate(all="ignore"):
        return array if port.dtype is port.storage else convert(array, port.dtype)


def _write(device: Device, port: Port, array: Array, value: Array) -> None:
    """Write an input, or its part, to a device."""
    array[...] = value if port.dtype is port.storage else convert(value, port.storage)
    if not array.size:
        return
    low, high = span(port.address, array)
    device.arena.touch(low, high)
    device.products.mirror.forget(low, high)
    if (flags := _flags(device.arena, port, array)) is not None:
        flags[...] = True


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
