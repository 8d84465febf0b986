"""The control processor of a machine without memory contents: which instructions run, in order.

    for pc, inst, work, base in Walk(program, {"P": 255}).run(fuel):
        ...

Branches, addresses and extents never depend on data, so the walk is the one of a real run.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from runtime.device.machine import Halted, Machine
from runtime.isa.encoding import word_addresses
from runtime.isa.spec import CtrlInst, DataInst, Inst, Step
from runtime.program.program import Program
from runtime.timing.work import Work, work_of
from runtime.traps import Trap, TrapKind
from runtime.weights.image import Image

REMEMBERED = 4096


class Walk:
    """One run of a program for given values of its symbols."""

    def __init__(self, program: Program, symbols: Mapping[str, int]) -> None:
        self.program = program
        self.target = program.target
        self.machine = Machine(program.target, Image(np.empty(0, np.uint8)), 0, 0, 0)
        self.machine.reset()
        for register, value in program.interface.entry_registers(symbols).items():
            self.machine.registers[register] = value

    def run(self, fuel: int) -> Iterator[tuple[int, Inst, Work, int]]:
        """Each executed instruction with its pc, its work and the address of its operand in HBM.

        It takes effect once the next one is asked for. Trap when the program cannot run.
        """
        code = self.program.code
        instructions = dict(zip(word_addresses(code), code, strict=True))
        steps: dict[int, tuple[Inst, Step, Callable[[], tuple[Work, int]]]] = {}
        pc = self.program.interface.pc
        try:
            for _ in range(fuel):
                if pc not in steps:
                    inst = instructions[pc]
                    steps[pc] = (inst, self._advance(inst, pc + inst.WORDS), self._resolver(inst))
                inst, advance, resolve = steps[pc]
                yield pc, inst, *resolve()
                pc = advance()
            raise Trap(TrapKind.FUEL, f"not finished after {fuel} instructions")
        except Halted:
            return
        except Trap as trap:
            raise self.located(trap, pc) from None

    def located(self, trap: Trap, pc: int) -> Trap:
        """The trap with the place where it happened."""
        trap.pc = pc
        trap.nodes = self.program.provenance.nodes_at(pc)
        return trap

    def _advance(self, inst: Inst, following: int) -> Step:
        """The scalar effect of an instruction, which returns the next pc."""
        if isinstance(inst, CtrlInst):
            return inst.bind(self.machine, following)
        return lambda: following

    def _resolver(self, inst: Inst) -> Callable[[], tuple[Work, int]]:
        """Work for the current registers, remembered by their values, and the address in HBM."""
        known: dict[Any, Work] = {}
        registers, target = self.machine.registers, self.target
        if not isinstance(inst, DataInst):
            fixed = (work_of(inst, registers, target), 0)
            return lambda: fixed
        far = inst.operand(inst.HBM).base if inst.HBM else 0
        read = itemgetter(*_keys(inst, far), 0, 0)

        def resolve() -> tuple[Work, int]:
            key, base = read(registers), registers[far]
            work = known.get(key)
            if work is None or base is None:
                if None in key or base is None:
                    raise Trap(TrapKind.UNINITIALISED, "a register is read before it is written")
                if len(known) >= REMEMBERED:
                    known.clear()
                work = known[key] = work_of(inst, registers, target)
            return work, base

        return resolve


def _keys(inst: Inst, far: int) -> list[int]:
    """Registers on which the work depends: all but `far`, unless it has two uses."""
    uses = Counter(inst.reads())
    return sorted(r for r, count in uses.items() if r != far or count > 1)
