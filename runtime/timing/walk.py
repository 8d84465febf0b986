"""The control processor of a machine without memory contents: which instructions run, in order.

    for pc, inst, work, base in Walk(program, {"P": 255}).run(fuel):
        ...

Addresses and extents never depend on data, and a branch that does, to stop at a token, is not
taken: the walk is the one of a run that produces all that it may.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn

from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.ctrl import Bge, Jump, Lds, Loop, Out, Sts
from runtime.isa.spec import CtrlInst, DataInst, Inst
from runtime.isa.state import wrap
from runtime.program.bounds import elements
from runtime.program.interface import device_symbols
from runtime.program.program import Program
from runtime.timing.work import Work, work_of
from runtime.traps import Trap, TrapKind

REMEMBERED = 4096
BRANCHES = (Bge, Jump, Loop)

Step = Callable[[], int]


class Unknown(Exception):
    """A register is read whose value is data."""


DATA: Any = object()
"""The value of a register that holds data, which is not known here; None is none at all."""


class _Finished(Exception):
    """The program is complete."""


class _Control:
    """What control instructions act on (`runtime.isa.state`): registers and nothing else."""

    def __init__(self, registers: list[Any]) -> None:
        self.registers = registers
        self.pc = 0

    def get(self, register: int) -> int:
        """The value of a register; Unknown where it is data."""
        value = self.registers[register]
        if value.__class__ is not int:
            _refuse((value,), f"r{register} is read before it is written")
        return value

    def set(self, register: int, value: int) -> None:
        """Write a register."""
        self.registers[register] = wrap(value)

    def halt(self) -> None:
        """The program is complete."""
        raise _Finished


class Walk:
    """One run of an entry of a program for given values of its symbols, on the first device."""

    def __init__(self, program: Program, symbols: Mapping[str, int], entry: str = "step") -> None:
        self.program = program
        self.target = program.target
        self.interface = program.entry(entry)
        self.registers: list[Any] = [0] + [None] * 255
        self.control: Any = _Control(self.registers)
        self.scalars: dict[int, int] = {}
        own = device_symbols(self.interface, 0, program.devices)
        for register, value in self.interface.entry_registers({**symbols, **own}).items():
            self.registers[register] = value

    def run(self, fuel: int, most: int | None = None) -> Iterator[tuple[int, Inst, Work, int]]:
        """Each executed instruction with its pc, its work and the address of its operand in HBM.

        It takes effect once the next one is asked for. Trap when the program cannot run, or not
        with `fuel` instructions, or with `most` elements as a run counts them.
        """
        code = self.program.code
        instructions = dict(zip(word_addresses(code), code, strict=True))
        steps: dict[int, tuple[Inst, Step, Callable[[], tuple[Work, int]]]] = {}
        taken = self._taken()
        pc, left = self.interface.pc, most or 0
        try:
            for _ in range(fuel):
                if pc not in steps:
                    inst = instructions[pc]
                    steps[pc] = (inst, self._advance(inst, pc + inst.WORDS), self._resolver(inst))
                inst, advance, resolve = steps[pc]
                work, base = resolve()
                left = left if most is None else left - elements(inst, self.registers)
                if left < 0:
                    raise Trap(TrapKind.FUEL, f"not finished after {most} elements")
                if isinstance(inst, BRANCHES):
                    following = advance()
                    yield pc, inst, work if following == pc + inst.WORDS else taken, base
                    pc = following
                else:
                    yield pc, inst, work, base
                    pc = advance()
            raise Trap(TrapKind.FUEL, f"not finished after {fuel} instructions")
        except _Finished:
            return
        except Unknown:
            message = f"{instructions[pc].MNEMONIC} depends on data, its time cannot be known"
            raise self.located(Trap(TrapKind.ILLEGAL, message), pc) from None
        except Trap as trap:
            raise self.located(trap, pc) from None

    def _taken(self) -> Work:
        """The work of a branch that is taken: the words behind it are fetched in vain."""
        known = work_of(Jump(0), self.registers, self.target)
        return known._replace(steps=known.steps + self.target.branch_latency, jumps=True)

    def located(self, trap: Trap, pc: int) -> Trap:
        """The trap with the place where it happened."""
        trap.pc = pc
        trap.nodes = self.program.provenance.nodes_at(pc)
        return trap

    def _advance(self, inst: Inst, following: int) -> Step:
        """The scalar effect of an instruction, which returns the next pc."""
        if isinstance(inst, Lds | Sts):
            return self._scalar(inst, following)
        if not isinstance(inst, CtrlInst) or isinstance(inst, Out):
            return lambda: following
        control, execute, results = self.control, inst.execute, inst.writes()

        def advance() -> int:
            control.pc = following
            try:
                execute(control)
            except Unknown:
                if isinstance(inst, Loop) or not (results or isinstance(inst, Bge)):
                    raise
                for register in results:
                    self.registers[register] = DATA
            return control.pc

        return advance

    def _scalar(self, inst: Lds | Sts, following: int) -> Step:
        """Scalars in the LMU are known where `sts` put them."""
        scalars, registers, address = self.scalars, self.registers, inst.address

        def load() -> int:
            (result,) = inst.writes()
            registers[result] = scalars.get(address, DATA)
            return following

        def store() -> int:
            (source,) = inst.reads()
            if registers[source] is DATA:
                scalars.pop(address, None)
            else:
                scalars[address] = registers[source]
            return following

        return load if isinstance(inst, Lds) else store

    def _resolver(self, inst: Inst) -> Callable[[], tuple[Work, int]]:
        """Work for the current registers, remembered by their values, and the address in HBM."""
        known: dict[Any, Work] = {}
        registers, target = self.registers, self.target
        if not isinstance(inst, DataInst):
            fixed = (work_of(inst, registers, target), 0)
            return lambda: fixed
        far = inst.operand(inst.HBM).base if inst.HBM else 0
        read = itemgetter(*_keys(inst, far), 0, 0)

        def resolve() -> tuple[Work, int]:
            key, base = read(registers), registers[far]
            work = known.get(key)
            if base.__class__ is not int:
                _refuse((*key, base), "a register is read before it is written")
            if work is None:
                if None in key or DATA in key:
                    _refuse(key, "a register is read before it is written")
                if len(known) >= REMEMBERED:
                    known.clear()
                work = known[key] = work_of(inst, registers, target)
            if self.scalars:
                self._forget(work)
            return work, base

        return resolve

    def _forget(self, work: Work) -> None:
        """What an instruction on data writes is data."""
        for low, high in work.written:
            for address in [a for a in self.scalars if low < a + 8 and a < high]:
                del self.scalars[address]


def _refuse(values: Sequence[Any], unwritten: str) -> NoReturn:
    """Some values that are read are data, or registers that were not written."""
    if DATA in values:
        raise Unknown
    raise Trap(TrapKind.UNINITIALISED, unwritten)


def _keys(inst: Inst, far: int) -> list[int]:
    """Registers on which the work depends: all but `far`, unless it has two uses."""
    uses = Counter(inst.reads())
    return sorted(r for r, count in uses.items() if r != far or count > 1)
