"""A run stops where it is asked to, goes on as if it had not, and can be put back."""

import dataclasses
import gc
import itertools
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest

from runtime.device.device import Device
from runtime.device.fast.blocks.trace import Trace
from runtime.errors import Misuse
from runtime.isa import (
    Addi,
    Copy,
    Fill,
    Halt,
    Inst,
    Li,
    Loop,
    Map2,
    Operand,
    Out,
    Store,
    Stream,
    Vecmat,
)
from runtime.isa.encoding import encode
from runtime.numerics.elements import ElementType
from runtime.run.code import Code
from runtime.run.host_io import HostIO
from runtime.run.run import Run, Stop
from runtime.traps import Trap, TrapKind
from runtime.weights.image import Image
from tests.unit.runtime.program.programs import WEIGHT, program, projection, tokens

F32 = ElementType.F32
ONE = (1, 1, 1, 1)
BOTH = pytest.mark.parametrize("reference", [False, True])

# Doubles LMU[0] four times, handing the turn to the host each time.
COUNTING: list[Inst] = [
    Li(1, 1), Li(2, int(np.float32(3).view(np.int32))), Li(3, 4), Fill(ONE, Operand(F32, 0), 2),
    Li(4, 0), Out(4), Map2("add", ONE, Operand(F32, 0), Operand(F32, 0), Operand(F32, 0)),
    Loop(4, 3, 1, 6), Halt(),
]  # fmt: skip
OUT, ADD, LOOP = 6, 7, 9


def _device(made: Any, reference: bool, plans: int = 1 << 16) -> Device:
    interface = made.interface
    return Device(
        made.target, made.params_of(), interface.arena_base, interface.arena_size,
        checked=reference, plan_limit=plans,
    )  # fmt: skip


def _run(code: list[Inst], reference: bool, fuel: int | None = None) -> Run:
    made = program(code)
    device = _device(made, reference)
    device.reset()
    return Run(Code(made.code), device, 0, fuel)


def _finish(run: Run) -> list[int]:
    seen: list[int] = []
    while run.advance() is not Stop.HALTED:
        seen.append(run.device.take())
    return seen


def _value(run: Run) -> float:
    return float(run.device.lmu.data[:4].view(np.float32)[0])


@BOTH
def test_a_run_hands_over_each_value_and_goes_on(reference: bool) -> None:
    run = _run(COUNTING, reference)
    assert _finish(run) == [0, 1, 2, 3]
    assert _value(run) == 48
    assert run.advance() is Stop.HALTED


@BOTH
def test_a_run_goes_to_a_pc_and_around_a_loop_to_it_again(reference: bool) -> None:
    run = _run(COUNTING, reference)
    assert run.advance(until=OUT) is Stop.REACHED
    assert (run.pc, _value(run)) == (OUT, 3)
    assert run.advance(until=ADD) is Stop.OUTPUT
    assert run.pc == ADD
    assert run.device.take() == 0
    assert run.advance(until=OUT) is Stop.REACHED
    assert _value(run) == 6
    assert run.loops() == [(LOOP, 1, 4)]


@BOTH
def test_one_instruction_at_a_time_is_the_same_run(reference: bool) -> None:
    run, pcs = _run(COUNTING, reference), []
    while run.why is not Stop.HALTED:
        pcs.append(run.pc)
        if run.step() is Stop.OUTPUT:
            run.device.take()
    assert pcs == [0, 1, 2, 3, 5] + [OUT, ADD, LOOP] * 4 + [10]
    assert _value(run) == 48


@BOTH
def test_a_run_blocks_while_the_host_takes_nothing(reference: bool) -> None:
    run = _run(COUNTING, reference)
    assert run.advance() is Stop.OUTPUT
    assert run.advance() is Stop.BLOCKED
    assert (run.pc, run.reason) == (OUT, "the host has not taken the value before")
    assert run.advance() is Stop.BLOCKED
    assert run.device.take() == 0
    assert _finish(run)[:1] == [1]


@BOTH
def test_fuel_counts_elements_and_can_be_filled_up(reference: bool) -> None:
    run = _run(COUNTING, reference, fuel=5)
    assert run.advance() is Stop.FUEL
    assert (run.pc, run.fuel) == (OUT, 0)
    run.fuel = 3
    assert run.advance() is Stop.OUTPUT
    run.fuel = 100
    run.device.take()
    assert _finish(run) == [1, 2, 3]
    big = _run(
        [Li(1, 1), Li(2, 50), Fill((1, 1, 1, 2), Operand(F32, 0, (0, 0, 0, 3)), 0)], reference
    )
    big.device.registers[3] = 4
    big.fuel = 51
    assert big.advance() is Stop.FUEL


@BOTH
def test_a_snapshot_is_the_whole_state(reference: bool) -> None:
    """Taken with a panel in flight that is overwritten in HBM, restored on another device."""
    run = _run(_streaming(), reference)
    run.advance(until=_pc_of(run, Vecmat))
    saved = run.snapshot()
    first = _after(run)
    for again in (run, Run(run.code, _device(program(_streaming()), reference), 0)):
        again.restore(saved)
        assert (again.pc, again.why) == (saved.pc, Stop.REACHED)
        assert _after(again) == first
    assert first[0] == 10.0


@BOTH
def test_a_blocked_run_that_is_restored_on_another_device_goes_on(reference: bool) -> None:
    run = _run(COUNTING, reference)
    run.advance()
    assert run.advance() is Stop.BLOCKED
    again = Run(run.code, _device(program(COUNTING), reference), 0)
    again.restore(run.snapshot())
    assert again.device.take() == 0
    assert again.can_go_on()
    assert not run.can_go_on()
    assert _finish(again) == [1, 2, 3]


def _streaming() -> list[Inst]:
    """Streams two 5s from the arena, overwrites one, and multiplies them by ones."""
    five, one = (int(np.float32(v).view(np.int32)) for v in (5, 1))
    row, column = Operand(F32, 0, (0, 0, 0, 3)), Operand(F32, 0, (0, 0, 3, 0))
    arena = Operand(F32, 4, (0, 0, 3, 0))
    return [
        Li(1, 1), Li(2, 2), Li(3, 4), Li(4, 1024), Li(5, five), Li(6, one),
        Fill((1, 1, 1, 2), row, 5), Store((1, 1, 2, 1), arena, column),
        Stream((1, 1, 2, 1), arena), Fill((1, 1, 1, 2), row, 6),
        Store(ONE, Operand(F32, 4), Operand(F32, 0)),
        Vecmat((1, 1, 2, 1), Operand(F32, 0), column), Halt(),
    ]  # fmt: skip


def _pc_of(run: Run, kind: type[Inst]) -> int:
    return next(pc for pc, inst in run.code.instructions.items() if isinstance(inst, kind))


def _after(run: Run) -> tuple[Any, ...]:
    assert run.advance() is Stop.HALTED
    device = run.device
    return (
        _value(run),
        tuple(device.registers),
        device.lmu.data.tobytes(),
        device.arena.data.tobytes(),
    )


@BOTH
def test_a_trap_is_raised_again_and_says_where(reference: bool) -> None:
    run = _run([Li(2, 2), Addi(3, 9, 1), Halt()], reference)
    for _ in range(2):
        with pytest.raises(Trap) as trap:
            run.advance()
        assert (trap.value.kind, trap.value.pc) == (TrapKind.UNINITIALISED, 1)
    assert (run.pc, run.why) == (1, Stop.TRAPPED)


def test_a_run_refuses_a_second_thread() -> None:
    run = _run(COUNTING, False)
    outcomes: list[Any] = []

    def use() -> None:
        try:
            outcomes.append(run.advance())
        except Misuse as error:
            outcomes.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    use()
    assert isinstance(outcomes[0], Misuse)
    assert outcomes[1] is Stop.OUTPUT


@BOTH
def test_code_is_bound_once_for_eight_devices_with_parameters_of_their_own(reference: bool) -> None:
    """They take turns, one instruction each, and each multiplies by its own weights."""
    made = projection()
    code = Code.decode(encode(made.code))
    steps = code.specified if reference else code.steps
    weights = [made.params_of().data.view(np.float32) * (1 + index) for index in range(8)]
    runs: list[Run] = []
    for own in weights:
        device = _device(dataclasses.replace(made, images=(Image(own.view(np.uint8)),)), reference)
        host = HostIO(made.interface, [device], {"x": tokens(2)})
        host.start()
        runs.append(Run(code, device, made.interface.pc))
    while any(run.why is not Stop.HALTED for run in runs):
        for run in runs:
            run.step()
    assert steps is (code.specified if reference else code.steps)
    x = tokens(2)
    for index, run in enumerate(runs):
        found = HostIO(made.interface, [run.device], {"x": x}).outputs()["y"]
        expected = 2 * (1 + index) * (x @ WEIGHT.T) + 3 * x.sum(-1, keepdims=True)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_binding_reads_no_device() -> None:
    """The tables exist before any device does, and hold none."""
    code = Code(projection().code)
    assert len(code.steps) == len(code.specified) == code.end + 1
    cells = [
        c.cell_contents for step in code.steps for c in getattr(step, "__closure__", None) or ()
    ]
    assert cells
    assert not any(isinstance(cell, Device | list) for cell in cells)


def test_what_a_device_remembers_is_bounded() -> None:
    made = projection()
    device = _device(made, False, plans=4)
    code = Code(made.code)
    for rows in (1, 2, 3, 4):
        HostIO(made.interface, [device], {"x": tokens(rows)}).start()
        assert Run(code, device, made.interface.pc).advance() is Stop.HALTED
    assert sum(map(len, device.ready)) <= 4


def test_eight_devices_cost_little_more_than_one_beside_their_memories() -> None:
    """Code is bound once and prepared calls are shared out; LMU and arena are not counted."""
    gc.freeze()  # what other tests have left is not searched for garbage
    _, one, eight = (_beside_memories(count) for count in (1, 1, 8))  # the first fills caches
    assert eight < 1.3 * one


def _beside_memories(count: int) -> int:
    """Bytes held by code and devices that have run, with 64 prepared calls among them."""
    made = projection()
    tracemalloc.start()
    code, devices = Code(made.code * 40), [_device(made, False, 64 // count) for _ in range(count)]
    assert code.steps
    for device, rows in itertools.product(devices, range(1, 5)):
        HostIO(made.interface, [device], {"x": tokens(rows)}).start()
        assert Run(code, device, made.interface.pc).advance() is Stop.HALTED
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held - sum(d.lmu.data.nbytes + d.arena.data.nbytes for d in devices)


# Doubles LMU[0] four times, which depends on nothing, and stores it in eight places that count.
ADDRESSES: list[Inst] = [
    Li(1, 1), Li(2, int(np.float32(3).view(np.int32))), Li(3, 8), Fill(ONE, Operand(F32, 0), 2),
    Li(4, 0), Li(5, 64),
    *[Map2("add", ONE, Operand(F32, 0), Operand(F32, 0), Operand(F32, 0))] * 4,
    Copy(ONE, Operand(F32, 5), Operand(F32, 0)), Addi(5, 5, 4), Loop(4, 3, 1, 7), Halt(),
]  # fmt: skip


def test_what_is_prepared_ahead_may_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on as if nothing had been prepared."""
    prepared = Trace._prepared
    interrupted = list[tuple[int, ...]]()

    def interrupting(self: Trace, device: Device, segment: Any, values: Any) -> Any:
        found = prepared(self, device, segment, values)
        if not interrupted:
            interrupted.append(values)
            raise KeyboardInterrupt
        return found

    expected = _run(ADDRESSES, False)
    expected.advance()
    monkeypatch.setattr(Trace, "_prepared", interrupting)
    run = _run(ADDRESSES, False)
    with pytest.raises(KeyboardInterrupt):
        run.advance()
    assert run.advance() is Stop.HALTED
    assert interrupted
    assert run.device.registers == expected.device.registers
    np.testing.assert_array_equal(run.device.lmu.data, expected.device.lmu.data)
