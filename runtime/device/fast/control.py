"""Control instructions as closures over register numbers.

A register that was never written holds None, so arithmetic on it raises TypeError, which the run
reports as a trap: that keeps the check out of the path of every instruction.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.stops import Halted, Output
from runtime.isa.instructions import ctrl
from runtime.isa.spec import CtrlInst, Inst
from runtime.traps import Trap, TrapKind

Step = Callable[[Device], int]

HALF = 1 << 63
WRAP = 1 << 64

_BINARY: dict[type[CtrlInst], Callable[[Any, Any], Any]] = {
    ctrl.Add: operator.add, ctrl.Sub: operator.sub, ctrl.Mul: operator.mul,
    ctrl.Min: min, ctrl.Max: max,
}  # fmt: skip
_IMMEDIATE: dict[type[CtrlInst], Callable[[Any, Any], Any]] = {
    ctrl.Addi: operator.add, ctrl.Muli: operator.mul, ctrl.Divi: int.__floordiv__,
}  # fmt: skip

SCALARS: frozenset[type[Inst]] = frozenset({*_BINARY, *_IMMEDIATE, ctrl.Li, ctrl.Mov})
"""Instructions that compute a register from others, and do nothing else."""


def bind_control(inst: CtrlInst, following: int) -> Step:
    """A step that executes a control instruction."""
    kind = type(inst)
    found: Any = inst
    if kind in _BINARY:
        return _binary(_BINARY[kind], (found.rd, found.ra, found.rb), following)
    if kind in _IMMEDIATE:
        return _immediate(_IMMEDIATE[kind], (found.rd, found.ra), found.imm, following)
    return _SINGLE[kind](found, following)


def _wrapped(value: Any) -> Any:
    return value if -HALF <= value < HALF else (value + HALF) % WRAP - HALF


def _binary(f: Callable[[Any, Any], Any], ids: tuple[int, int, int], following: int) -> Step:
    rd, ra, rb = ids

    def step(device: Device) -> int:
        registers = device.registers
        value = f(registers[ra], registers[rb])
        registers[rd] = value if -HALF <= value < HALF else _wrapped(value)
        return following

    return step


def _immediate(
    f: Callable[[Any, Any], Any], ids: tuple[int, int], imm: int, following: int
) -> Step:
    rd, ra = ids

    def step(device: Device) -> int:
        registers = device.registers
        value = f(registers[ra], imm)
        registers[rd] = value if -HALF <= value < HALF else _wrapped(value)
        return following

    return step


def _halt(inst: ctrl.Halt, following: int) -> Step:
    del inst, following

    def step(device: Device) -> int:
        del device
        raise Halted

    return step


def _li(inst: ctrl.Li, following: int) -> Step:
    rd, value = inst.rd, inst.value

    def step(device: Device) -> int:
        device.registers[rd] = value
        return following

    return step


def _mov(inst: ctrl.Mov, following: int) -> Step:
    return _immediate(operator.add, (inst.rd, inst.ra), 0, following)


def _loop(inst: ctrl.Loop, following: int) -> Step:
    rd, rb, by, target = inst.rd, inst.rb, inst.step, inst.target

    def step(device: Device) -> int:
        registers = device.registers
        value = _wrapped(registers[rd] + by)
        bound = registers[rb]
        goes_on = value < (value if rb == rd else bound)
        registers[rd] = value
        return target if goes_on else following

    return step


def _bge(inst: ctrl.Bge, following: int) -> Step:
    ra, rb, target = inst.ra, inst.rb, inst.target

    def step(device: Device) -> int:
        registers = device.registers
        return target if registers[ra] >= registers[rb] else following

    return step


def _jump(inst: ctrl.Jump, following: int) -> Step:
    del following
    target = inst.target

    def step(device: Device) -> int:
        del device
        return target

    return step


def _scalar(device: Device, address: int) -> Any:
    if address % 8:
        raise Trap(TrapKind.MISALIGNED, f"i64 at address {address} is not a multiple of 8 bytes")
    if address + 8 > device.lmu.end:
        raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {address} to {address + 8} leave the LMU")
    return np.ndarray((), np.int64, device.lmu.buffer, address)


def _lds(inst: ctrl.Lds, following: int) -> Step:
    rd, address = inst.rd, inst.address

    def step(device: Device) -> int:
        device.registers[rd] = _scalar(device, address).item()
        return following

    return step


def _sts(inst: ctrl.Sts, following: int) -> Step:
    ra, address = inst.ra, inst.address

    def step(device: Device) -> int:
        value = device.registers[ra] + 0
        _scalar(device, address)[...] = value
        device.lmu.touch(address, address + 8)
        return following

    return step


def _out(inst: ctrl.Out, following: int) -> Step:
    ra = inst.ra

    def step(device: Device) -> int:
        device.put(device.registers[ra] + 0)
        raise Output(following)

    return step


_SINGLE: dict[type[CtrlInst], Callable[[Any, int], Step]] = {
    ctrl.Halt: _halt, ctrl.Li: _li, ctrl.Mov: _mov, ctrl.Loop: _loop, ctrl.Bge: _bge,
    ctrl.Jump: _jump, ctrl.Lds: _lds, ctrl.Sts: _sts, ctrl.Out: _out,
}  # fmt: skip
