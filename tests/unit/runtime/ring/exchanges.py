"""Programs for several devices, made by hand: what each holds goes to all, around the ring."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from runtime.device.memory import Array
from runtime.isa import (
    Addi,
    Copy,
    Halt,
    Inst,
    Li,
    Load,
    Loop,
    Map2,
    Muli,
    Operand,
    Recv,
    Reduce,
    Send,
    Store,
)
from runtime.isa.encoding import word_addresses
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Port, Symbol
from runtime.program.program import Program
from runtime.sharding import Factor, Sharding
from tests.unit.runtime.program.programs import X, Y, program, row

F32 = ElementType.F32
SIZE = 5
"""Elements that each device holds."""
ONE, COUNT, FOUR, ALL, FROM, TO, OWN, TURN, TURNS = 1, 2, 3, 4, 5, 6, 7, 8, 9
SLOTS, NUMBERS = 10, 18
OWN_AT, GATHERED = 0, 512
SHAPE, WHOLE = (ONE, ONE, ONE, COUNT), (ONE, ONE, ONE, ALL)


def slot(j: int) -> Operand:
    """What the device that is `j` steps to the right holds."""
    return row(SLOTS + j, FOUR)


def head(devices: int) -> list[Inst]:
    """Registers: constants, and the address of the slot of each neighbour."""
    size = 4 * SIZE
    code: list[Inst] = [
        Li(ONE, 1), Li(COUNT, SIZE), Li(FOUR, 4), Li(ALL, SIZE * devices), Li(FROM, X), Li(TO, Y),
        Li(OWN, OWN_AT),
    ]  # fmt: skip
    for j in range(devices):
        code += [Muli(SLOTS + j, NUMBERS + j, size), Addi(SLOTS + j, SLOTS + j, GATHERED)]
    return code


def hops(devices: int) -> list[Inst]:
    """From slot 0 to all slots: both ways at once, half around one way and half the other."""
    code: list[Inst] = []
    for j in range(1, devices // 2 + 1):
        code += [Send("left", SHAPE, slot(j - 1)), Recv("right", SHAPE, slot(j))]
        if j < devices - devices // 2:
            code += [
                Send("right", SHAPE, slot((1 - j) % devices)),
                Recv("left", SHAPE, slot(-j % devices)),
            ]
    return code


def on_ring(code: Sequence[Inst], devices: int, whole: bool = True) -> Program:
    """A program for devices that hold parts of x, and give the whole of y or parts of it."""
    cut = Sharding(devices, ((Factor(SIZE * devices, devices),),))
    dim = Dim(SIZE * devices)
    made = program(
        code,
        [Port("x", F32, F32, (dim,), (1,), X, sharding=cut)],
        [Port("y", F32, F32, (dim,), (1,), Y, sharding=None if whole else cut)],
        [Symbol(f"d{j}", NUMBERS + j, 0, devices - 1) for j in range(devices)],
    )
    return replace(made, devices=devices)


def gathering(devices: int) -> Program:
    """y = x, of which each device holds a part."""
    load = Load(SHAPE, slot(0), row(FROM, FOUR))
    store = Store(WHOLE, row(TO, FOUR), Operand(F32, OWN, (0, 0, 0, FOUR)))
    code = [*head(devices), Li(OWN, GATHERED), load, *hops(devices), store, Halt()]
    return on_ring(code, devices)


def mixing(devices: int, turns: int = 3) -> Program:
    """A loop, in each turn of which each device adds to its part the sum of the whole."""
    before: list[Inst] = [
        *head(devices), Li(TURN, 0), Li(TURNS, turns), Load(SHAPE, row(OWN, FOUR), row(FROM, FOUR)),
        Li(TO, GATHERED),
    ]  # fmt: skip
    zero = (0, 0, 0, FOUR)
    body: list[Inst] = [
        Copy(SHAPE, slot(0), row(OWN, FOUR)),
        *hops(devices),
        Reduce("sum", WHOLE, Operand(F32, FROM), Operand(F32, TO, zero), 8),
        Map2("add", SHAPE, row(OWN, FOUR), row(OWN, FOUR), Operand(F32, FROM)),
    ]
    start = word_addresses([*before, Li(FROM, 256), Halt()])[-1]
    after: list[Inst] = [Li(TO, Y), Store(SHAPE, row(TO, FOUR), row(OWN, FOUR)), Halt()]
    code = [*before, Li(FROM, 256), *body, Loop(TURN, TURNS, 1, start), *after]
    return on_ring(code, devices, whole=False)


def mixed(x: Array, turns: int = 3) -> Array:
    """What `mixing` gives; f32 holds all of it."""
    values = x.astype(np.int64)
    for _ in range(turns):
        values = values + values.sum()
    assert values.max() < 1 << 24
    return values


def parts(devices: int) -> Array:
    """An input: small whole numbers, all different."""
    return np.arange(1, SIZE * devices + 1, dtype=np.float32)
