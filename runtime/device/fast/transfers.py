"""Makers of the instructions that copy strided blocks and stream weight panels."""

from collections.abc import Callable
from ctypes import byref
from operator import itemgetter
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run, move
from runtime.device.fast.views import plain_reach, will_write
from runtime.device.memory import Array, span
from runtime.device.panels import Panel
from runtime.isa.instructions.memory import Load, Store, Stream
from runtime.isa.spec import DataInst
from runtime.native.operands import panel_at
from runtime.native.passes import moving
from runtime.traps import Trap, TrapKind

Direct = Callable[[Device], Run | None]
"""The call for the registers of a device; None where operands have to be looked at more closely."""


def _load(inst: Load) -> Maker:
    del inst
    return move


def _store(inst: Store) -> Maker:
    base, element = inst.dst.base, inst.dst.type

    def make(device: Device, out: Array, a: Array) -> Run:
        address, mirror = device.registers[base], device.products.mirror
        write = _writing(device, span(address, out), move(device, out, a))

        def run() -> None:
            write()
            if mirror.active:
                mirror.wrote(address, out, element)

        return run

    return make


def _writing(device: Device, between: tuple[int, int], write: Run) -> Run:
    """The call that writes bytes between two addresses, for panels in flight later."""
    panels = device.fifo.panels

    def run() -> None:
        if panels:
            keep_panels(device, *between)
        write()

    return run


def _plain_store(inst: Store) -> Direct:
    """A store into the arena by its numbers alone: of a cache each token stores another row."""
    size, base, source = inst.dst.type.itemsize, inst.dst.base, inst.src.base
    extents = itemgetter(*inst.extents)
    to, of = itemgetter(*inst.dst.strides), itemgetter(*inst.src.strides)

    def find(device: Device) -> Run | None:
        kernel, registers = device.products.kernel, device.registers
        if kernel is None:
            return None
        arena, lmu, address = device.arena, device.lmu, registers[base]
        shape, there, here = extents(registers), to(registers), of(registers)
        start, at = address - arena.base, registers[source] - lmu.base
        reach = plain_reach(start, shape, there, size)
        reach_here = plain_reach(at, shape, here, size)
        inside = 0 < reach <= arena.end - arena.base - start
        if not inside or not 0 < reach_here <= lmu.end - lmu.base - at:
            return None
        will_write(arena, address, shape, there, size)
        write = moving(kernel, size, shape, (arena.host + start, there), (lmu.host + at, here))
        return _writing(device, (address, address + reach), write)

    return find


def keep_panels(device: Device, low: int, high: int) -> None:
    """Copy the panels in flight that bytes `low` to `high`, which are written next, belong to."""
    panels = device.fifo.panels
    for at, panel in enumerate(panels):
        first, end = panel.span()
        if panel.memory.writable and first < high and low < end:
            panels[at] = panel.copied()


def _stream(inst: Stream) -> Maker:
    base, element = inst.src.base, inst.src.type

    def make(device: Device, array: Array) -> Run:
        if array.shape[1] != 1:
            raise Trap(TrapKind.ILLEGAL, f"a panel has extents B, 1, K, N, not {array.shape}")
        address = device.registers[base]
        memory = device.arena
        if array.size and not memory.base <= address < memory.end:
            memory = device.params
        return _pushing(device, Panel.of(memory, address, array[:, 0], element))

    return make


def _pushing(device: Device, panel: Panel) -> Run:
    fifo = device.fifo
    panels, always = fifo.panels, fifo.always

    def run() -> None:
        if len(panels) < always:
            panels.append(panel)
        else:
            fifo.push(panel)

    return run


def _plain_stream(inst: Stream) -> Direct:
    """A panel of the arena by its numbers alone: that of a cache is longer for each token."""
    base, element = inst.src.base, inst.src.type
    extents, strides = itemgetter(*inst.extents), itemgetter(*inst.src.strides)

    def find(device: Device) -> Run | None:
        registers, arena = device.registers, device.arena
        if device.products.kernel is None or not element.is_float:
            return None
        shape, steps = extents(registers), strides(registers)
        start = registers[base] - arena.base
        reach = plain_reach(start, shape, steps, element.itemsize)
        if shape[1] != 1 or not 0 < reach <= arena.end - arena.base - start:
            return None
        three, apart = (shape[0], *shape[2:]), (steps[0], *steps[2:])
        operand = panel_at(arena.host + start, apart, three, element)
        panel = Panel(arena, registers[base], element, three, apart)
        panel.operand = operand is not None and byref(operand)
        return _pushing(device, panel)

    return find


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {
    Load: _load, Store: _store, Stream: _stream,
}  # fmt: skip
ANY_RANK: frozenset[type[DataInst]] = frozenset({Load, Store})
"""Instructions whose makers take arrays of any rank, the same for all."""
DIRECT: dict[type[DataInst], Callable[[Any], Direct]] = {
    Store: _plain_store, Stream: _plain_stream,
}  # fmt: skip
"""What is found without arrays, where all is plain and a kernel serves."""
