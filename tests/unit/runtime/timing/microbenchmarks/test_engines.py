"""What one entry each says of the engines: ports, functions, sorts, wide tiles, held tiles."""

from dataclasses import replace
from math import ceil

import pytest

from tests.unit.runtime.timing.microbenchmarks.assembled import (
    ADD,
    ISSUE,
    LANES,
    LPU,
    PRODUCT,
    SETUP,
    TREE,
    cycles,
    passes,
    tiles,
)
from tests.unit.runtime.timing.microbenchmarks.test_matrix import FIRST, READY, product, stream

T = 1040
"""Scores of a head."""
SCORES = f"(@1,@1,@1,@{T})"
AT = "f32 @0[@0,@0,@0,@4]"


def test_the_last_step_of_a_row_leaves_lanes_idle() -> None:
    """Ten rows of 40 elements, apart in memory: two steps each."""
    text = "cast (@1,@1,@10,@40), f16 @8192[@0,@0,@128,@2], f32 @0[@0,@0,@256,@4]"
    assert cycles(text) == ISSUE + SETUP + 10 * passes(40) + ADD


def test_rows_that_follow_each_other_are_one() -> None:
    text = "cast (@1,@1,@10,@40), f16 @8192[@0,@0,@80,@2], f32 @0[@0,@0,@160,@4]"
    assert cycles(text) == ISSUE + SETUP + passes(400) + ADD
    assert passes(400) < 10 * passes(40)


def test_a_row_ends_where_an_operand_begins_anew() -> None:
    """A bias that is added to rows of 40."""
    text = (
        "map2.add (@1,@1,@10,@40), f32 @8192[@0,@0,@160,@4], f32 @0[@0,@0,@160,@4], "
        "f32 @4096[@0,@0,@0,@4]"
    )
    assert cycles(text) == ISSUE + SETUP + 10 * passes(40) + ADD


@pytest.mark.parametrize("ports", [1, 2, 3])
def test_lanes_work_as_ports_feed_them(ports: int) -> None:
    """Three operands that all change from point to point."""
    target = replace(LPU, vxe_ports=ports)
    text = (
        "select (@1,@1,@1,@2048), f32 @32768[@0,@0,@0,@4], bool @0[@0,@0,@0,@1], "
        "f32 @8192[@0,@0,@0,@4], f32 @16384[@0,@0,@0,@4]"
    )
    lanes = LANES * ports // 3
    assert cycles(text, target) == ISSUE + SETUP + ceil(2048 / lanes) + ADD


def test_what_stays_in_the_lanes_needs_no_port() -> None:
    text = (
        "select (@1,@1,@1,@2048), f32 @32768[@0,@0,@0,@4], bool @0[@0,@0,@0,@1], "
        "f32 @8192[@0,@0,@0,@0], f32 @16384[@0,@0,@0,@0]"
    )
    assert cycles(text, replace(LPU, vxe_ports=1)) == ISSUE + SETUP + passes(2048) + ADD


@pytest.mark.parametrize(
    ("fn", "latency"),
    [
        ("neg", LPU.vector_latency), ("exp", LPU.exp_latency), ("sqrt", LPU.function_latency),
        ("recip", LPU.function_latency), ("erf", LPU.function_latency),
        ("tanh", LPU.function_latency),
    ],
)  # fmt: skip
def test_a_function_has_its_latency(fn: str, latency: int) -> None:
    text = f"map1.{fn} (@1,@1,@1,@2048), f32 @8192[@0,@0,@0,@4], {AT}"
    assert cycles(text) == ISSUE + SETUP + passes(2048) + latency


def test_a_chain_of_products_and_sums_on_one_number() -> None:
    """Of two numbers: product, sum, root, one behind the other."""
    one = "(@1,@1,@1,@1), f32 @64[@0,@0,@0,@0], f32 @64[@0,@0,@0,@0]"
    text = f"""
        map2.mul {one}, f32 @64[@0,@0,@0,@0]
        map2.add {one}, f32 @64[@0,@0,@0,@0]
        map1.sqrt {one}
    """
    each = LPU.mul_latency + LPU.vector_latency + LPU.function_latency
    assert cycles(text) == ISSUE + 3 * (SETUP + 1) + each


def test_five_passes_of_a_softmax() -> None:
    """Maximum, difference, exp, sum, quotient: two trees, and three passes that chain."""
    text = f"""
        reduce.max {SCORES}, f32 @8192[@0,@0,@0,@0], {AT}, 8, 0
        map2.sub {SCORES}, {AT}, {AT}, f32 @8192[@0,@0,@0,@0]
        map1.exp {SCORES}, {AT}, {AT}
        reduce.sum {SCORES}, f32 @8256[@0,@0,@0,@0], {AT}, 8, 0
        map2.div {SCORES}, {AT}, {AT}, f32 @8256[@0,@0,@0,@0]
    """
    five = 5 * (SETUP + passes(T))
    assert cycles(text) == ISSUE + five + 2 * TREE + LPU.function_latency


def best(count: int, of: int) -> str:
    """The first so many of a row."""
    return (
        f"topk (@1,@1,@1,@{of}), f32 @1048576[@0,@0,@0,@4], i64 @2097152[@0,@0,@0,@8], "
        f"{AT}, @{count}, @1"
    )


@pytest.mark.parametrize("count", [1, 4, 50])
def test_a_few_best_are_found_one_by_one(count: int) -> None:
    """Each pass ends with its comparators before the next leaves out what it found."""
    assert cycles(best(count, 50272)) == ISSUE + SETUP + count * (passes(50272) + TREE)


def test_many_best_are_sorted() -> None:
    """A sorting network over 2^16 has 16 * 17 / 2 stages, each a pass."""
    stages = 16 * 17 // 2
    assert cycles(best(50272, 50272)) == ISSUE + SETUP + stages * (passes(50272) + TREE)


def test_wide_elements_take_more_cycles_a_tile() -> None:
    text = FIRST + "\n" + stream(512, 256) + product(512, 256)
    wide = text.replace("f16", "f32").replace("@2]", "@4]").replace("@512,@2]", "@1024,@4]")
    wide = wide.replace("[@0,@0,@512,@4]", "[@0,@0,@1024,@4]")
    assert cycles(text) == READY + SETUP + tiles(512, 256) + PRODUCT
    assert cycles(wide) == READY + SETUP + LPU.f32_tile_cycles * tiles(512, 256) + PRODUCT


TILE = 2 * LPU.vector_lanes * LPU.mac_trees


@pytest.mark.parametrize("held", [1, 4, 16])
def test_sums_of_several_rows_pass_the_lmu(held: int) -> None:
    """A group of 16 chunks, of which the buffer holds so many: pieces, but the last, are spilled.

    Each tree writes and reads four bytes, through a port as wide as a chunk of halves.
    """
    target = replace(LPU, reuse_bytes=held * TILE)
    rows, groups, chunks = 8, 8, 16
    spilled = (chunks // held - 1) * 2 * 4 * LPU.mac_trees // (2 * LPU.vector_lanes)
    text = FIRST + "\n" + stream(1024, 256) + product(1024, 256, rows=rows)
    assert cycles(text, target) == READY + SETUP + rows * groups * (chunks + spilled) + PRODUCT


def test_one_row_spills_nothing() -> None:
    target = replace(LPU, reuse_bytes=TILE)
    text = FIRST + "\n" + stream(1024, 256) + product(1024, 256)
    assert cycles(text, target) == READY + SETUP + tiles(1024, 256) + PRODUCT


def test_as_many_accumulators_as_rows_spill_nothing() -> None:
    target = replace(LPU, reuse_bytes=TILE, accumulators=8)
    text = FIRST + "\n" + stream(1024, 256) + product(1024, 256, rows=8)
    assert cycles(text, target) == READY + SETUP + 8 * tiles(1024, 256) + PRODUCT
