"""What each control instruction does, one function per mnemonic."""

import numpy as np
import pytest

from runtime.device.stops import Blocked, Halted, Output
from runtime.isa import (
    Add,
    Addi,
    Bge,
    Divi,
    Halt,
    Jump,
    Lds,
    Li,
    Loop,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Out,
    Sts,
    Sub,
)
from runtime.numerics.elements import ElementType
from tests.unit.runtime.device.bench import Bench

TOP = (1 << 63) - 1


def halt(bench: Bench) -> None:
    with pytest.raises(Halted):
        bench.run(Halt())


def li(bench: Bench) -> None:
    assert bench.run(Li(9, -5)) == 1000
    assert bench.device.registers[9] == -5


def mov(bench: Bench) -> None:
    bench.run(Mov(9, bench.register(7)))
    assert bench.device.registers[9] == 7


def add(bench: Bench) -> None:
    bench.run(Add(9, bench.register(TOP), bench.register(2)))
    assert bench.device.registers[9] == -TOP


def sub(bench: Bench) -> None:
    bench.run(Sub(9, bench.register(3), bench.register(5)))
    assert bench.device.registers[9] == -2


def mul(bench: Bench) -> None:
    bench.run(Mul(9, bench.register(TOP), bench.register(2)))
    assert bench.device.registers[9] == -2


def min_(bench: Bench) -> None:
    bench.run(Min(9, bench.register(3), bench.register(-5)))
    assert bench.device.registers[9] == -5


def max_(bench: Bench) -> None:
    bench.run(Max(9, bench.register(3), bench.register(-5)))
    assert bench.device.registers[9] == 3


def addi(bench: Bench) -> None:
    bench.run(Addi(9, bench.register(3), -4))
    assert bench.device.registers[9] == -1


def muli(bench: Bench) -> None:
    bench.run(Muli(9, bench.register(3), -4))
    assert bench.device.registers[9] == -12


def divi(bench: Bench) -> None:
    bench.run(Divi(9, bench.register(-7), 2))
    assert bench.device.registers[9] == -4


def loop(bench: Bench) -> None:
    counter, limit = bench.register(0), bench.register(4)
    assert bench.run(Loop(counter, limit, 2, 17)) == 17
    assert bench.run(Loop(counter, limit, 2, 17)) == 1000
    assert bench.device.registers[counter] == 4


def bge(bench: Bench) -> None:
    low, high = bench.register(-1), bench.register(2)
    assert bench.run(Bge(high, low, 17)) == 17
    assert bench.run(Bge(low, low, 17)) == 17
    assert bench.run(Bge(low, high, 17)) == 1000


def jump(bench: Bench) -> None:
    assert bench.run(Jump(17)) == 17


def lds(bench: Bench) -> None:
    operand = bench.place(np.array([11, -12]))
    bench.run(Lds(9, bench.device.registers[operand.base] + 8))
    assert bench.device.registers[9] == -12


def out(bench: Bench) -> None:
    for value in (-7, 8):
        with pytest.raises(Output) as output:
            bench.run(Out(bench.register(value)))
        assert output.value.pc == 1000
        if value == -7:
            assert bench.device.take() == -7
    with pytest.raises(Blocked):
        bench.run(Out(bench.register(9)))
    assert list(bench.device.outbox) == [8]


def sts(bench: Bench) -> None:
    operand = bench.empty((1,), ElementType.I64)
    bench.run(Sts(bench.register(-3), bench.device.registers[operand.base]))
    assert bench.read(operand, 1) == [-3]
