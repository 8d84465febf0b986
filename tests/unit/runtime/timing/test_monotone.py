"""More of a resource, or a stream issued earlier, is never slower: up to 60 random programs.

What is not so, and why: docs/timing.md.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import ceil
from random import Random
from typing import NamedTuple

import pytest

from runtime.isa import DataInst, Stream
from runtime.isa.encoding import word_addresses
from runtime.order.ranges import hbm_range, meet
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.hbm import rates
from tests.unit.runtime.timing.random_programs import random_program

pytestmark = pytest.mark.xdist_group("monotone")
"""The programs are made and predicted once, in one process."""

SEEDS = range(60)
MORE_SEEDS = range(60, 200)
"""Those of slow tests."""
MORE: dict[str, Callable[[Target], Target]] = {
    "twice the fifo": lambda t: replace(t, fifo_bytes=2 * t.fifo_bytes),
    "any fifo": lambda t: replace(t, fifo_bytes=1000 * t.fifo_bytes),
    "one more place in each queue": lambda t: replace(t, queue_depth=t.queue_depth + 1),
    "any queue": lambda t: replace(t, queue_depth=1000),
    "half the latency of HBM": lambda t: replace(t, hbm_latency=t.hbm_latency // 2),
    "half the refresh": lambda t: replace(t, hbm_trfc_ns=t.hbm_trfc_ns / 2),
}
LONG = ("any fifo",)
"""What is tried on all programs; of the others fewer are enough."""


@cache
def program(seed: int) -> Program:
    return random_program(seed)


@cache
def usual(seed: int) -> int:
    return predict(program(seed), {}).cycles


@pytest.mark.slow
@pytest.mark.parametrize("more", MORE)
def test_more_of_a_resource_is_never_slower_in_many_programs(more: str) -> None:
    check_more(more, MORE_SEEDS)


@pytest.mark.parametrize("more", MORE)
def test_more_of_a_resource_is_never_slower(more: str) -> None:
    check_more(more, SEEDS if more in LONG else SEEDS[:40])


def check_more(more: str, seeds: range) -> None:
    """None of the programs is slower, and together they are faster."""
    changed = [replace(program(s), target=MORE[more](program(s).target)) for s in seeds]
    times = [predict(p, {}).cycles for p in changed]
    assert [s for s, cycles in zip(seeds, times, strict=True) if cycles > usual(s)] == []
    assert sum(times) < sum(map(usual, seeds))


class Move(NamedTuple):
    """A program in which a stream is moved up as far as it may, past words and requests for HBM."""

    program: Program
    words: int
    requests: int


def earlier(of: Program, seed: int) -> Move:
    """A move of one of the streams."""
    code, random = list(of.code), Random(seed)
    registers = [0] * 256
    for register, value in of.interface.registers:
        registers[register] = value
    at = low = random.choice([i for i, inst in enumerate(code) if isinstance(inst, Stream)])
    own, requests = hbm_range(code[at].accesses(registers)), 0
    assert own is not None
    while low > 0 and not isinstance(code[low - 1], Stream):
        other = code[low - 1]
        far = hbm_range(other.accesses(registers)) if isinstance(other, DataInst) else None
        if far is not None and far.writes and meet(far, own):
            break
        requests += far is not None
        low -= 1
    moved = [*code[:low], code[at], *code[low:at], *code[at + 1 :]]
    words = word_addresses(code)[at] - word_addresses(code)[low]
    return Move(replace(of, code=tuple(moved)), words, requests)


def opens_at_once(target: Target) -> Target:
    """A memory without waits: rows are open again before the next burst, and so the bus turns."""
    soon = dict.fromkeys(("nrp", "nrcd", "nrcdwr", "nrtp", "nwtp", "nrc", "nrrd", "nfaw"), 1)
    soon |= dict.fromkeys(("nbl", "nccdl", "nrtw", "nwtr"), 4)
    return replace(target, **{f"hbm_{key}": n for key, n in soon.items()})


def waits(target: Target) -> int:
    """Cycles in which a bank is closed and opened, and the bus turns."""
    t = target
    clocks = max(t.hbm_nrtp, t.hbm_nwtp) + t.hbm_nrp + max(t.hbm_nrcd, t.hbm_nrcdwr)
    clocks += max(t.hbm_nrtw, t.hbm_nwtr) - t.hbm_nbl
    return ceil(clocks * rates(t).beat / t.hbm_nbl / rates(t).units)


@pytest.mark.parametrize(
    ("has_waits", "seeds"),
    [
        (False, SEEDS[:40]),
        (True, SEEDS),
        pytest.param(False, MORE_SEEDS, marks=pytest.mark.slow),
        pytest.param(True, MORE_SEEDS, marks=pytest.mark.slow),
    ],
)
def test_a_stream_issued_earlier_costs_its_words_at_most(has_waits: bool, seeds: range) -> None:
    """Where its queue has room: the instructions that it passes are issued two words later.

    Where it passes requests for HBM, these come in another order, meet in other banks and turn the
    bus elsewhere: all of that together costs one such wait at most, and nothing where memory has
    none.
    """
    gains, dear = 0, 0
    for seed in seeds:
        target = replace(program(seed).target, queue_depth=1000)
        base = replace(program(seed), target=target if has_waits else opens_at_once(target))
        moved = earlier(base, seed)
        each = max(target.control_latency, target.fetch_cycles)
        words = 2 * each if moved.words else 0
        more = waits(target) if has_waits and moved.requests else 0
        before, behind = predict(base, {}).cycles, predict(moved.program, {}).cycles
        assert behind <= before + words + more, seed
        gains += behind < before
        dear += behind > before + words
    assert gains > 1
    assert (dear > 0) == has_waits
