"""The instructions that a run executes, with their register values: plain control flow."""

from collections.abc import Iterator

from runtime.isa import Inst
from runtime.isa.encoding import word_addresses
from runtime.program.program import Program

BINARY = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "min": min, "max": max, "addi": lambda a, b: a + b, "muli": lambda a, b: a * b,
    "divi": lambda a, b: a // b,
}  # fmt: skip


class Scalars:
    """Registers, and the scalars that `sts` keeps."""

    def __init__(self, program: Program, symbols: dict[str, int], entry: str) -> None:
        interface = program.entry(entry)
        self.values: list[int] = [0] * 256
        for register, value in interface.entry_registers(symbols).items():
            self.values[register] = value
        self.kept: dict[int, int] = {}
        self.pc = interface.pc

    def step(self, inst: Inst) -> None:
        """Execute one instruction; what is no control instruction changes nothing here."""
        r, name, self.pc = self.values, inst.MNEMONIC, self.pc + inst.WORDS
        if name == "li":
            r[inst.rd] = inst.value
        elif name == "mov":
            r[inst.rd] = r[inst.ra]
        elif name in BINARY:
            other = inst.imm if hasattr(inst, "imm") else r[inst.rb]
            r[inst.rd] = BINARY[name](r[inst.ra], other)
        elif name == "lds":
            r[inst.rd] = self.kept.get(inst.address, 0)
        elif name == "sts":
            self.kept[inst.address] = r[inst.ra]
        elif name == "loop":
            r[inst.rd] += inst.step
            self.pc = inst.target if r[inst.rd] < r[inst.rb] else self.pc
        elif name == "jump" or (name == "bge" and r[inst.ra] >= r[inst.rb]):
            self.pc = inst.target


def executed(
    program: Program, symbols: dict[str, int], entry: str
) -> Iterator[tuple[Inst, list[int], bool]]:
    """Each instruction up to `halt`, with the registers before it, and whether it branches."""
    code = dict(zip(word_addresses(program.code), program.code, strict=True))
    scalars = Scalars(program, symbols, entry)
    while True:
        inst = code[scalars.pc]
        before, behind = list(scalars.values), scalars.pc + inst.WORDS
        if inst.MNEMONIC != "halt":
            scalars.step(inst)
        yield inst, before, inst.MNEMONIC != "halt" and scalars.pc != behind
        if inst.MNEMONIC == "halt":
            return
