"""Calls of a program's entries on named arrays, one after the other or from several threads.

    outputs = Interpreter(Program.load("model.lpu")).run({"input_ids": ids})

Code is decoded and bound once. There are two ways to execute it:

* `reference=True` executes the specification of each instruction, with a flag for each byte that
  says whether it was written in this run (`runtime.device.specified`).
* The default is the fast path (`runtime.device.fast`), which keeps all other checks: memory reads
  as NaN until it is written, because what a run may have written is filled with bytes 0xFF before
  the next (only an arena above 256 MiB starts as zeros). Prepared calls are remembered.

In everything that does not accumulate both ways agree bit for bit; a product is right within
n u sum |x||w| on either.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager

from runtime.device.device import WIDEN_BYTES, Device
from runtime.device.memory import Array
from runtime.program.program import Program
from runtime.run.code import Code
from runtime.run.host_io import HostIO
from runtime.run.run import Run, Stop
from runtime.traps import Trap, TrapKind

Hook = Callable[[Run], None]


def _no_host(value: int) -> None:
    del value


class Interpreter:
    """Runs one program any number of times; a call that meets another one gets a device of its own.

    `fuel` bounds the elements that one run executes (`runtime.program.bounds`), None means what the
    program states, which no run exceeds. `on_step` is called before each instruction.
    `widen_bytes` caps the f32 copies of 16-bit panels.
    """

    def __init__(
        self, program: Program, fuel: int | None = None, on_step: Hook | None = None,
        widen_bytes: int = WIDEN_BYTES, reference: bool = False,
    ) -> None:  # fmt: skip
        program.validate()
        self.program = program
        most = max(program.bounds.elements.values())
        self.fuel = fuel if fuel is not None and fuel < most else None
        self.on_step = on_step
        self.widen_bytes = widen_bytes
        self.reference = reference
        self.code = Code(program.code)
        self.params = program.linked_params
        self._idle: list[Device] = []
        self._lock = threading.Lock()

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
        with self.device() as device:
            host = HostIO(interface, device, inputs, values)
            host.start()
            run = Run(self.code, device, interface.pc, self.fuel)
            self.finish(run, on_token or _no_host)
            return host.outputs()

    def finish(self, run: Run, on_token: Callable[[int], None] = _no_host) -> None:
        """Execute a run to its end; Trap, with the nodes it comes from, when it cannot."""
        for value in self.handed(run):
            on_token(value)

    def handed(self, run: Run) -> Iterator[int]:
        """What a run hands to the host until its end, each value before the next is made."""
        while (stop := self._until_stop(run)) is not Stop.HALTED:
            assert stop is not Stop.BLOCKED, run.reason
            if stop is Stop.OUTPUT:
                yield run.device.take()

    def _until_stop(self, run: Run) -> Stop:
        try:
            stop = self._advance(run)
            if stop is Stop.FUEL:
                raise Trap(TrapKind.FUEL, f"not finished after {self.fuel} elements")
        except Trap as trap:
            self.params.require_unchanged()
            trap.pc = run.pc
            trap.nodes = self.program.provenance.nodes_at(run.pc)
            raise
        if stop in (Stop.OUTPUT, Stop.HALTED):
            self.params.require_unchanged()
        return stop

    def _advance(self, run: Run) -> Stop:
        if self.on_step is None:
            return run.advance()
        self.on_step(run)
        return run.step()

    @contextmanager
    def device(self) -> Generator[Device]:
        """A device that nobody else uses until the end of the block."""
        with self._lock:
            device = self._idle.pop() if self._idle else None
        device = device or self._new_device()
        try:
            yield device
        finally:
            with self._lock:
                self._idle.append(device)

    def _new_device(self) -> Device:
        interface = self.program.interface
        return Device(
            self.program.target, self.params, interface.arena_base, interface.arena_size,
            self.widen_bytes, checked=self.reference,
        )  # fmt: skip
