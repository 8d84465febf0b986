"""The interpreter: runs a program on named arrays, in program order.

    outputs = Interpreter(Program.load("model.lpu")).run({"input_ids": ids})

Code is decoded and bound once; a step of the loop is one call that returns the next pc. A data
instruction looks up the values of its registers, and what it finds is a numpy call with its arrays
in place. There are two ways to get there (`runtime/isa/binding.py`), and they compute with the same
functions:

* `reference=True` knows of every byte whether it was written in this run. It checks that before the
  first execution of an instruction with given register values, marks what was written, and forgets
  everything at the end of the run.
* The default keeps all other checks (registers, bounds, alignment, types, FIFO, races, read-only
  parameters) and no such knowledge: memory reads as NaN until it is written, because what a run may
  have written is filled with bytes 0xFF before the next (only an arena above 256 MiB starts as
  zeros). Calls are remembered across runs. New
  register values, which a growing context gives to every instruction that depends on it, cost one
  construction of a numpy view per operand, in which numpy does the bounds check.

Products run in BLAS on the panels where they lie, with K or N contiguous. 16-bit panels are held in
f32 (`runtime/device/panels.py`): parameters widened once under `widen_bytes`, the arena in a mirror
that stores write through. In everything that does not accumulate both ways agree bit for bit; a
product is right within n u sum |x||w| on either.
"""

from collections.abc import Callable, Mapping
from itertools import chain

import numpy as np

from runtime.device.machine import PANEL_WIDENING_BYTES, Halted, Machine
from runtime.device.regions import Array, View, pieces, span
from runtime.isa.encoding import word_addresses
from runtime.isa.spec import Inst, Step
from runtime.numerics.elements import convert
from runtime.program.bounds import elements
from runtime.program.interface import Port
from runtime.program.program import Program
from runtime.traps import Trap, TrapKind

Hook = Callable[[int, Inst], None]


def _no_instruction() -> int:
    raise Trap(TrapKind.ILLEGAL, "no instruction starts here")


class Interpreter:
    """Runs one program any number of times.

    `fuel` bounds the elements that one run executes (`runtime.program.bounds`), None means what the
    program states, which no run exceeds. `on_step` is called with pc and instruction before each
    one. `widen_bytes` caps the f32 copies of 16-bit panels.
    """

    def __init__(
        self,
        program: Program,
        fuel: int | None = None,
        on_step: Hook | None = None,
        widen_bytes: int = PANEL_WIDENING_BYTES,
        reference: bool = False,
    ) -> None:
        program.validate()
        interface = program.interface
        self.program = program
        most = max(program.bounds.elements.values())
        self.fuel = fuel if fuel is not None and fuel < most else None
        self.left = most
        base, size = interface.arena_base, interface.arena_size
        self.machine = Machine(
            program.target, program.linked_params, base, size, widen_bytes, reference
        )
        self.instructions = dict(zip(word_addresses(program.code), program.code, strict=True))
        self.steps = self._bind(on_step)

    def _bind(self, on_step: Hook | None) -> list[Step]:
        last = max(self.instructions)
        steps: list[Step] = [_no_instruction] * (last + 2)
        for pc, inst in self.instructions.items():
            step = inst.bind(self.machine, pc + inst.WORDS)
            step = step if self.fuel is None else self._counted(step, inst)
            steps[pc] = step if on_step is None else _observed(step, on_step, pc, inst)
        return steps

    def _counted(self, step: Step, inst: Inst) -> Step:
        registers = self.machine.registers

        def counted() -> int:
            self.left -= elements(inst, registers)
            if self.left < 0:
                raise Trap(TrapKind.FUEL, f"not finished after {self.fuel} elements")
            return step()

        return counted

    def run(
        self,
        inputs: Mapping[str, Array],
        entry: str = "step",
        values: Mapping[str, int] | None = None,
        on_token: Callable[[int], None] | None = None,
    ) -> dict[str, Array]:
        """Outputs by name for inputs by name; Unlinkable or Trap when it cannot.

        `values` gives the symbols of the entry that no input determines; `on_token` receives what
        `out` hands to the host, as it is produced.
        """
        interface = self.program.entry(entry)
        symbols = interface.bind(inputs, values)
        views = [self._view(port, inputs[port.name].shape) for port in interface.inputs]
        written = [
            pieces(port.address, v.array) for port, v in zip(interface.inputs, views, strict=True)
        ]
        self.machine.reset(self._believing(on_token), list(chain.from_iterable(written)))
        with np.errstate(all="ignore"):
            for port, view in zip(interface.inputs, views, strict=True):
                _write(port, view, inputs[port.name])
            for register, value in interface.entry_registers(symbols).items():
                self.machine.registers[register] = value
            self._execute(interface.pc)
            return {port.name: self._read(port, symbols) for port in interface.outputs}

    def _believing(self, on_token: Callable[[int], None] | None) -> Callable[[int], None] | None:
        """Hands out a token if the parameters it was computed with are as they were."""
        if on_token is None:
            return None

        def hand_out(token: int) -> None:
            self.program.linked_params.require_unchanged()
            on_token(token)

        return hand_out

    def _execute(self, pc: int) -> None:
        steps = self.steps
        self.left = self.fuel or 0
        try:
            while True:
                pc = steps[pc]()
        except Halted:
            self.program.linked_params.require_unchanged()
        except Trap as trap:
            self.program.linked_params.require_unchanged()
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

    def _read(self, port: Port, symbols: Mapping[str, int]) -> Array:
        view = self._view(port, port.extents(symbols))
        flags = view.shadow()
        if flags is not None and not flags.all():
            raise Trap(TrapKind.UNINITIALISED, f"output {port.name!r} is not completely written")
        found = view.array
        return found.copy() if port.dtype is port.storage else convert(found, port.dtype)

    def _view(self, port: Port, shape: tuple[int, ...]) -> View:
        """The elements of a port of any rank, checked by the program's validation."""
        region, dtype = self.machine.arena, port.storage.dtype
        if 0 in shape:
            return View(region, np.empty(shape, dtype), 0, region.base, region.base)
        start = port.address - region.base
        array = np.ndarray(shape, dtype, region.buffer, start, port.byte_strides())
        return View(region, array, start, *span(port.address, array))


def _write(port: Port, view: View, value: Array) -> None:
    view.array[...] = value if port.dtype is port.storage else convert(value, port.storage)
    view.mark()


def _observed(step: Step, on_step: Hook, pc: int, inst: Inst) -> Step:
    def observed() -> int:
        on_step(pc, inst)
        return step()

    return observed
