"""Makers of the instructions that copy strided blocks and stream weight panels."""

from collections.abc import Callable
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run, move
from runtime.device.memory import Array, span
from runtime.device.panels import Panel
from runtime.isa.instructions.memory import Load, Store, Stream
from runtime.isa.spec import DataInst
from runtime.traps import Trap, TrapKind


def _load(inst: Load) -> Maker:
    del inst
    return move


def _store(inst: Store) -> Maker:
    base, element = inst.dst.base, inst.dst.type

    def make(device: Device, out: Array, a: Array) -> Run:
        address, panels, mirror = device.registers[base], device.fifo.panels, device.products.mirror
        write = move(device, out, a)

        def run() -> None:
            if panels:
                keep_panels(device, *span(address, out))
            write()
            if mirror.active:
                mirror.wrote(address, out, element)

        return run

    return make


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
        panel, fifo = Panel(memory, address, array[:, 0], element), device.fifo
        panels, always = fifo.panels, fifo.always

        def run() -> None:
            if len(panels) < always:
                panels.append(panel)
            else:
                fifo.push(panel)

        return run

    return make


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {
    Load: _load, Store: _store, Stream: _stream,
}  # fmt: skip
ANY_RANK: frozenset[type[DataInst]] = frozenset({Load, Store})
"""Instructions whose makers take arrays of any rank, the same for all."""
