"""What values the places of a program can hold, as ranges.

A `State` has a range for each place (see `runtime.program.structure`): the lowest and the highest
value. Of every instruction that writes a register its function is known to be monotone, or linear,
in each operand, so that the range of a result has its ends at ends of the operands' ranges. A
result that may wrap can be anything.
"""

import operator
from collections.abc import Callable
from itertools import product

from runtime.isa.instructions.ctrl import (
    Add,
    Addi,
    Divi,
    Lds,
    Li,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Sts,
    Sub,
)
from runtime.isa.spec import Inst
from runtime.program.structure import Place

Range = tuple[int, int]
State = list[Range]

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
ANYTHING: Range = (LOWEST, HIGHEST)
ZERO: Range = (0, 0)

_OF_TWO: dict[type[Inst], Callable[[int, int], int]] = {
    Add: operator.add, Sub: operator.sub, Mul: operator.mul, Min: min, Max: max,
}  # fmt: skip
_OF_ONE: dict[type[Inst], Callable[[int, int], int]] = {
    Addi: operator.add, Muli: operator.mul, Divi: int.__floordiv__,
}  # fmt: skip


def execute(inst: Inst, state: State, slots: dict[int, Place]) -> None:
    """Apply an instruction that is no branch; `slots` are the places of addresses of the LMU."""
    if isinstance(inst, Li):
        state[inst.rd] = (inst.value, inst.value)
    elif isinstance(inst, Addi | Muli | Divi):
        state[inst.rd] = _ends(_OF_ONE[type(inst)], state[inst.ra], (inst.imm, inst.imm))
    elif isinstance(inst, Add | Sub | Mul | Min | Max):
        state[inst.rd] = _ends(_OF_TWO[type(inst)], state[inst.ra], state[inst.rb])
    elif isinstance(inst, Mov):
        state[inst.rd] = state[inst.ra]
    elif isinstance(inst, Lds):
        slot = slots.get(inst.address)
        state[inst.rd] = ANYTHING if slot is None else state[slot]
    elif isinstance(inst, Sts) and inst.address in slots:
        state[slots[inst.address]] = state[inst.ra]


def _ends(function: Callable[[int, int], int], a: Range, b: Range) -> Range:
    values = [function(x, y) for x, y in product(a, b)]
    low, high = min(values), max(values)
    return (low, high) if low >= LOWEST and high <= HIGHEST else ANYTHING


def join(one: State, other: State) -> State:
    """What holds where two ways meet."""
    return [
        a if a == b else (min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True)
    ]


def forget(state: State, written: int) -> None:
    """Nothing is known of the places whose bits are set."""
    while written:
        bit = written & -written
        state[bit.bit_length() - 1] = ANYTHING
        written ^= bit
