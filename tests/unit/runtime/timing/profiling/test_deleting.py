"""What is moved, multiplied and waited for adds up; and a cause that is deleted saves its cycles.

Deleted means: the same program on a machine where that takes no time. What lies on the critical
path for other reasons stays, so no more is saved than the path has of the cause; where one thing
follows the other, exactly that.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest

from runtime.isa import Vecmat
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.events import Engine
from runtime.timing.profiling.accounts import accounts
from runtime.timing.profiling.causes import Spent
from runtime.timing.profiling.path import critical_path
from runtime.timing.profiling.record import record
from tests.unit.runtime.timing.fixed_programs import FIXED, fixed
from tests.unit.runtime.timing.microbenchmarks.assembled import (
    HOP,
    ISSUE,
    LPU,
    SETUP,
    WAY,
    assembled,
    eta,
    linked,
    passes,
    streamed,
)
from tests.unit.runtime.timing.scalars import executed

PRESETS = Target.presets()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", FIXED)
def test_a_run_conserves_bytes_products_and_time(name: str, preset: str) -> None:
    """Against the operands of each instruction, element by element of their extents."""
    program = fixed(name, Target.load(preset))
    run = record(program, {}, "step")
    size = macs = 0
    for inst, registers, _ in executed(program, {}, "step"):
        for access in inst.accesses(registers):
            if access.hbm:
                elements = 1
                for extent in access.extents:
                    elements *= extent
                size += elements * access.itemsize
        if isinstance(inst, Vecmat):
            batch, rows, depth, columns = (registers[r] for r in inst.extents)
            macs += batch * rows * depth * columns
    assert run.hbm_bytes == size == predict(program, {}).hbm_bytes
    assert sum(run.macs) == macs
    by_engine: dict[Engine, float] = defaultdict(float)
    for entry, cycles in accounts(run).items():
        assert cycles >= 0
        by_engine[entry.engine] += cycles
    assert set(by_engine) == set(Engine)
    assert set(by_engine.values()) == {run.cycles}


SOON = 1e-9
DELETED: dict[Spent, Callable[[Target], Target]] = {
    Spent.VECTOR: lambda t: replace(
        t, vxe_lanes=1 << 20, vxe_ports=8, vector_latency=1, mul_latency=1, exp_latency=1,
        function_latency=1,
    ),
    Spent.MATRIX: lambda t: replace(
        t, mac_trees=1 << 14, vector_lanes=1 << 14, matrix_latency=1, reuse_bytes=1 << 40,
    ),
    Spent.MEMORY: lambda t: replace(
        t, hbm_bandwidth=1000 * t.hbm_bandwidth, hbm_channels=1000 * t.hbm_channels, hbm_latency=1,
        fifo_bytes=1 << 40, hbm_nrtw=1, hbm_nwtr=1,
    ),
    Spent.LINK: lambda t: replace(
        t, link_bandwidth=1e18, link_hop_latency=1, link_depth=1000,
    ),
}  # fmt: skip
"""A machine without a cause, as far as there is one: a cycle remains of each latency."""


TOGETHER = (Spent.MATRIX, Spent.MEMORY)
"""A product and its stream wait for each other: what is faster in one is saved in both."""


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("cause", DELETED)
@pytest.mark.parametrize("name", FIXED)
def test_no_more_is_saved_than_the_path_has(name: str, cause: Spent, preset: str) -> None:
    program = fixed(name, Target.load(preset))
    run = record(program, {}, "step")
    causes = TOGETHER if cause in TOGETHER else (cause,)
    attributed = sum(p.end - p.begin for p in critical_path(run) if p.spent in causes)
    own = sum(p.end - p.begin for p in critical_path(run) if p.spent is cause)
    without = replace(program, target=DELETED[cause](program.target))
    saved = run.cycles - predict(without, {}).cycles
    assert saved <= attributed
    if own > run.cycles / 2:
        assert saved > 0


def test_refresh_has_its_share_of_a_stream() -> None:
    """A panel of 32 MiB, of which the path has 1 - eta of the time on the channels."""
    text = (
        "stream (@1,@1,@4096,@4096), f16 @16777216[@0,@0,@8192,@2]\n"
        "vecmat (@1,@1,@4096,@4096), f16 @8192[@0,@0,@0,@2], f16 @0[@0,@0,@2,@0], 0\n"
    )
    program, fast = assembled(text), replace(LPU, clock_hz=0.8e9, mac_trees=64)
    run = record(replace(program, target=fast), {}, "step")
    channels = sum(
        n for e, n in accounts(run).items() if e.engine is Engine.STREAM and not e.waits
        and e.spent is Spent.REFRESH
    )  # fmt: skip
    calm = replace(fast, hbm_refresh="per-bank", hbm_trfc_ns=SOON)
    saved = run.cycles - predict(replace(program, target=calm), {}).cycles
    assert float(channels) == pytest.approx(float(streamed(1 << 25) * (1 - eta())), abs=1)
    assert saved == pytest.approx(float(channels), abs=2)


def test_lanes_without_end_leave_setup_and_latency() -> None:
    """Four passes, one behind the other: what is saved is the passes but for a cycle of each."""
    one = "map1.neg (@1,@1,@1,@4096), f16 @0[@0,@0,@0,@2], f16 @0[@0,@0,@0,@2]\n"
    program = assembled(4 * one)
    run = record(program, {}, "step")
    vector = sum(p.end - p.begin for p in critical_path(run) if p.spent is Spent.VECTOR)
    assert vector == run.cycles - ISSUE
    wide = predict(replace(program, target=replace(LPU, vxe_lanes=4096)), {}).cycles
    short = 4 * (SETUP + 1 + LPU.vector_latency)
    assert run.cycles - wide == vector - short
    assert vector == 4 * (SETUP + passes(4096)) + LPU.vector_latency


def test_a_hop_of_one_cycle_saves_the_hop_up_to_the_setup_of_who_receives() -> None:
    text = (
        "send.left (@1,@1,@1,@2048), f16 @0[@0,@0,@0,@2]\n"
        "recv.right (@1,@1,@1,@2048), f16 @8192[@0,@0,@0,@2]\n"
    )
    program = assembled(text)
    run = record(program, {}, "step")
    link = sum(p.end - p.begin for p in critical_path(run) if p.spent is Spent.LINK)
    assert link == SETUP + HOP + linked(4096) == run.cycles - ISSUE
    near = predict(replace(program, target=replace(LPU, link_hop_latency=1)), {}).cycles
    assert near == 2 * ISSUE + SETUP + linked(4096)
    assert run.cycles - near == HOP - ISSUE


def test_a_load_of_one_cycle_saves_its_way() -> None:
    program = assembled("load (@1,@1,@1,@2048), f16 @0[@0,@0,@0,@2], f16 @16777216[@0,@0,@0,@2]\n")
    run = record(program, {}, "step")
    near = predict(replace(program, target=replace(LPU, hbm_latency=1)), {}).cycles
    assert run.cycles - near == WAY - 1
