"""Calls of a program's entries on named arrays, one after the other or from several threads.

    outputs = Interpreter(Program.load("model.lpu")).run({"input_ids": ids})

Code is decoded and bound once, for all devices of the program. There are two ways to execute it:

* `reference=True` executes the specification of each instruction, with a flag for each byte that
  says whether it was written in this run (`runtime.device.specified`).
* The default is the fast path (`runtime.device.fast`), which keeps all other checks: memory reads
  as NaN until it is written, because what a run may have written is filled with bytes 0xFF before
  the next (only an arena above 256 MiB starts as zeros). Prepared calls are remembered.

In everything that does not accumulate both ways agree bit for bit; a product is right within
n u sum |x||w| on either.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from runtime.device.device import PLAN_LIMIT, WIDEN_BYTES, Device
from runtime.device.links import ring_of
from runtime.device.memory import Array
from runtime.program.program import Program
from runtime.run.code import Code
from runtime.run.host_io import HostIO
from runtime.run.ring import IN_TURN, Ring, Stepping
from runtime.run.run import Run, Stop
from runtime.traps import Trap

Hook = Callable[[Run], None]


def _no_host(value: int) -> None:
    del value


class Interpreter:
    """Runs one program any number of times; a call that meets another has devices of its own.

    `fuel` bounds the elements that one run executes on each device (`runtime.program.bounds`), None
    means what the program states, which no run exceeds. `on_step` is called before each
    instruction. `widen_bytes` caps the f32 copies of 16-bit panels. `stepping` says how devices
    take turns, which changes no result.
    """

    def __init__(
        self, program: Program, fuel: int | None = None, on_step: Hook | None = None,
        widen_bytes: int = WIDEN_BYTES, reference: bool = False, stepping: Stepping = IN_TURN,
    ) -> None:  # fmt: skip
        program.validate()
        self.program = program
        most = max(program.bounds.elements.values())
        self.fuel = fuel if fuel is not None and fuel < most else None
        self.on_step = on_step
        self.widen_bytes = widen_bytes
        self.reference = reference
        self.stepping = stepping
        self.code = Code(program.code)
        self.params = program.params_of_all()
        self._idle: list[list[Device]] = []
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
        with self.devices() as devices:
            host = HostIO(interface, devices, inputs, values)
            host.start()
            self.finish(self.ring(devices, interface.pc), on_token or _no_host)
            return host.outputs()

    def ring(self, devices: Sequence[Device], pc: int) -> Ring:
        """A run of devices from a pc on."""
        runs = [Run(self.code, device, pc, self.fuel) for device in devices]
        return Ring(runs, self.program.provenance, self.stepping.order, self.on_step)

    def finish(self, ring: Ring, on_token: Callable[[int], None] = _no_host) -> None:
        """Execute a run to its end; Trap, with the nodes it comes from, when it cannot."""
        for value in self.handed(ring):
            on_token(value)

    def handed(self, ring: Ring) -> Iterator[int]:
        """What a run hands to the host until its end, each value before the next is made."""
        while self._until_stop(ring) is Stop.OUTPUT:
            yield ring.value

    def _until_stop(self, ring: Ring) -> Stop:
        try:
            stop = ring.advance()
            if stop is Stop.FUEL:
                raise ring.spent(f"not finished after {self.fuel} elements")
        except Trap as trap:
            self._require_unchanged()
            trap.nodes = () if trap.pc is None else self.program.provenance.nodes_at(trap.pc)
            raise
        self._require_unchanged()
        return stop

    def _require_unchanged(self) -> None:
        for image in self.params:
            image.require_unchanged()

    @contextmanager
    def devices(self) -> Generator[Sequence[Device]]:
        """Devices, those of a whole ring, that nobody else uses until the end of the block."""
        with self._lock:
            devices = self._idle.pop() if self._idle else None
        devices = devices or self._new_devices()
        try:
            yield devices
        finally:
            with self._lock:
                self._idle.append(devices)

    def _new_devices(self) -> list[Device]:
        """Linked devices, among which what one may remember is shared out."""
        interface, count, target = self.program.interface, self.program.devices, self.program.target
        depth = self.stepping.depth or target.link_depth
        transports = ring_of(count, depth) if count > 1 else [None]
        return [
            Device(
                target, image, interface.arena_base, interface.arena_size,
                self.widen_bytes // count, self.reference, PLAN_LIMIT // count, transport,
            )
            for image, transport in zip(self.params, transports, strict=True)
        ]  # fmt: skip
