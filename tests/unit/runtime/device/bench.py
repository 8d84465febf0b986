"""A device on which single instructions are tried, with operands placed from arrays."""

from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fast.binding import bind
from runtime.device.links import ring_of
from runtime.device.memory import Array
from runtime.device.specified import Elements, Specified
from runtime.isa import Inst, Operand
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.weights.image import Image

PARAMS = 4096
ARENA = 1 << 16


class Bench:
    """Registers, LMU, parameters and arena of `lpu-tiny`, filled one operand after the other.

    The device is its own neighbour: what it sends to one side it receives from the other.
    """

    def __init__(self, params: Array | None = None, reference: bool = True) -> None:
        data = np.zeros(PARAMS, np.uint8) if params is None else params
        self.device = Device(
            Target.load("lpu-tiny"), Image(data), ARENA, 4096, 1 << 20, reference,
            transport=ring_of(1, depth=2)[0],
        )  # fmt: skip
        self.device.reset()
        self.next = 1
        self.steps = 0
        self.free = {"lmu": 0, "arena": ARENA}

    def register(self, value: int) -> int:
        """A register that holds `value`."""
        self.device.registers[self.next] = value
        self.next += 1
        return self.next - 1

    def extents(self, *values: int) -> tuple[int, int, int, int]:
        """Registers that hold the extents, padded with ones in front."""
        a, b, c, d = (self.register(v) for v in (1,) * (4 - len(values)) + values)
        return (a, b, c, d)

    def operand(self, element: ElementType, address: int, strides: tuple[int, ...]) -> Operand:
        """An operand at an address with byte strides, padded with zeros in front."""
        steps = (0,) * (4 - len(strides)) + strides
        a, b, c, d = (0 if s == 0 else self.register(s) for s in steps)
        return Operand(element, self.register(address), (a, b, c, d))

    def place(self, values: Any, where: str = "lmu", filled: bool = True) -> Operand:
        """A contiguous operand; `filled` writes and marks the values."""
        array = np.asarray(values)
        element = ElementType.of(array.dtype)
        assert element is not None
        address = -(-self.free[where] // 64) * 64
        self.free[where] = address + array.nbytes
        region = self.device.lmu if where == "lmu" else self.device.arena
        start = address - region.base
        if filled:
            region.data[start : start + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
            if region.written is not None:
                region.written[start : start + array.nbytes] = True
        return self.operand(element, address, array.strides)

    def empty(self, shape: tuple[int, ...], element: ElementType, where: str = "lmu") -> Operand:
        """A contiguous operand that is not initialised."""
        return self.place(np.zeros(shape, element.dtype), where, filled=False)

    def run(self, *code: Inst) -> int:
        """Execute instructions in order; the pc that the last one continues at."""
        pc = 0
        with np.errstate(all="ignore"):
            for inst in code:
                pc = self._step(inst)
        return pc

    def _step(self, inst: Inst) -> int:
        self.steps += 1
        if self.device.checked:
            return Specified(self.device).step(inst, 1000)
        self.device.attach(None, self.steps + 1)
        return bind(inst, self.steps, 1000)(self.device)

    def read(self, operand: Operand, *shape: int) -> Array:
        """Copy of a contiguous operand in LMU or arena; traps when it is not initialised."""
        extents = (1,) * (4 - len(shape)) + shape
        address = self.device.registers[operand.base]
        strides = tuple(self.device.registers[s] for s in operand.strides)
        memory = self.device.lmu if address < ARENA else self.device.arena
        place = Elements(memory, address, extents, strides, operand.type, self.device)
        return place.read().reshape(shape)
