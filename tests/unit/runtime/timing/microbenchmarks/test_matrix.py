"""The matrix engine: tiles, rows, panels that wait or are waited for."""

from dataclasses import replace
from math import ceil

import pytest

from tests.unit.runtime.timing.microbenchmarks.assembled import (
    ADD,
    ISSUE,
    LPU,
    PRODUCT,
    SETUP,
    TREE,
    WAY,
    cycles,
    passes,
    streamed,
    tiles,
)

LONG = 1 << 18
"""Elements of a pass in whose time any panel of these tests arrives."""
FIRST = f"reduce.sum (@1,@1,@1,@{LONG}), f16 @1048576[@0,@0,@0,@0], f16 @0[@0,@0,@0,@2], 8, 0"
READY = ISSUE + SETUP + passes(LONG) + TREE
"""When the operand is there that such a pass gives: a number that stands for all of a row."""


def product(depth: int, columns: int, rows: int = 1, batch: int = 1) -> str:
    """A product whose operand is the number."""
    return (
        f"vecmat (@{batch},@{rows},@{depth},@{columns}), f16 @1048640[@0,@{2 * columns},@0,@2], "
        "f16 @1048576[@0,@0,@0,@0], 0\n"
    )


def stream(depth: int, columns: int, batch: int = 1) -> str:
    """Its panel, at the end of memory."""
    return (
        f"stream (@{batch},@1,@{depth},@{columns}), "
        f"f16 @16777216[@{2 * depth * columns},@0,@{2 * columns},@2]\n"
    )


@pytest.mark.parametrize(("depth", "columns"), [(1024, 256), (64, 32), (65, 33), (80, 4000)])
def test_a_product_whose_data_are_there(depth: int, columns: int) -> None:
    """Setup, one tile a cycle, the tree of adders."""
    text = f"{FIRST}\n{stream(depth, columns)}{product(depth, columns)}"
    assert cycles(text) == READY + SETUP + tiles(depth, columns) + PRODUCT


def test_rows_pass_over_the_panel_one_by_one() -> None:
    """64 rows take 64 times the tiles of one."""
    text = f"{FIRST}\n{stream(1024, 256)}{product(1024, 256, rows=64)}"
    assert cycles(text) == READY + SETUP + 64 * tiles(1024, 256) + PRODUCT


def test_a_product_bound_by_its_stream() -> None:
    """The first byte, all bytes at the rate of the channels, the last tile, the tree."""
    row = "vecmat (@1,@1,@4096,@4096), f16 @8192[@0,@0,@0,@2], f16 @0[@0,@0,@2,@0], 0"
    size = 2 * 4096 * 4096
    assert cycles(stream(4096, 4096) + row) == ceil(ISSUE + streamed(size)) + WAY + 1 + PRODUCT


def test_rows_hide_the_stream() -> None:
    """Twice the rows of a panel that is larger than the FIFO take the tiles' time, not the bytes'.

    The first tile waits for the first burst of all channels.
    """
    row = "vecmat (@1,@2,@4096,@4096), f16 @16384[@0,@8192,@0,@2], f16 @0[@0,@0,@2,@0], 0"
    burst = ceil(ISSUE + streamed(LPU.hbm_channels * LPU.hbm_burst_bytes)) + WAY
    assert cycles(stream(4096, 4096) + row) == burst + 2 * tiles(4096, 4096) + PRODUCT


def test_groups_of_heads_share_a_panel() -> None:
    """The larger of bytes and tiles: 8 rows on the keys of a head of 128 at 1024 tokens."""
    text = FIRST + "\n" + stream(128, 1024) + product(128, 1024, rows=8)
    assert cycles(text) == READY + SETUP + 8 * tiles(128, 1024) + PRODUCT


def test_a_pass_behind_a_product_takes_its_groups_as_they_come() -> None:
    """The last group of columns is all that is left when the product ends."""
    text = f"""
        {FIRST}
        {stream(1024, 256)}
        {product(1024, 256)}
        map1.neg (@1,@1,@1,@256), f16 @4096[@0,@0,@0,@2], f16 @1048640[@0,@0,@0,@2]
    """
    last = passes(LPU.mac_trees)
    end = READY + SETUP + tiles(1024, 256) + PRODUCT
    assert cycles(text) == end + SETUP + last + ADD


def test_a_gap_as_long_as_the_fifo_is_deep_is_recovered_from_it() -> None:
    """The panel arrived whole in the gap: its product takes its tiles, faster than the channels."""
    depth, columns = 1024, LPU.fifo_bytes // 2048
    text = f"{FIRST}\n{stream(depth, columns)}{product(depth, columns)}"
    assert cycles(text) == READY + SETUP + tiles(depth, columns) + PRODUCT
    assert streamed(LPU.fifo_bytes) > tiles(depth, columns)


def test_a_gap_is_recovered_by_what_the_fifo_holds() -> None:
    """Of a panel 16 times the FIFO, tiles run ahead until the lead is gone, then with the bytes.

    The first tile makes room; from then on the channels serve all but what the FIFO held.
    """
    depth, columns = 4096, LPU.fifo_bytes // 512
    size = 2 * depth * columns
    text = f"{FIRST}\n{stream(depth, columns)}{product(depth, columns)}"
    restart = READY + SETUP + 1
    assert cycles(text) == ceil(restart + streamed(size - LPU.fifo_bytes)) + WAY + 1 + PRODUCT


def test_a_fifo_below_the_latency_bounds_the_rate() -> None:
    """D bytes each time that a byte has come, and its room has gone back."""
    target = replace(LPU, fifo_bytes=1 << 17)
    text = FIRST.replace(str(LONG), "32") + "\n" + stream(4096, 4096) + product(4096, 4096)
    turns = 2 * 4096 * 4096 // target.fifo_bytes
    each = (cycles(text, target) - PRODUCT) / turns
    assert each == pytest.approx(WAY + 1 + streamed(4096), abs=1.5)


def test_panels_in_the_fifo_wait_for_no_stream() -> None:
    """Two panels that fit together are drained back to back."""
    text = FIRST + "\n" + 2 * stream(1024, 128) + product(1024, 128)
    text += product(1024, 128).replace("@1048640", "@1114112")
    assert cycles(text) == READY + 2 * (SETUP + tiles(1024, 128)) + PRODUCT
