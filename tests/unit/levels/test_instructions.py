"""Level `isa` runs before and behind each of its passes, and shows which of them is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from benchmarks.decoder_inputs import Call
from dialects.lpu_isa.code import VIRTUAL, Code
from lpuc.compiler import emit
from lpuc.compiler.driver import CompiledProgram, load_module
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.pipeline import make_context, pipeline_of, run_stages, stage_passes
from lpuc.levels.execution import Arrays, run_level
from lpuc.levels.instructions import interpreter, registers_named
from passes.lpu_isa import hoist_streams
from passes.lpu_isa.allocate_registers import Allocation
from passes.lpu_isa.hoist_streams import Hoisting
from passes.lpu_mem.convert_to_lpu_isa import Lowering
from runtime.errors import RuntimeFault
from runtime.generation.device import Request
from runtime.generation.tokens import generate
from runtime.isa import Inst, Map2
from runtime.isa.fields import Memory
from runtime.run.interpreter import Interpreter
from runtime.target import Target
from runtime.traps import Trap
from tests.e2e.committed import EXPORTS, MODELS, ONE, ROOT, feeds, model_id, options

CALL = Call(new=1, past=5, mask="random", shift=2)
STAGES = {devices: pipeline_of(devices)[-1] for devices in (1, 2)}
CONVERT, HOIST, ALLOCATE = STAGES[1].passes
Plant = Callable[[pytest.MonkeyPatch], None]


@cache
def at_mem(model: Path, target: str, devices: int) -> ModuleOp:
    """A model at level `lpu_mem`; nobody changes it."""
    module = load_module(model, replace(options(target), devices=devices))
    for _ in run_stages(module, pipeline_of(devices)[:-1], Instrumentation()):
        pass
    return module


def behind(model: Path, target: str, devices: int = 1) -> Iterator[tuple[str, ModuleOp]]:
    """Behind each pass of the last stage its name and what it has made."""
    module = at_mem(model, target, devices).clone()
    for one in stage_passes(STAGES[devices]):
        one.apply(make_context(), module)
        yield one.name, module


@cache
def results(model: Path, target: str, devices: int = 1) -> dict[str, Arrays]:
    """The outputs behind each pass of the last stage, and of the program."""
    found: dict[str, Arrays] = {}
    inputs = feeds(model, CALL)
    module = at_mem(model, target, devices)
    for name, module in behind(model, target, devices):
        found[name] = run_level("isa", module, inputs)
    program = CompiledProgram(module, ()).in_memory
    return found | {"program": Interpreter(program, reference=True).run(inputs)}


def same(one: Arrays, other: Arrays) -> bool:
    """Whether the outputs are the same bit for bit."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes()
        for name in one
    )


WAYS = [
    (EXPORTS[0], "lpu-tiny", 2),
    (ONE, "lpu-tiny", 1),
    pytest.param(ONE, "lpu-4nm", 1, marks=pytest.mark.slow),
    pytest.param(ONE, "lpu-tiny", 2, marks=pytest.mark.slow),
    (MODELS[-1], "lpu-4nm", 1),
]


@pytest.mark.parametrize(
    ("model", "target", "devices"), WAYS, ids=lambda v: model_id(v) if isinstance(v, Path) else v
)
def test_every_stage_gives_what_the_program_gives(model: Path, target: str, devices: int):
    *others, program = results(model, target, devices).values()
    assert len(others) == 3 + (devices > 1)
    assert all(same(other, program) for other in others)


@pytest.mark.parametrize("devices", [1, 2])
def test_tokens_are_generated_on_instructions(devices: int):
    """Four tokens, from each stage the same."""
    inputs = {
        "tokens": np.array([1, 5, 9]),
        "stops": np.full(4, -1),
        "sampler": np.array([1, 1, 1], np.float32),
        "sampler_ints": np.array([0, 0]),
    }
    values = {"fed": 0, "total": 7, "sampled": 0}
    found: list[list[int]] = []
    module = at_mem(ONE, "lpu-4nm", devices)
    for _, module in behind(ONE, "lpu-4nm", devices):
        found.append([])
        assert not run_level("isa", module, inputs, "generate", values, found[-1].append)
    program = Interpreter(CompiledProgram(module, ()).in_memory)
    assert found == (3 + (devices > 1)) * [list(generate(program, Request([1, 5, 9], 4)))]


def test_registers_are_as_many_as_the_ir_names():
    """More than a word can name before they are allocated, those of the target behind."""
    counts = {name: registers_named(module) for name, module in behind(ONE, "lpu-tiny")}
    assert counts[CONVERT] == counts[HOIST] > VIRTUAL
    assert counts[ALLOCATE] <= Target.load("lpu-tiny").registers < VIRTUAL


def test_registers_hold_nothing_when_a_run_begins():
    """Nor those that no machine has."""
    _, module = next(behind(ONE, "lpu-4nm"))
    with interpreter(module, ONE.parent).devices() as (device,):
        device.registers[-1] = 7
        device.reset()
        assert device.registers == [0] + [None] * (registers_named(module) - 1)


def first_wrong(model: Path, target: str, expected: Arrays) -> str:
    """The first pass behind which the outputs are other ones, or there are none."""
    inputs = feeds(model, CALL)
    for name, module in behind(model, target):
        try:
            got = run_level("isa", module, inputs)
        except (RuntimeFault, Trap) as error:
            return f"{name}: {type(error).__name__}: {error}"
        if not same(got, expected):
            return f"{name}: numbers"
    return ""


def _loops_turn_once_less(patch: pytest.MonkeyPatch) -> None:
    """The last layer is left out."""
    real = Lowering._bound
    patch.setattr(Lowering, "_bound", lambda self, upper: real(self, upper - 1))


def _streams_pass_stores(patch: pytest.MonkeyPatch) -> None:
    """A stream of the cache is issued before what the cache gets is stored."""
    patch.setattr(hoist_streams, "WRITES_HBM", frozenset())


def _streams_leave_their_registers(patch: pytest.MonkeyPatch) -> None:
    """What computes the registers of a stream stays where it was."""

    def insert(self: Hoisting, op: Any, at: int) -> None:
        self.order[at:at] = [op]

    patch.setattr(Hoisting, "_insert", insert)


def _registers_are_shared(patch: pytest.MonkeyPatch) -> None:
    """A register that holds a value for long is given to others, too."""
    real = Allocation._pin

    def pin(self: Allocation, life: Any, register: int) -> None:
        real(self, life, register)
        for pinned in self.pinned_in:
            pinned.discard(register)

    patch.setattr(Allocation, "_pin", pin)


def _slots_overlap(patch: pytest.MonkeyPatch) -> None:
    """Scalars that find no register lie in one place."""
    patch.setattr(Allocation, "_slot_address", lambda self, slot: self.spill_base)


def _operands_are_swapped(patch: pytest.MonkeyPatch) -> None:
    """The words hold the strides of two axes the other way round."""
    real = Memory.put

    def put(self: Memory, raw: bytearray, value: Any) -> None:
        a, b, c, d = value.strides
        real(self, raw, replace(value, strides=(a, b, d, c)))

    patch.setattr(Memory, "put", put)


def _a_register_is_another(patch: pytest.MonkeyPatch) -> None:
    """The words hold the base of the next tile for that of one."""
    real = Code.encoded

    def encoded(self: Code, pc_of: Callable[[str], int]) -> Inst:
        inst = real(self, pc_of)
        return replace(inst, a=inst.b) if isinstance(inst, Map2) and inst.fn == "mul" else inst

    patch.setattr(emit.assembled, "__defaults__", (encoded,))


FAULTS: dict[Plant, tuple[str, str]] = {
    _loops_turn_once_less: (CONVERT, "is not completely written"),
    _streams_pass_stores: (HOIST, "before they are written"),
    _streams_leave_their_registers: (HOIST, "nothing bounds"),
    _registers_are_shared: (ALLOCATE, "writes its counter"),
    _slots_overlap: (ALLOCATE, "writes its bound"),
    _operands_are_swapped: (ALLOCATE, "Malformed"),
    _a_register_is_another: (ALLOCATE, "numbers"),
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_fault_is_seen_behind_the_pass_that_makes_it(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is wrong without one, as `test_every_stage_gives_what_the_program_gives` has it."""
    guilty, what = FAULTS[plant]
    expected = results(ONE, "lpu-tiny")["program"]
    plant(monkeypatch)
    found = first_wrong(ONE, "lpu-tiny", expected)
    assert found.startswith(f"{guilty}: ")
    assert what in found


def test_streams_that_find_no_room_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A queue of one panel serves them in the order in which they are drained, and no other."""
    target = tmp_path / "short.toml"
    text = (ROOT / "runtime/targets/lpu-tiny.toml").read_text()
    for entry, value in (("queue_depth", 1), ("fifo_bytes", 4096)):
        text = re.sub(rf"({entry} = {{ value =) \d+", rf"\1 {value}", text)
    target.write_text(text)
    expected = results(ONE, str(target))["program"]
    assert not first_wrong(ONE, str(target), expected)
    monkeypatch.setattr(hoist_streams, "always_in_flight", lambda target: 1 << 20)
    found = first_wrong(ONE, str(target), expected)
    assert found.startswith(f"{HOIST}: Invalid: stream at pc ")
