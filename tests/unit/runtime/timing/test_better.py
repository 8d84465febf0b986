"""A machine that is better in one thing is never slower: all presets, five fixed programs."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from runtime.target import Target
from runtime.timing import predict
from tests.unit.runtime.timing.fixed_programs import FIXED, fixed
from tests.unit.runtime.timing.timed import LPU

Change = Callable[[Target], Target]


def times(key: str, factor: float) -> Change:
    """An entry, so many times as large; no latency is below a cycle."""

    def changed(target: Target) -> Target:
        kind = type(getattr(target, key))
        return replace(target, **{key: max(kind(1), kind(getattr(target, key) * factor))})

    return changed


BETTER: dict[str, Change] = {
    "hbm_channels": lambda t: replace(
        t, hbm_channels=2 * t.hbm_channels, hbm_bandwidth=2 * t.hbm_bandwidth,
        fifo_bytes=2 * t.fifo_bytes,
    ),
    "hbm_trfc_ns": lambda t: replace(t, hbm_trfc_ns=t.hbm_trfc_ns / 2),
    "hbm_refresh": lambda t: replace(t, hbm_refresh="per-bank"),
    "link_bandwidth": times("link_bandwidth", 2.0),
    **{key: times(key, 2) for key in (
        "fifo_bytes", "queue_depth", "link_depth", "vxe_ports", "accumulators", "reuse_bytes",
        "mac_trees", "vector_lanes", "vxe_lanes", "hbm_row_bytes", "lmu_banks",
        "hbm_lead",
    )},
    **{key: times(key, 0.5) for key in (
        "issue_latency", "hbm_latency", "hbm_nrcd", "hbm_nrp", "hbm_nrtp", "hbm_nfaw", "hbm_nrtw",
        "hbm_nwtr", "link_hop_latency", "matrix_latency", "vector_latency", "mul_latency",
        "exp_latency", "function_latency", "f32_tile_cycles", "branch_latency", "lmu_granule",
        "fetch_cycles",
    )},
}  # fmt: skip
"""By entry; channels come with their bandwidth and a FIFO that covers the latency."""

EXEMPT = {
    "hbm_row_bytes": "at some strides what lay in two banks lies in two longer rows of one",
    "vxe_lanes": "a tree over more lanes is deeper, and short rows wait for its end",
}
"""Entries of which more may be slower, and why."""


@cache
def usual(name: str, preset: str) -> float:
    return predict(fixed(name, Target.load(preset)), {}).seconds


@pytest.mark.parametrize("preset", Target.presets())
@pytest.mark.parametrize("name", FIXED)
def test_a_better_machine_is_never_slower(name: str, preset: str) -> None:
    base = fixed(name, Target.load(preset))
    found = {
        key: predict(replace(base, target=change(base.target)), {}).seconds
        for key, change in BETTER.items()
    }
    before = usual(name, preset)
    assert {key: s / before for key, s in found.items() if s > before and key not in EXEMPT} == {}


def test_nothing_is_exempt_that_is_never_slower() -> None:
    found = set[str]()
    for preset in Target.presets():
        for name in FIXED:
            base = fixed(name, Target.load(preset))
            for key in EXEMPT:
                there = predict(replace(base, target=BETTER[key](base.target)), {}).seconds
                found |= {key} if there > usual(name, preset) else set()
    assert found == EXEMPT.keys()


SCARCE = {"lmu_banks": (1, 2, 4, 8), "fetch_cycles": (9, 4, 2, 1)}
"""Entries of which the presets have so much that more changes nothing, from worse to better."""
SMALL = {("lmu_banks", "ring")}
"""A program that waits for something else."""


@pytest.mark.parametrize("key", SCARCE)
@pytest.mark.parametrize("name", FIXED)
def test_what_is_scarce_is_never_slower_where_it_is_less_so(name: str, key: str) -> None:
    base = fixed(name, LPU)
    times = [
        predict(replace(base, target=replace(base.target, **{key: value})), {}).cycles
        for value in SCARCE[key]
    ]
    assert times == sorted(times, reverse=True)
    assert (times[0] > times[-1]) == ((key, name) not in SMALL)
