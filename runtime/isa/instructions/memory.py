"""Instructions of the memory engine that copy strided blocks and stream weight panels."""

from runtime.isa.spec import DataInst, Extents, Mem0, Mem1, Unit
from runtime.isa.state import State
from runtime.target import Target
from runtime.traps import Trap, TrapKind


class TransferInst(DataInst):
    """An instruction whose elements pass between HBM and the device, one operand in HBM.

    What it takes of the channels depends on where its bytes lie (`runtime.timing.hbm`).
    """

    def latency(self, target: Target) -> int:
        return target.hbm_latency


class Load(TransferInst, opcode=0x20, unit=Unit.MEM):
    """Copy a strided block from HBM to the LMU: `LMU[dst] = HBM[src]`."""

    HBM = "src"

    extents: Extents
    dst: Mem0
    src: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        src = state.source(self.src, extents, hbm=True)
        dst.write(src.read())


class Store(TransferInst, opcode=0x21, unit=Unit.MEM):
    """Copy a strided block from the LMU to HBM: `HBM[dst] = LMU[src]`.

    Parameters are read-only. Panels that were streamed before keep the bytes that they had.
    """

    HBM = "dst"

    extents: Extents
    dst: Mem0
    src: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents, hbm=True)
        src = state.source(self.src, extents)
        dst.write(src.read())


class Stream(TransferInst, opcode=0x22, unit=Unit.MEM):
    """Push the panel W[B, K, N] of HBM onto the operand FIFO: extents are B, 1, K, N.

    The panel holds the bytes as they are in the order of the program: what waits for what is the
    subject of `runtime.order`. It traps behind panels that leave its queue no room.
    """

    HBM = "src"

    extents: Extents
    src: Mem1

    def check(self) -> None:
        self.require(self.src.type.value != "bool", "bool panels have no products")

    def direction(self, name: str) -> tuple[bool, bool]:
        del name
        return (True, False)

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        src = state.source(self.src, extents, hbm=True)
        if extents[1] != 1:
            raise Trap(TrapKind.ILLEGAL, f"a panel has extents B, 1, K, N, not {extents}")
        state.push(src, self.src.type)
