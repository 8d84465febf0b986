"""Instructions of the control unit that are no branches, executed on values of all devices.

branch    a token, or what a branch or a loop compares, depends on the device
"""

from collections.abc import Callable

from runtime.isa.instructions.ctrl import Lds, Li, Mov, Out, Sts
from runtime.isa.spec import CtrlInst
from runtime.ring.checks.load.data import Step
from runtime.ring.checks.load.memory.runs import Content, Kind
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.values import (
    OF_TWO,
    UNIFORM,
    UNKNOWN,
    Value,
    combined,
    is_uniform,
)

Operator = Callable[[list[Value]], Value]


class Control:
    """Executes scalar instructions."""

    def __init__(self, narrator: Narrator, tags: Tags) -> None:
        self.narrator = narrator
        self.tags = tags

    def step(self, inst: CtrlInst) -> Step:
        """What executes an instruction."""
        if isinstance(inst, Lds | Sts):
            return lambda state, at: self._scalar(at, inst, state)
        if isinstance(inst, Out):
            return lambda state, at: self.require_uniform(at, state.registers, inst.ra)
        if isinstance(inst, Li):
            return _setting(inst.rd, inst.value)
        (rd,), compute = inst.writes(), _operator(inst)

        def step(state: State, at: int) -> None:
            del at
            state.registers[rd] = compute(state.registers)

        return step

    def require_uniform(self, at: int, registers: list[Value], register: int) -> None:
        """Refuse a register that may differ from device to device."""
        if not is_uniform(registers[register]):
            message = f"r{register} of {self.narrator.name(at)} may depend on the device"
            self.narrator.refuse("branch", message, at)

    def _scalar(self, at: int, inst: Lds | Sts, state: State) -> None:
        registers, low = state.registers, inst.address
        if isinstance(inst, Sts):
            value = registers[inst.ra]
            kind = Kind.SAME if is_uniform(value) else Kind.OWN
            state.lmu.put(low, low + 8, Content(kind, self.tags.known.new(at), value))
            return
        kind, number = self.tags.number(state.lmu, at, low)
        unknown = UNIFORM if kind >= Kind.SAME else UNKNOWN
        registers[inst.rd] = unknown if number is None else number


def _operator(inst: CtrlInst) -> Operator:
    """What an instruction computes of the registers."""
    if isinstance(inst, Mov):
        source = inst.ra
        return lambda registers: registers[source]
    function, operands = OF_TWO[inst.MNEMONIC], inst.reads()
    if len(operands) == 2:
        ra, rb = operands
        return lambda registers: combined(function, registers[ra], registers[rb])
    (ra,), imm = operands, _immediate(inst)
    return lambda registers: combined(function, registers[ra], imm)


def _setting(register: int, value: int) -> Step:
    """A step that sets a register."""

    def step(state: State, at: int) -> None:
        del at
        state.registers[register] = value

    return step


def _immediate(inst: CtrlInst) -> int:
    return getattr(inst, "imm")  # noqa: B009
