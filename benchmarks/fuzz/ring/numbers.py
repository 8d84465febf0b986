"""What a program for several devices computes: two calls of an entry, to the last byte.

Of `step` these are the outputs, and what each device has of those that lie in parts; of `generate`
the tokens, greedy or drawn, and the caches that they leave on each device. Padding is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from runtime.generation.device import GENERATE, Request
from runtime.generation.prompt import Chunks
from runtime.generation.sampling import Sampling
from runtime.generation.tokens import generate
from runtime.program.interface import Interface, Port, device_symbols
from runtime.program.interface_json import CHUNK, STEP
from runtime.program.program import Program
from runtime.run.host_io import port_view
from runtime.run.interpreter import Interpreter
from runtime.run.ring import IN_TURN, Stepping

Array = np.ndarray[Any, np.dtype[Any]]

PASTS = (3, 6)
REQUESTS = (
    Request((1, 5, 9), 5),
    Request((7, 2), 4, Sampling(temperature=1.0, top_k=20, seed=3)),
)
"""Greedy, then drawn."""


def numbers(
    program: Program, entries: Sequence[str], stepping: Stepping = IN_TURN, reference: bool = False
) -> list[bytes]:
    """What two calls of each entry give."""
    machine = Interpreter(program, stepping=stepping, reference=reference)
    calls = {STEP: _stepped, CHUNK: _chunked, GENERATE: _generated}
    return [data for entry in entries for data in calls[entry](machine)]


def entries_of(program: Program) -> list[str]:
    """The names of the entries."""
    return [name for name, _ in program.entries]


def _stepped(machine: Interpreter) -> Iterator[bytes]:
    interface, devices = machine.program.interface, machine.program.devices
    for number, past in enumerate(PASTS):
        inputs = inputs_of(interface, past, number)
        found = machine.run(inputs)
        yield from (found[name].tobytes() for name in sorted(found))
        symbols = interface.bind(inputs, device_symbols(interface, 0, devices))
        yield from held(machine, interface, symbols)


def _chunked(machine: Interpreter) -> Iterator[bytes]:
    """What is in the cache behind two chunks, the second over the end of the first."""
    interface, chunks = machine.program.interface, Chunks.of(machine.program)
    assert chunks is not None, "the program has the entry"
    second = min(1, chunks.entry.greatest[chunks.past])
    text = [7 * index % 13 for index in range(chunks.width + second)]
    with machine.devices() as devices:
        for start in range(second + 1):
            chunks.run(machine, devices, text, start, keep=start > 0)
    own = device_symbols(interface, 0, machine.program.devices)
    symbols = {s.name: min(len(text), s.upper) for s in interface.symbols}
    yield from held(machine, interface, {**symbols, **own}, "past")


def _generated(machine: Interpreter) -> Iterator[bytes]:
    interface, devices = machine.program.interface, machine.program.devices
    for request in REQUESTS:
        tokens = list(generate(machine, request))
        yield np.array(tokens).tobytes()
        cached = len(request.prompt) + request.count - 1
        symbols = {s.name: cached for s in interface.symbols}
        yield from held(
            machine, interface, {**symbols, **device_symbols(interface, 0, devices)}, "past"
        )


def held(
    machine: Interpreter, interface: Interface, symbols: Mapping[str, int], role: str = ""
) -> Iterator[bytes]:
    """What each device has in parts after a call, of outputs or of the inputs with a role."""
    ports = [p for p in interface.inputs if p.role == role] if role else interface.outputs
    with machine.devices() as devices:
        for port in ports:
            if port.sharding is None:
                continue
            extents = port.extents(symbols)
            for number, device in enumerate(devices):
                view = port_view(device.arena, port, port.local(extents))
                yield view[_elements(port, extents, number)].tobytes()


def _elements(port: Port, extents: Sequence[int], device: int) -> Array:
    """Where a device has elements, rather than padding."""
    assert port.sharding is not None
    return port.sharding.part(np.ones(extents, np.bool_), device)


def inputs_of(interface: Interface, past: int, seed: int) -> dict[str, Array]:
    """Inputs for `step` with tokens in the cache: all that is no mask or position is random."""
    rng, symbols = np.random.default_rng(seed), {s.name: past for s in interface.symbols}
    found: dict[str, Array] = {}
    for port in interface.inputs:
        shape, dtype = port.extents(symbols), port.dtype.dtype
        if port.role == "mask":
            found[port.name] = np.ones(shape, dtype)
        elif port.role == "positions":
            line = np.arange(past, past + shape[-1])
            found[port.name] = np.broadcast_to(line, shape).astype(dtype)
        elif port.dtype.is_float:
            found[port.name] = rng.standard_normal(shape).astype(dtype)
        else:
            found[port.name] = rng.integers(0, port.limit or 64, shape).astype(dtype)
    return found
