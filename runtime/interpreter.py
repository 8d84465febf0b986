"""The reference interpreter: runs a program on named arrays, in program order.

    outputs = Interpreter(Program.load("model.lpu")).run({"input_ids": ids})

Code is decoded and bound once; a step of the loop is one call that returns the next pc.
"""

import sys
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

import numpy as np

from runtime.interface import Port
from runtime.isa.encoding import word_addresses
from runtime.isa.spec import Inst, Step
from runtime.machine import PANEL_WIDENING_BYTES, Halted, Machine
from runtime.numerics import convert
from runtime.program import Program
from runtime.regions import Array
from runtime.traps import Trap, TrapKind

Hook = Callable[[int, Inst], None]


def _no_instruction() -> int:
    raise Trap(TrapKind.ILLEGAL, "no instruction starts here")


class Interpreter:
    """Runs one program any number of times.

    `fuel` bounds the instructions of one run, None means no bound. `on_step` is called with pc and
    instruction before each one. `widen_bytes` caps the f32 copies of 16-bit parameter panels.
    """

    def __init__(
        self,
        program: Program,
        fuel: int | None = None,
        on_step: Hook | None = None,
        widen_bytes: int = PANEL_WIDENING_BYTES,
    ) -> None:
        program.validate()
        interface = program.interface
        self.program = program
        self.fuel = sys.maxsize if fuel is None else fuel
        self.machine = Machine(
            program.target, program.params, interface.arena_base, interface.arena_size, widen_bytes
        )
        self.instructions = dict(zip(word_addresses(program.code), program.code, strict=True))
        self.steps = self._bind(on_step)

    def _bind(self, on_step: Hook | None) -> list[Step]:
        last = max(self.instructions)
        steps: list[Step] = [_no_instruction] * (last + 2)
        for pc, inst in self.instructions.items():
            step = inst.bind(self.machine, pc + inst.WORDS)
            steps[pc] = step if on_step is None else _observed(step, on_step, pc, inst)
        return steps

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name for inputs by name; Unlinkable or Trap when it cannot."""
        interface = self.program.interface
        symbols = interface.bind(inputs)
        self.machine.reset()
        with np.errstate(all="ignore"):
            for port in interface.inputs:
                self._write(port, inputs[port.name])
            for register, value in interface.entry_registers(symbols).items():
                self.machine.registers[register] = value
            self._execute()
            return {port.name: self._read(port, symbols) for port in interface.outputs}

    def _execute(self) -> None:
        steps = self.steps
        pc = 0
        try:
            for _ in repeat(None, self.fuel):
                pc = steps[pc]()
            raise Trap(TrapKind.FUEL, f"not finished after {self.fuel} instructions")
        except Halted:
            return
        except Trap as trap:
            raise self._located(trap, pc) from None
        except TypeError:
            if unset := self._unset(pc):
                raise self._located(unset, pc) from None
            raise

    def _located(self, trap: Trap, pc: int) -> Trap:
        trap.pc = pc
        trap.nodes = self.program.provenance.nodes_at(pc)
        return trap

    def _unset(self, pc: int) -> Trap | None:
        """The trap behind a TypeError: arithmetic on a register that was never written."""
        for register in self.instructions[pc].reads():
            if self.machine.registers[register] is None:
                return Trap(TrapKind.UNINITIALISED, f"r{register} is read before it is written")
        return None

    def _write(self, port: Port, value: Array) -> None:
        arena, shadow = self._buffers(port, value.shape)
        arena[...] = value if port.dtype is port.storage else convert(value, port.storage)
        shadow[...] = True
        reach = sum(
            max(0, e - 1) * s for e, s in zip(value.shape, port.byte_strides(), strict=True)
        )
        self.machine.arena.touch(port.address, port.address + reach + port.storage.itemsize)

    def _read(self, port: Port, symbols: Mapping[str, int]) -> Array:
        arena, shadow = self._buffers(port, port.extents(symbols))
        if not shadow.all():
            raise Trap(TrapKind.UNINITIALISED, f"output {port.name!r} is not completely written")
        return arena.copy() if port.dtype is port.storage else convert(arena, port.dtype)

    def _buffers(self, port: Port, shape: tuple[int, ...]) -> tuple[Array, Array]:
        region = self.machine.arena
        if 0 in shape:
            return np.empty(shape, port.storage.dtype), np.empty(shape, np.bool_)
        start, strides = port.address - region.base, port.byte_strides()
        arena: Array = np.ndarray(shape, port.storage.dtype, region.data.data, start, strides)
        wide = ((*shape, port.storage.itemsize), (*strides, 1))
        assert region.shadow is not None
        shadow: Any = np.ndarray(wide[0], np.bool_, region.shadow.data, start, wide[1])
        return arena, shadow


def _observed(step: Step, on_step: Hook, pc: int, inst: Inst) -> Step:
    def observed() -> int:
        on_step(pc, inst)
        return step()

    return observed
