"""
Whether the host puts inputs where a program says that they lie, and takes outputs from there.

Level `isa` and both paths of the interpreter share the code that does so: an error of it looks like
one of the first pass on instructions. Here ports are read and written byte by byte, by their
addresses and strides alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dialects.devices import scattered
from lpuc.levels.cases import Case
from runtime.device.device import Device
from runtime.numerics.elements import convert
from runtime.program.interface import Port
from runtime.program.program import Program
from runtime.run.host_io import HostIO
from runtime.run.interpreter import Interpreter
from runtime.traps import Trap

Array = np.ndarray[Any, np.dtype[Any]]
WRITTEN = 1
"""The flag of a byte that was written."""


def host_departs(program: Program, case: Case, outputs: Mapping[str, Array]) -> str | None:
    """What the host does wrong around a call whose `outputs` have the right extents, if it does."""
    interface = program.entry(case.entry)
    with Interpreter(program, reference=True).devices() as devices:
        host = HostIO(interface, devices, case.inputs, case.values)
        host.start()
        if any(device.registers[0] != 0 for device in devices):
            return "register 0 is not 0 when a call begins"
        for port in interface.inputs:
            for device, part in _parts(devices, port, case.inputs[port.name]):
                if not np.array_equal(_bytes(device, port, part), _raw(part)):
                    return f"input '{port.name}' does not lie where its port says"
        whole = {p.name: _numbered(outputs[p.name], p) for p in interface.outputs}
        try:
            return _taken(host, devices, whole)
        except Trap as trap:
            return str(trap)


def _taken(host: HostIO, devices: Sequence[Device], whole: Mapping[str, Array]) -> str | None:
    """What is wrong with outputs that are taken one by one."""
    for port in host.interface.outputs:
        for device, part in _parts(devices, port, whole[port.name]):
            at = _places(device, port, part)
            device.arena.data[at] = _raw(part)
            if device.arena.written is not None:
                device.arena.written[at] = WRITTEN
        got = host.outputs([port.name])[port.name]
        right = convert(_stored(whole[port.name], port), port.dtype)
        if got.shape != right.shape or got.tobytes() != right.tobytes():
            return f"output '{port.name}' is not taken from where its port says"
    return None


def _parts(devices: Sequence[Device], port: Port, array: Array) -> Iterator[tuple[Device, Array]]:
    """What each device has of a port, as it is stored."""
    parts = scattered(array, port.sharding, len(devices))
    yield from zip(devices, (_stored(part, port) for part in parts), strict=True)


def _stored(array: Array, port: Port) -> Array:
    with np.errstate(all="ignore"):
        stored = convert(array, port.storage)
    return np.ascontiguousarray(stored).reshape(array.shape)


def _numbered(output: Array, port: Port) -> Array:
    """An array like an output in which neighbours differ."""
    numbers: Array = np.arange(output.size, dtype=np.int64) % 127
    return np.reshape(numbers, output.shape).astype(port.dtype.dtype)


def _places(device: Device, port: Port, part: Array) -> Array:
    """Where the bytes of the elements lie in the arena, one row for each element."""
    size = port.storage.itemsize
    at: Array = np.full(part.shape, port.address - device.arena.base, np.int64)
    for axis, stride in enumerate(port.strides):
        along = tuple(-1 if k == axis else 1 for k in range(part.ndim))
        steps: Array = np.arange(part.shape[axis], dtype=np.int64)
        at = at + size * stride * np.reshape(steps, along)
    return at.reshape(-1, 1) + np.arange(size)


def _bytes(device: Device, port: Port, part: Array) -> Array:
    return device.arena.data[_places(device, port, part)]


def _raw(part: Array) -> Array:
    """The bytes of an array, one row for each element."""
    return part.reshape(-1, 1).view(np.uint8).reshape(part.size, part.itemsize)
