"""Instructions of the memory engine that copy strided blocks and stream weight panels."""

from collections.abc import Sequence
from functools import partial
from math import ceil, prod
from typing import Any

from runtime.device.machine import Machine
from runtime.device.panels import Panel
from runtime.device.regions import Array
from runtime.isa.accesses import Access
from runtime.isa.binding import Run
from runtime.isa.spec import DataInst, Extents, Four, Maker, Mem0, Mem1, Operand, Unit
from runtime.order.panels import always_in_flight, blocks, panel_bytes
from runtime.target import Target
from runtime.traps import Trap, TrapKind


def assign(out: Array, a: Array) -> Run:
    """The call that copies elements, converting floats as they are assigned."""
    return partial(out.__setitem__, ..., a)


class TransferInst(DataInst):
    """An instruction whose elements pass between HBM and the device, one operand in HBM.

    Its cycles hold for contiguous elements and an idle channel; `runtime.timing` knows the rest.
    """

    def occupancy(self, extents: Four, target: Target) -> int:
        operand: Operand = getattr(self, self.HBM)
        return ceil(prod(extents) * operand.type.itemsize / target.bytes_per_cycle)

    def latency(self, target: Target) -> int:
        return target.hbm_latency


class Load(TransferInst, opcode=0x20, unit=Unit.MEM):
    """Copy a strided block from HBM to the LMU: `LMU[dst] = HBM[src]`."""

    HBM = "src"
    ELEMENTWISE = True

    extents: Extents
    dst: Mem0
    src: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")

    def maker(self, machine: Machine) -> Maker:
        del machine
        return assign


class Store(TransferInst, opcode=0x21, unit=Unit.MEM):
    """Copy a strided block from the LMU to HBM: `HBM[dst] = LMU[src]`.

    Parameters are read-only. A store that touches bytes of a stream in flight is a race.
    """

    HBM = "dst"
    ELEMENTWISE = True

    extents: Extents
    dst: Mem0
    src: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")

    def maker(self, machine: Machine) -> Maker:
        registers, base, element = machine.registers, self.dst.base, self.dst.type
        fifo, mirror = machine.fifo, machine.mirror

        def make(out: Array, a: Array) -> Run:
            address = registers[base]

            def run() -> None:
                if fifo:
                    machine.refuse_race(address, out)
                out[...] = a
                if mirror is not None and mirror.active:
                    mirror.wrote(address, out, element)

            return run

        return make


class Stream(TransferInst, opcode=0x22, unit=Unit.MEM):
    """Push the panel W[B, K, N] of HBM onto the operand FIFO: extents are B, 1, K, N.

    The bytes are read anywhere between issue and the `vecmat` that drains the panel; writing them
    in between is a race. It traps behind panels that leave its queue no room (`runtime.order`).
    """

    HBM = "src"

    extents: Extents
    src: Mem1

    def check(self) -> None:
        self.require(self.src.type.value != "bool", "bool panels have no products")

    def direction(self, name: str) -> tuple[bool, bool]:
        """Nothing is read before the panel drains."""
        del name
        return (False, False)

    def maker(self, machine: Machine) -> Maker:
        registers, base, element = machine.registers, self.src.base, self.src.type
        fifo, arena, target = machine.fifo, machine.arena, machine.target
        always = always_in_flight(target)
        push: Any = fifo.append

        def make(array: Array) -> Run:
            if array.shape[1] != 1:
                raise Trap(TrapKind.ILLEGAL, f"a panel has extents B, 1, K, N, not {array.shape}")
            address = registers[base]
            region = arena
            if array.size and not arena.base <= address < arena.end:
                region = machine.region_at(address)
            panel = Panel(region, address, array, element)

            def run() -> None:
                if len(fifo) >= always and blocks([_bytes(p) for p in fifo], target):
                    raise Trap(TrapKind.FIFO, f"{len(fifo)} panels in flight leave no room")
                push(panel)

            return run

        return make

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        return (self.access(registers, "src", direction=(True, False)),)


def _bytes(panel: Panel) -> int:
    batch, depth, columns = panel.shape
    (b, k, n), size = panel.matrix.strides, panel.element.itemsize
    return panel_bytes(Access(True, True, False, size, 0, (batch, 1, depth, columns), (b, 0, k, n)))
