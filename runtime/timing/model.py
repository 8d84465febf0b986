"""Predicted time of one run of a program: its scalar control flow, without any data.

    timing = predict(program, {"P": 255})
    timing.seconds, timing.utilisation, timing.nodes["/layers.0/attn/MatMul"]

Branches, addresses and extents never depend on data, so the walk is the one of a real run.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from operator import itemgetter
from typing import Any

import numpy as np

from runtime.isa.encoding import word_addresses
from runtime.isa.spec import CtrlInst, Inst, Step, Unit
from runtime.machine import Halted, Machine
from runtime.program import Program
from runtime.target import Target
from runtime.timing.engines import Engines
from runtime.timing.work import Work, work_of
from runtime.traps import Trap, TrapKind

FUEL = 20_000_000
REMEMBERED = 4096


@dataclass(frozen=True)
class Timing:
    """A prediction. `busy` are cycles in which an engine works, `counts` executed instructions.

    `nodes` are the seconds by which each ONNX node moves the end of the run: what runs in the
    shadow of earlier instructions counts nothing. They add up to `seconds`, with "" for code that
    belongs to no node.
    """

    symbols: Mapping[str, int]
    cycles: int
    seconds: float
    busy: Mapping[Unit, float]
    hbm_bytes: int
    utilisation: float
    counts: Mapping[str, int]
    nodes: Mapping[str, float]


def predict(program: Program, symbols: Mapping[str, int], fuel: int = FUEL) -> Timing:
    """The time of one run for given values of the symbols; Trap when the program cannot run."""
    walk = _Walk(program, symbols)
    walk.run(fuel)
    return walk.result(symbols)


class _Walk:
    """The control processor of a machine without memory contents, in front of the engines."""

    def __init__(self, program: Program, symbols: Mapping[str, int]) -> None:
        self.program = program
        self.target = program.target
        self.engines = Engines(program.target)
        self.machine = Machine(program.target, np.empty(0, np.uint8), 0, 0, 0)
        self.machine.reset()
        for register, value in program.interface.entry_registers(symbols).items():
            self.machine.registers[register] = value
        self.executed: Counter[int] = Counter()
        self.moved: dict[int, float] = {}
        self.end = 0.0

    def run(self, fuel: int) -> None:
        """Execute until `halt`."""
        code = self.program.code
        steps = {
            pc: (inst, self._advance(inst, pc + inst.WORDS), self._resolver(inst))
            for pc, inst in zip(word_addresses(code), code, strict=True)
        }
        pc = 0
        try:
            for _ in range(fuel):
                inst, advance, resolve = steps[pc]
                self._account(pc, self.engines.execute(inst, resolve()))
                pc = advance()
            raise Trap(TrapKind.FUEL, f"not finished after {fuel} instructions")
        except Halted:
            return
        except Trap as trap:
            trap.pc = pc
            trap.nodes = self.program.provenance.nodes_at(pc)
            raise

    def _advance(self, inst: Inst, following: int) -> Step:
        """The scalar effect of an instruction, which returns the next pc."""
        if isinstance(inst, CtrlInst):
            return inst.bind(self.machine, following)
        return lambda: following

    def _resolver(self, inst: Inst) -> Callable[[], Work]:
        """The work of an instruction for the current registers, remembered by their values."""
        known: dict[Any, Work] = {}
        registers, target = self.machine.registers, self.target
        if isinstance(inst, CtrlInst):
            fixed = work_of(inst, registers, target)
            return lambda: fixed
        read = itemgetter(*sorted({0, *inst.reads()}), 0)

        def resolve() -> Work:
            key = read(registers)
            work = known.get(key)
            if work is None:
                if None in key:
                    raise Trap(TrapKind.UNINITIALISED, "a register is read before it is written")
                if len(known) >= REMEMBERED:
                    known.clear()
                work = known[key] = work_of(inst, registers, target)
            return work

        return resolve

    def _account(self, pc: int, end: float) -> None:
        self.executed[pc] += 1
        if end > self.end:
            self.moved[pc] = self.moved.get(pc, 0.0) + end - self.end
            self.end = end

    def result(self, symbols: Mapping[str, int]) -> Timing:
        """The prediction after `run`."""
        engines, target = self.engines, self.target
        cycles = ceil(self.end)
        seconds = cycles / target.clock_hz
        return Timing(
            dict(symbols), cycles, seconds, engines.busy, engines.hbm_bytes,
            engines.hbm_bytes / (seconds * target.hbm_bandwidth), self._counts(),
            self._nodes(target),
        )  # fmt: skip

    def _counts(self) -> dict[str, int]:
        code = self.program.code
        counts: Counter[str] = Counter()
        for pc, inst in zip(word_addresses(code), code, strict=True):
            counts[inst.MNEMONIC] += self.executed[pc]
        return dict(counts)

    def _nodes(self, target: Target) -> dict[str, float]:
        rounding = ceil(self.end) - self.end
        seconds = {"": rounding / target.clock_hz}
        for pc, cycles in self.moved.items():
            names = self.program.provenance.nodes_at(pc) or ("",)
            for name in names:
                share = cycles / target.clock_hz / len(names)
                seconds[name] = seconds.get(name, 0.0) + share
        return seconds
