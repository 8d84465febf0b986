"""Instructions of the memory engine that copy strided blocks and stream weight panels."""

from collections.abc import Sequence
from math import ceil, prod
from typing import Any, ClassVar

from runtime.isa.accesses import Access
from runtime.isa.spec import DataInst, Extents, Four, Mem0, Mem1, Operand, Plan, Unit, four
from runtime.machine import Machine, Panel
from runtime.regions import View
from runtime.target import Target
from runtime.traps import Trap, TrapKind


class TransferInst(DataInst):
    """An instruction whose elements pass between HBM and the device, one operand in HBM.

    Its cycles hold for contiguous elements and an idle channel; `runtime.timing` knows the rest.
    """

    HBM: ClassVar[str]

    def occupancy(self, extents: Four, target: Target) -> int:
        operand: Operand = getattr(self, self.HBM)
        return ceil(prod(extents) * operand.type.itemsize / target.bytes_per_cycle)

    def latency(self, target: Target) -> int:
        return target.hbm_latency


def hbm_view(inst: DataInst, machine: Machine, operand: Operand) -> View:
    """The HBM elements of an operand."""
    address = machine.registers[operand.base]
    strides = four(machine, operand.strides)
    return machine.hbm_view(address, inst.extent_values(machine), strides, operand.type)


class Load(TransferInst, opcode=0x20, unit=Unit.MEM):
    """Copy a strided block from HBM to the LMU: `LMU[dst] = HBM[src]`."""

    HBM = "src"

    extents: Extents
    dst: Mem0
    src: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")

    def prepare(self, machine: Machine) -> Plan:
        source = hbm_view(self, machine, self.src)
        result = self.view(machine, self.dst)
        a, out = source.array, result.array

        def run() -> None:
            out[...] = a

        return Plan(run, [source], [result])

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        return (self.access(registers, "src", hbm=True), self.access(registers, "dst", writes=True))


class Store(TransferInst, opcode=0x21, unit=Unit.MEM):
    """Copy a strided block from the LMU to HBM: `HBM[dst] = LMU[src]`.

    Parameters are read-only. A store that touches bytes of a stream in flight is a race.
    """

    HBM = "dst"

    extents: Extents
    dst: Mem0
    src: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")

    def prepare(self, machine: Machine) -> Plan:
        source = self.view(machine, self.src)
        result = hbm_view(self, machine, self.dst)
        result.require_writable()
        a, out, fifo = source.array, result.array, machine.fifo
        low, high = result.low, result.high

        def run() -> None:
            if fifo:
                machine.refuse_race(low, high)
            out[...] = a

        return Plan(run, [source], [result])

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        source = self.access(registers, "src")
        return (source, self.access(registers, "dst", writes=True, hbm=True))


class Stream(TransferInst, opcode=0x22, unit=Unit.MEM):
    """Push the panel W[K, N] of HBM onto the operand FIFO, K along axis 2 and N along axis 3.

    Axes 0 and 1 have extent 1. The bytes are read anywhere between issue and the `vecmat` that
    drains the panel; writing them in between is a race. A full FIFO traps.
    """

    HBM = "src"

    extents: Extents
    src: Mem1

    def check(self) -> None:
        self.require(self.src.type.value != "bool", "bool panels have no products")

    def prepare(self, machine: Machine) -> Plan:
        extents = self.extent_values(machine)
        if extents[:2] != (1, 1):
            raise Trap(TrapKind.ILLEGAL, f"a panel has extents 1, 1, K, N, not {extents}")
        panel = Panel(hbm_view(self, machine, self.src), self.src.type)
        fifo, depth = machine.fifo, machine.target.fifo_depth
        push: Any = fifo.append

        def run() -> None:
            if len(fifo) >= depth:
                raise Trap(TrapKind.FIFO, f"the operand FIFO already holds {depth} panels")
            push(panel)

        return Plan(run, [], [])

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        return (self.access(registers, "src", hbm=True),)
