"""Code, decoded and bound once for any number of devices.

    code = Code(program.code)            # or Code.decode(bytes)
    pc = code.steps[pc](device)          # the fast path
    pc = code.blocks[pc](device)         # the same, a whole block where one begins
    pc = code.specified[pc](device)      # the reference: the instructions' own specifications

Binding reads no device: operands stay register numbers until a step meets the registers of one.
"""

from collections.abc import Callable, Iterable
from functools import cached_property

from runtime.device.device import Device
from runtime.device.fast.binding import Step, bind
from runtime.device.fast.blocks.block import cut
from runtime.device.fast.blocks.trace import tracing
from runtime.device.specified import Specified
from runtime.isa.encoding import decode, word_addresses
from runtime.isa.instructions.ctrl import Loop
from runtime.isa.spec import Inst
from runtime.traps import Trap, TrapKind


def _no_instruction(device: Device) -> int:
    del device
    raise Trap(TrapKind.ILLEGAL, "no instruction starts here")


class Code:
    """The instructions of a program by their pc, and steps that execute them."""

    def __init__(self, instructions: Iterable[Inst]) -> None:
        code = tuple(instructions)
        self.instructions = dict(zip(word_addresses(code), code, strict=True))
        self.end = sum(inst.WORDS for inst in code)

    @staticmethod
    def decode(data: bytes) -> "Code":
        """The code of encoded words; Malformed where they are none."""
        return Code(decode(data))

    @cached_property
    def steps(self) -> list[Step]:
        """By pc: executes one instruction on a device and returns the next pc, fast."""
        return self._table(bind)

    @cached_property
    def blocks(self) -> list[Step]:
        """By pc: executes a block that begins there, else one instruction; fast."""
        steps = self.steps.copy()
        for block in cut(self.instructions):
            steps[block.start] = tracing(block, steps[block.start])
        return steps

    @cached_property
    def specified(self) -> list[Step]:
        """By pc: executes one instruction as specified and returns the next pc."""
        return self._table(_specified)

    def steps_for(self, device: Device) -> list[Step]:
        """The reference for a device that keeps flags of what was written, else the fast path."""
        return self.specified if device.checked else self.steps

    def loops_around(self, pc: int) -> list[tuple[int, Loop]]:
        """The loops that a pc lies in with the pc of each, the innermost first."""
        found = [
            (at, inst)
            for at, inst in self.instructions.items()
            if isinstance(inst, Loop) and inst.target <= pc <= at
        ]
        return sorted(found, key=lambda pair: pair[0] - pair[1].target)

    def _table(self, binding: Callable[[Inst, int, int], Step]) -> list[Step]:
        steps: list[Step] = [_no_instruction] * (self.end + 1)
        for slot, (pc, inst) in enumerate(self.instructions.items()):
            steps[pc] = binding(inst, slot, pc + inst.WORDS)
        return steps


def _specified(inst: Inst, slot: int, following: int) -> Step:
    del slot

    def step(device: Device) -> int:
        return Specified(device).step(inst, following)

    return step
