"""
What holds of the instructions of a function as a whole.

Labels are defined once, branches go to labels. Registers are virtual, but for those of the symbols,
or all are the machine's; none is read where it may not have been written. `r0` reads as 0, the
symbols are in the registers behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.lpu_isa.code import VIRTUAL, Code, register_text
from dialects.lpu_isa.ops import BY_INST, IsaOp, LabelOp, WeightOp
from dialects.lpu_mem.target import target_of
from dialects.reading import operations
from dialects.refusal import refuse, require
from dialects.scopes import Rule, Scope
from runtime.isa import Halt, Jump


def _anywhere(op: Operation, scope: Scope) -> None:
    """Instructions are judged together, by `verify_function`."""


ITEMS = (IsaOp, LabelOp)

RULES: dict[type[Operation], Rule] = dict.fromkeys(
    (LabelOp, WeightOp, *BY_INST.values()), _anywhere
)


@dataclass
class _Flow:
    """What is written at each place, one bit for each register."""

    labels: dict[str, int]
    """The place of each label."""
    at: dict[str, int] = field(default_factory=dict[str, int])
    """What is written wherever a branch to a label was met so far."""
    written: int | None = 0
    """None where nothing goes on: behind a jump."""

    def branch(self, label: str, place: int) -> None:
        """A branch forward; what is written when a loop begins, is still so when it goes on."""
        if self.labels[label] > place and self.written is not None:
            known = self.at.get(label)
            self.at[label] = self.written if known is None else known & self.written

    def arrive(self, label: str) -> None:
        """What is written on all ways to a label."""
        known = self.at.get(label)
        if known is not None:
            self.written = known if self.written is None else known & self.written


def verify_function(func: FuncOp, scope: Scope) -> None:
    """Labels, branches and registers agree."""
    instructions = [op for op in operations(func.body.block) if isinstance(op, ITEMS)]
    labels = _labels(instructions)
    flow = _Flow(labels, written=(2 << len(scope.stack)) - 1)
    _discipline(instructions, len(scope.stack), target_of(scope.shared.module).registers)
    for place, op in enumerate(instructions):
        if isinstance(op, IsaOp):
            _instruction(op, op.code.data, place, flow)
        else:
            flow.arrive(op.label.data)


def _labels(instructions: list[IsaOp | LabelOp]) -> dict[str, int]:
    labels: dict[str, int] = {}
    for place, op in enumerate(instructions):
        if type(op) is LabelOp:
            new = op.label.data not in labels
            require(op, new, f"the label @{op.label.data} stands somewhere else, too")
            labels[op.label.data] = place
    return labels


def _instruction(op: IsaOp, code: Code, place: int, flow: _Flow) -> None:
    target = code.target()
    known = target is None or target in flow.labels
    require(op, known, f"there is no label @{target}")
    if flow.written is None:
        return
    for register in code.reads():
        if not flow.written >> register & 1:
            refuse(op, f"nothing has written {register_text(register)} here")
    for register in code.writes():
        flow.written |= 1 << register
    if target is not None:
        flow.branch(target, place)
    if code.inst in (Jump, Halt):
        flow.written = None


def _discipline(instructions: list[IsaOp | LabelOp], symbols: int, count: int) -> None:
    """Virtual registers beside those of the symbols, or registers of the machine."""
    codes = [(op, op.code.data) for op in instructions if isinstance(op, IsaOp)]
    used = [(op, {*code.reads(), *code.writes()}) for op, code in codes]
    highest = max((max(registers, default=0) for _, registers in used), default=0)
    limit = symbols + 1 if highest >= VIRTUAL else count
    for op, registers in used:
        ours = [r for r in registers if limit <= r < VIRTUAL]
        if ours:
            names = ", ".join(map(register_text, sorted(ours)))
            refuse(op, f"{names} may not be used among these registers")
