"""One device: scalar registers, LMU, arena, parameters, operand FIFO, and what the host took.

    device = Device(program.target, image, arena_base, arena_size)
    device.reset()
    code.steps[pc](device)

Code is bound once and names no device; a device holds everything that one run changes, and the
calls that the fast path prepared for its memories: of instructions (`ready`) and of blocks of them
(`traces`). `place` is the pc of an instruction within a block that stopped a run, else None.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from runtime.device.fifo import Fifo
from runtime.device.links import Transport
from runtime.device.memory import Memory, empty_memory
from runtime.device.products import Products
from runtime.device.stops import Blocked
from runtime.native.library import serving
from runtime.target import Target
from runtime.traps import Trap, TrapKind
from runtime.weights.image import Image

WIDEN_BYTES = 4 << 30
PLAN_LIMIT = 1 << 16
OUTBOX = 1

NO_CALLS: dict[Any, Any] = {}
"""What is remembered of an instruction that was not executed; always empty."""

REGISTERS = 256
"""As many as a word can name; a machine that is only thought of may have more."""


class Device:
    """The state of one device.

    `params` are its parameters, of which blocks are verified before their first use. `checked`
    keeps a flag for each byte, which the reference path needs. `widen_bytes` caps the f32 copies of
    16-bit panels, which are made where no native kernel serves, and `plan_limit` the number of
    calls that the fast path remembers, of about 1 KiB each: share it out when several devices run
    one program. `transport` leads to the neighbours.
    """

    def __init__(
        self, target: Target, params: Image, arena_base: int, arena_size: int,
        widen_bytes: int = WIDEN_BYTES, checked: bool = False, plan_limit: int = PLAN_LIMIT,
        transport: Transport | None = None,
    ) -> None:  # fmt: skip
        self.target = target
        self.checked = checked
        self.registers: list[Any] = [None] * max(REGISTERS, target.registers)
        self.lmu = empty_memory("LMU", 0, target.lmu_bytes, checked)
        self.params = Memory("parameters", 0, params.data, image=params)
        self.arena = empty_memory("arena", arena_base, arena_size, checked)
        self.fifo = Fifo(target)
        self.products = Products(widen_bytes, self.arena, serving().kernel)
        self.transport = transport
        self.outbox: deque[int] = deque()
        self.code: object = None
        self.ready: list[dict[Any, Any]] = []
        self.traces: dict[int, Any] = {}
        self.place: int | None = None
        self.plans = 0
        self.plan_limit = plan_limit

    def reset(self, spared: Sequence[tuple[int, int]] = ()) -> None:
        """Poison registers and memory and empty what lies between instructions; parameters stay.

        `spared` are ranges of the arena that the host writes before anything else happens.
        """
        self.lmu.clear()
        self.arena.clear(spared)
        self.products.clear()
        self.restart()

    def restart(self) -> None:
        """Poison registers, empty FIFO and outbox, drop messages to this device; memory stays."""
        self.registers[:] = [0] + [None] * (len(self.registers) - 1)
        self.fifo.panels.clear()
        self.outbox.clear()
        if self.transport is not None:
            self.transport.clear()

    def hbm_at(self, address: int) -> Memory:
        """The memory of HBM that holds a byte address."""
        for memory in (self.arena, self.params):
            if memory.base <= address < memory.end:
                return memory
        raise Trap(TrapKind.OUT_OF_BOUNDS, f"no HBM region holds address {address}")

    def put(self, value: int) -> None:
        """Hand a value to the host; Blocked while it has not taken the one before."""
        if not self._has_room():
            raise Blocked("the host has not taken the value before", self._has_room)
        self.outbox.append(value)

    def _has_room(self) -> bool:
        return len(self.outbox) < OUTBOX

    def take(self) -> int:
        """The oldest value that `out` handed over."""
        return self.outbox.popleft()

    def attach(self, code: object, slots: int) -> None:
        """Be ready for code of so many instructions, and forget the calls of any other code."""
        if self.code is not code:
            self.code, self.plans = code, 0
            self.ready.clear()
            self.traces.clear()
        self.ready.extend([NO_CALLS] * (slots - len(self.ready)))

    def remember(self, slot: int, key: Any, call: Any) -> None:
        """Keep a prepared call of an instruction."""
        self.count(1)
        if self.ready[slot] is NO_CALLS:
            self.ready[slot] = {}
        self.ready[slot][key] = call

    def count(self, calls: int) -> None:
        """Count calls that will be kept; all others are dropped when they are too many."""
        if self.plans >= self.plan_limit:
            for kept in self.ready:
                kept.clear()
            for trace in self.traces.values():
                trace.forget()
            self.plans = 0
        self.plans += calls
