"""Loads, stores, indexed rows, streams and what they owe each other."""

from fractions import Fraction
from math import ceil

from tests.unit.runtime.timing.microbenchmarks.assembled import (
    ADD,
    ISSUE,
    LPU,
    PRODUCT,
    SETUP,
    WAY,
    cycles,
    passes,
    streamed,
)

ROW = "(@1,@1,@1,@2048)"
BYTES = LPU.hbm_channels * LPU.hbm_burst_bytes
"""Of a row: a burst of all channels."""


def served(clocks: int) -> Fraction:
    """Cycles of a request that keeps each channel busy for so many clocks of the memory."""
    return streamed(BYTES) * clocks / LPU.hbm_nbl


def whole(clocks: int = LPU.hbm_nbl) -> int:
    """Cycles of a transfer; the setup of the engine and the channels work at once."""
    return max(SETUP, ceil(served(clocks)))


def load(to: int, at: int) -> str:
    return f"load {ROW}, f16 @{to}[@0,@0,@0,@2], f16 @{at}[@0,@0,@0,@2]\n"


def store(to: int, at: int) -> str:
    return f"store {ROW}, f16 @{to}[@0,@0,@0,@2], f16 @{at}[@0,@0,@0,@2]\n"


def turn(clocks: int) -> int:
    """Cycles for which the bus rests, beside the burst."""
    cycle = Fraction(LPU.hbm_tck_ns) * Fraction(LPU.clock_hz) / 10**9
    return ceil((clocks - LPU.hbm_nbl) * cycle)


def test_a_load() -> None:
    """The setup of an address hides the cycles on the channels, or they hide it."""
    assert cycles(load(0, 1 << 24)) == ISSUE + whole() + WAY


def test_a_store_turns_the_bus_behind_a_load() -> None:
    text = load(0, 1 << 24) + store(1 << 25, 8192)
    left = ISSUE + whole()
    assert cycles(text) == left + turn(LPU.hbm_nrtw) + whole() + WAY


def test_a_load_turns_it_back_behind_a_store() -> None:
    text = store(1 << 25, 8192) + load(0, 1 << 24)
    left = ISSUE + whole()
    assert cycles(text) == left + turn(LPU.hbm_nwtr) + whole() + WAY


def test_a_store_behind_what_makes_its_bytes() -> None:
    """The last step of the store waits for the last result of the pass."""
    text = f"map1.neg {ROW}, f16 @8192[@0,@0,@0,@2], f16 @0[@0,@0,@0,@2]\n{store(1 << 25, 8192)}"
    made = ISSUE + SETUP + passes(2048) + ADD
    assert cycles(text) == made + 1 + WAY


def test_a_load_behind_the_store_of_its_bytes() -> None:
    """It waits until the write is acknowledged."""
    stored = ISSUE + whole() + WAY
    assert cycles(store(1 << 25, 8192) + load(0, 1 << 25)) == stored + whole() + WAY


def test_a_stream_pays_for_a_store_and_its_turns() -> None:
    """Back to reading, and to writing where something was read before."""
    size = 2 * 4096 * 4096
    text = (
        f"{store(1 << 26, 8192)}stream (@1,@1,@4096,@4096), f16 @{1 << 24}[@0,@0,@8192,@2]\n"
        "vecmat (@1,@1,@4096,@4096), f16 @32768[@0,@0,@0,@2], f16 @16384[@0,@0,@2,@0], 0\n"
    )
    back = LPU.hbm_nbl + LPU.hbm_nwtr - LPU.hbm_nbl
    assert cycles(text) == ceil(ISSUE + served(back) + streamed(size)) + WAY + 1 + PRODUCT
    panel, rest = text.split("\n", 1)[1], text.replace("@32768[", "@65536[")
    both = served(back) + served(LPU.hbm_nrtw - LPU.hbm_nbl)
    twice = ISSUE + both + streamed(2 * size)
    assert cycles(panel + rest) == ceil(twice) + WAY + 1 + PRODUCT


def test_indexed_rows_open_a_row_of_each_bank() -> None:
    """1024 rows of 64 bytes, two bursts each: 16 bursts of a channel, each in a row of its own.

    The first is seen a look-ahead before it may come; then four rows are opened in each tFAW.
    """
    text = (
        "gather (@1,@1,@1024,@32), f16 @0[@0,@0,@64,@2], f16 @16777216[@0,@0,@0,@2], "
        "i64 @262144[@0,@0,@8,@0], @1024, @4096\n"
    )
    opened = LPU.hbm_nrp - (LPU.hbm_lookahead + 1) * LPU.hbm_nbl
    opened += 3 * LPU.hbm_nfaw + 3 * LPU.hbm_nrrd
    assert cycles(text) == ISSUE + whole(opened + LPU.hbm_nrcd + LPU.hbm_nbl) + WAY
    assert opened > 16 * LPU.hbm_nbl


def test_a_request_of_less_than_a_burst_takes_one() -> None:
    text = load(0, 1 << 24).replace("@2048", "@3")
    assert cycles(text) == ISSUE + whole() + WAY
