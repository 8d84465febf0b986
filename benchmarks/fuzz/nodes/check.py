"""What becomes of one node test, and whether the machine had anything to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.fuzz.judging import ROUNDINGS, Call, Settings, compare, judge_calls
from benchmarks.fuzz.nodes.cases import NodeCase, load
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from lpuc.compiler.driver import CompiledProgram
from runtime.isa import Copy, DataInst, Fill, Inst, Iota, Load, Store
from runtime.program.interface import Port
from runtime.run.host_io import HostIO
from runtime.run.run import Run, Stop

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

MOVES = (Copy, Fill, Iota, Load, Store)
"""What lays out constants; with an operand that is an input it moves data."""
FOLDED = "folded"
"""The label of a program that has nothing left to compute."""
RTOL = 1e-5
"""What no test asks to be more exact than, and a tenth of it near zero: f32 in another order."""


def check(constants: str, name: str) -> Result:
    """Compile a node test, run it, and compare with the numbers that it brings."""
    case = load(name, constants)
    labels = [case.operator]

    def look(compiled: CompiledProgram) -> None:
        if not does_work(compiled, case.inputs):
            labels.append(FOLDED)

    def within(got: Arrays, expected: Arrays) -> Outcome:
        return compare_by_case(got, expected, case)

    outcome = judge_calls(case.model, [Call(case.inputs, case.expected)], Settings(), within, look)
    return Result(outcome, name, tuple(labels))


def does_work(compiled: CompiledProgram, inputs: Arrays) -> bool:
    """Whether a run computes anything, or moves anything of its inputs."""
    interpreter = compiled.interpreter
    interface = interpreter.program.interface
    ports = interface.inputs
    with interpreter.devices() as (device,):
        HostIO(interface, [device], inputs).start()
        run = Run(interpreter.code, device, interface.pc)
        while run.why is not Stop.HALTED:
            inst = interpreter.code.instructions[run.pc]
            moves = isinstance(inst, MOVES) and not _reads(inst, device.registers, ports)
            if isinstance(inst, DataInst) and not moves:
                return True
            run.step()
    return False


def compare_by_case(got: Arrays, expected: Arrays, case: NodeCase) -> Outcome:
    """Right where each element is within the tolerance of the test; all else is exact."""
    outcome = compare(got, expected, float("inf"))
    if outcome.verdict != "right":
        return outcome
    far = [name for name, want in expected.items() if not _is_close(got[name], want, case)]
    return replace(outcome, verdict="wrong", detail=f"{', '.join(far)}: off") if far else outcome


def _is_close(got: Array, want: Array, case: NodeCase) -> bool:
    rounding = ROUNDINGS.get(want.dtype, RTOL)
    rtol, atol = max(case.rtol, rounding), max(case.atol, rounding / 10)
    a, b = got.astype(np.float64), want.astype(np.float64)
    return np.allclose(a, b, rtol, atol, equal_nan=True)


def _reads(inst: Inst, registers: Any, ports: tuple[Port, ...]) -> bool:
    """Whether an instruction reads the bytes of an input."""
    read = [a.bounds() for a in inst.accesses(registers) if a.hbm and a.reads]
    starts = [port.address for port in ports]
    return any(low <= start < high for low, high in read for start in starts)
