"""Programs of a few instructions on `lpu-4nm` whose time is known by hand."""

from collections.abc import Iterable, Sequence

from runtime.isa import Halt, Inst, Load, Map1, Map2, Operand, Store, Stream, Vecmat
from runtime.isa.fields import Four
from runtime.numerics.elements import ElementType
from runtime.program.interface import Interface, Symbol
from runtime.program.program import Program
from runtime.program.provenance import Provenance
from runtime.target import Target

F16 = ElementType.F16
LPU = Target.load("lpu-4nm")
ONE, TWO, MANY, K, N, STEP = 1, 2, 3, 4, 5, 6
HBM = 1 << 20
CONSTANTS = {ONE: 1, TWO: 2, MANY: 2048, K: 4096, N: 4096, STEP: 8192}
EXTENTS = (ONE, ONE, ONE, MANY)
PANEL = (ONE, ONE, K, N)


class Timed:
    """Registers with addresses, and instructions on 2048 halves at such addresses."""

    def __init__(self, target: Target = LPU) -> None:
        self.target = target
        self.registers = dict(CONSTANTS)

    def at(self, address: int) -> Operand:
        """2048 halves, 4 KiB, at an address of LMU or HBM."""
        register = len(self.registers) + 1
        self.registers[register] = address
        return Operand(F16, register, (0, 0, 0, TWO))

    def map(self, dst: int, src: int, extents: Four = EXTENTS) -> Inst:
        """A vector instruction: 4 + 2048 / 32 cycles in the engine, 11 more to the result."""
        return Map1("neg", extents, self.at(dst), self.at(src))

    def add(self, dst: int, a: int, b: int) -> Inst:
        """A vector instruction of two operands."""
        return Map2("add", EXTENTS, self.at(dst), self.at(a), self.at(b))

    def load(self, dst: int, src: int) -> Inst:
        """A load of 4 KiB."""
        return Load(EXTENTS, self.at(dst), self.at(HBM + src))

    def store(self, dst: int, src: int) -> Inst:
        """A store of 4 KiB."""
        return Store(EXTENTS, self.at(HBM + dst), self.at(src))

    def stream(self, address: int = 0, extents: tuple[int, int, int, int] = PANEL) -> Inst:
        """A panel of 4096 x 4096 halves, 32 MiB."""
        base = self.at(HBM + address).base
        return Stream(extents, Operand(F16, base, (0, 0, TWO, STEP)))

    def vecmat(self, dst: int, x: int, extents: tuple[int, int, int, int] = PANEL) -> Inst:
        """The product with such a panel: 64 * 128 tiles."""
        source = Operand(F16, self.at(x).base, (0, 0, TWO, 0))
        return Vecmat(extents, self.at(dst), source)

    def program(
        self, code: Sequence[Inst], symbols: Iterable[Symbol] = (), halt: bool = True
    ) -> Program:
        """Code and `halt`; each instruction belongs to the node of its number."""
        whole = (*code, Halt()) if halt else tuple(code)
        nodes = [[f"/n{i}"] for i, _ in enumerate(code)] + [[]] * halt
        interface = Interface(
            (), (), tuple(symbols), 0, HBM, 1 << 30, tuple(self.registers.items())
        )
        return Program(whole, interface, Provenance.of(whole, nodes), self.target)
