"""Nanoseconds per executed instruction on the fast path and the reference.

`python -m tests.unit.runtime.run.step_times` prints, for each instruction, the numpy call it
consists of (`kernel`), an execution with register values seen before (`seen`) and one with new ones
(`new`), all in CPU time. A vector is 32 f32, a panel 32 x 32.
"""

import sys
import time
import timeit
from collections.abc import Callable

import numpy as np

from runtime.isa import Add, Inst, Load, Map2, Operand, Store, Stream, Vecmat
from runtime.numerics.elements import ElementType
from runtime.run.code import Code
from tests.unit.runtime.device.bench import ARENA, Bench

F32 = ElementType.F32
LENGTH, ROUNDS = 32, 5
ONE, N, STEP, ROW, MOVING = 1, 2, 3, 4, 5
HBM, A, B, C = 6, 7, 8, 9
VALUES = {ONE: 1, N: LENGTH, STEP: 4, ROW: 4 * LENGTH, MOVING: 64, HBM: ARENA, A: 0, B: 256, C: 512}

ALONG = (ONE, ONE, ONE, N)
A_PANEL = (ONE, ONE, N, N)


def row(base: int) -> Operand:
    """32 f32; the stride of axis 0, which has one element, changes where values are new."""
    return Operand(F32, base, (MOVING, 0, 0, STEP))


PANEL = Operand(F32, HBM, (MOVING, 0, ROW, STEP))
COLUMN = Operand(F32, A, (MOVING, 0, STEP, 0))
CODE: dict[str, tuple[Inst, ...]] = {
    "add": (Add(10, A, B),),
    "load": (Load(ALONG, row(A), row(HBM)),),
    "store": (Store(ALONG, row(HBM), row(A)),),
    "map2.add": (Map2("add", ALONG, row(C), row(A), row(B)),),
    "stream + vecmat": (Stream(A_PANEL, PANEL), Vecmat(A_PANEL, row(C), COLUMN)),
}


def _best(call: Callable[[], object], count: int) -> float:
    timer = time.process_time
    return min(timeit.repeat(call, number=count, repeat=ROUNDS, timer=timer)) / count * 1e9


def measure(code: tuple[Inst, ...], reference: bool) -> tuple[float, float]:
    """Nanoseconds per round of the instructions: seen and new."""
    device = Bench(reference=reference).device
    for register, value in VALUES.items():
        device.registers[register] = value
    for region in (device.lmu, device.arena):
        region.data[:] = 0
        if region.written is not None:
            region.written[:] = True
    bound = Code(code)
    device.attach(bound, len(code))
    steps = [bound.steps_for(device)[pc] for pc in bound.instructions]
    registers = device.registers

    def run() -> None:
        for step in steps:
            step(device)

    def run_new() -> None:
        registers[MOVING] += 64
        run()

    with np.errstate(all="ignore"):
        run()
        return _best(run, 20000), _best(run_new, 800)


def kernels() -> dict[str, float]:
    """Nanoseconds of the numpy calls alone."""
    x, y, out = (np.zeros((1, 1, 1, LENGTH), np.float32) for _ in range(3))
    matrix, vector = np.zeros((LENGTH, LENGTH), np.float32), np.zeros(LENGTH, np.float32)
    result = np.zeros(LENGTH, np.float32)
    copied = _best(lambda: out.__setitem__(..., x), 20000)
    return {
        "load": copied,
        "store": copied,
        "map2.add": _best(lambda: np.add(x, y, out), 20000),
        "stream + vecmat": _best(lambda: vector.dot(matrix, result), 20000),
    }


def main() -> None:
    """Print the table."""
    alone = kernels()
    sys.stdout.write("ns per execution    kernel |  fast: seen      new |   ref.: seen      new\n")
    for name, code in CODE.items():
        (seen, new), (slow_seen, slow_new) = measure(code, False), measure(code, True)
        figures = f"{seen:9.0f} {new:9.0f} | {slow_seen:9.0f} {slow_new:9.0f}"
        sys.stdout.write(f"{name:18s} {alone.get(name, 0):7.0f} | {figures}\n")


if __name__ == "__main__":
    main()
