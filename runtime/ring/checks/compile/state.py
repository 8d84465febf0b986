"""All that is known at one place of a program: of registers, of memory, of links."""

from dataclasses import dataclass, field

from runtime.ring.checks.compile.content.memory import Memory
from runtime.ring.checks.compile.hbm.staged import Far
from runtime.ring.checks.compile.links import Queues
from runtime.ring.checks.compile.values import Registers, Symbols, Value

SCALAR_BYTES = 8


@dataclass
class State:
    """`kept` are scalars of `sts` by address."""

    registers: Registers
    kept: dict[int, Value]
    memory: Memory
    queues: Queues
    far: Far = field(default_factory=Far)

    def copy(self) -> "State":
        """The same, to be changed apart."""
        memory = self.memory.copy()
        far = self.far.copy()
        return State(list(self.registers), dict(self.kept), memory, self.queues, far)

    def signature(self) -> object:
        """What two states have in common that differ in registers only; None if that is unclear.

        It is where something is in flight, a value gathered in part, or one in HBM.
        """
        memory = self.memory.signature()
        if self.queues != ((), ()) or memory is None or self.far.is_read:
            return None
        return memory, dict(self.kept), self.far.wholes.last

    def join(self, other: "State", symbols: Symbols) -> None:
        """Keep what holds here and there; what is in flight is equal."""
        for register, (a, b) in enumerate(zip(self.registers, other.registers, strict=True)):
            if a is not b:
                self.registers[register] = symbols.joined(a, b)
        self.kept = {at: value for at, value in self.kept.items() if other.kept.get(at) == value}
        self.memory.join(other.memory)
        self.far.join(other.far)

    def forget(self, registers: set[int], addresses: set[int], symbols: Symbols) -> None:
        """Nothing is known of registers and scalars that turns of a loop write, nor of memory."""
        for register in registers:
            self.registers[register] = symbols.unknown()
        for address in addresses:
            self.drop(address, address + SCALAR_BYTES)
        self.memory.forget()

    def drop(self, low: int, high: int) -> None:
        """Something is written over scalars."""
        met = [at for at in self.kept if at < high and low < at + SCALAR_BYTES]
        for address in met:
            del self.kept[address]
