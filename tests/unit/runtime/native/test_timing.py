"""The library makes the same events of a run as numpy does, in all of their fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runtime.native.channels import serving_library
from runtime.native.library import OFF, SWITCH, serving
from runtime.native.streams import MOST
from runtime.target import Target
from runtime.timing.batches import NativeEngines
from runtime.timing.engines import Engines
from runtime.timing.granules import NativeLmuScoreboard
from runtime.timing.steady import Steady
from runtime.timing.streams import NativeFifo, WindowedFifo
from tests.e2e.committed import CONTEXT, MODELS, ONE, made
from tests.unit.runtime.native.judging_timing import differs, wrong
from tests.unit.runtime.native.kernels import KERNELS, needs_library
from tests.unit.runtime.timing.fixed_programs import FIXED, fixed
from tests.unit.runtime.timing.looping import random_loops
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled
from tests.unit.runtime.timing.random_programs import random_exchange, random_program

LPU = Target.load("lpu-4nm")
SEEDS = [pytest.param(n, marks=[] if n < 1 else pytest.mark.slow) for n in range(10)]


@needs_library
def test_nothing_is_wrong() -> None:
    assert not wrong(KERNELS[0])


@needs_library
@pytest.mark.parametrize("tens", SEEDS)
@pytest.mark.parametrize("kind", [random_program, random_exchange, random_loops])
def test_random_programs(kind: Any, tens: int) -> None:
    found = [differs(kind(seed), KERNELS[0]) for seed in range(20 * tens, 20 * tens + 20)]
    assert not any(found)


@needs_library
@pytest.mark.parametrize("preset", Target.presets())
def test_fixed_programs_on_all_presets(preset: str) -> None:
    """With a queue for one, and a FIFO for a burst of all channels, too."""
    whole = Target.load(preset)
    scarce = replace(whole, queue_depth=1, fifo_bytes=whole.hbm_channels * whole.hbm_burst_bytes)
    for target in (whole, scarce):
        assert not any(differs(fixed(name, target), KERNELS[0]) for name in FIXED)


LONG = (
    "stream (@1,@1,@{depth},@64), f16 @33554432[@0,@0,@128,@2]\n"
    "map1.neg (@1,@1,@1,@{pause}), f16 @1048576[@0,@0,@0,@2], f16 @1048576[@0,@0,@0,@2]\n"
    "vecmat (@1,@1,@{depth},@64), f16 @65536[@0,@128,@0,@2], f16 @1048576[@0,@0,@2,@0], 0\n"
)


@needs_library
@pytest.mark.parametrize("trees", [32, 8, 256])
def test_panels_of_more_beats_than_one_call_takes(trees: int) -> None:
    """They wait for room or for beats, whichever is slower; two of them, one behind the other."""
    depth = 32 * 2 * MOST + 32 * 100
    target = replace(LPU, registers=256, mac_trees=trees, lmu_bytes=1 << 22)
    program = assembled(2 * LONG.format(depth=depth, pause=1 << 16), target)
    assert not differs(program, KERNELS[0])


@needs_library
@pytest.mark.parametrize("position", [0, CONTEXT - 1])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.stem)
def test_models(model: Any, position: int) -> None:
    assert not differs(made(model).program, KERNELS[0], {"P": position})


@needs_library
def test_entries_of_a_model() -> None:
    """Prompts in chunks, and the loop of tokens."""
    program = made(ONE).program
    token = {"fed": 3, "prompt": 5, "total": 9, "sampled": 1}
    entries = {"prompt_chunk": {"P": 4}, "generate": token}
    assert entries.keys() == {name for name, _ in program.others}
    for entry, symbols in entries.items():
        assert not differs(program, KERNELS[0], symbols, entry, 4000)


@needs_library
def test_a_ring_of_eight() -> None:
    program = made(ONE, devices=8).program
    assert not differs(program, KERNELS[0], {"P": CONTEXT - 1})


@needs_library
def test_the_library_serves() -> None:
    engines = Engines(LPU)
    assert isinstance(engines.fifo, NativeFifo)
    assert isinstance(engines.lmu, NativeLmuScoreboard)
    assert isinstance(Steady(LPU).engines, NativeEngines)


def test_numpy_serves_where_the_library_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, OFF)
    for known in (serving, serving_library):
        known.cache_clear()
    engines = Engines(LPU)
    assert isinstance(engines.fifo, WindowedFifo)
    assert not isinstance(engines.lmu, NativeLmuScoreboard)
    assert not isinstance(Steady(LPU).engines, NativeEngines)
    monkeypatch.undo()
    for known in (serving, serving_library):
        known.cache_clear()
