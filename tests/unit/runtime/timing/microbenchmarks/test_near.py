"""Banks of the LMU, and the fetch of code: what they cost where a machine has few or a slow one."""

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
    WAY,
    cycles,
    passes,
    streamed,
    tiles,
)

N, GRANULE = 2048, LPU.lmu_granule
BANKS = (1, 2, 4, 8, 64, LPU.lmu_banks)


def row(stride: int) -> str:
    return f"map1.neg (@1,@1,@1,@{N}), f16 @65536[@0,@0,@0,@2], f16 @131072[@0,@0,@0,@{stride}]\n"


@pytest.mark.parametrize("banks", BANKS)
def test_elements_that_follow_each_other(banks: int) -> None:
    """32 halves are one granule: one bank is enough; of f32 it takes two."""
    few = replace(LPU, lmu_banks=banks)
    assert cycles(row(2), few) == ISSUE + SETUP + passes(N) + ADD
    wide = ceil(4 * LANES / GRANULE / banks)
    assert cycles(row(2).replace("f16", "f32").replace("@2]", "@4]"), few) == (
        ISSUE + SETUP + wide * passes(N) + ADD
    )


@pytest.mark.parametrize("banks", BANKS)
@pytest.mark.parametrize("every", [1, 2, 3, 8])
def test_elements_a_stride_apart(every: int, banks: int) -> None:
    """So many granules from one to the next: they go round the banks that this stride meets."""
    met = len({lane * every % banks for lane in range(banks)})
    each = ceil(LANES / met)
    assert cycles(row(every * GRANULE), replace(LPU, lmu_banks=banks)) == (
        ISSUE + SETUP + each * passes(N) + ADD
    )


def test_a_dependent_pass_waits_for_a_step_that_is_longer() -> None:
    """Passes of one step, of eight cycles: the second needs what the first writes at its end."""
    few = replace(LPU, lmu_banks=4)
    text = "".join(
        f"map1.neg (@1,@1,@1,@{LANES}), f16 @{to}[@0,@0,@0,@64], f16 @{of}[@0,@0,@0,@64]\n"
        for to, of in ((65536, 0), (131072, 65536))
    )
    assert cycles(text, few) == ISSUE + 2 * (SETUP + LANES // 4 + ADD)


def test_a_sort_reads_its_row_as_often() -> None:
    """It comes to the last elements when these are long there."""
    few = replace(LPU, lmu_banks=2)
    text = (
        "topk (@1,@1,@1,@256), f32 @65536[@0,@0,@0,@4], i64 @66048[@0,@0,@0,@8], "
        f"f32 @0[@0,@0,@0,@{GRANULE}], @4, @1\n"
    )
    each = LANES // 2
    sort = SETUP + 4 * (each * passes(256) + TREE)
    assert cycles(text, few) == ISSUE + sort
    row = f"map1.neg (@1,@1,@1,@256), f32 @0[@0,@0,@0,@{GRANULE}], f32 @131072[@0,@0,@0,@4]\n"
    assert cycles(row + text, few) == ISSUE + SETUP + each * passes(256) + sort


@pytest.mark.parametrize("banks", [1, 2, 64])
def test_a_product_reads_x_by_chunks(banks: int) -> None:
    """64 halves are two granules: with one bank a tile takes two cycles."""
    text = (
        "stream (@1,@1,@4096,@4096), f16 @16777216[@0,@0,@8192,@2]\n"
        "vecmat (@1,@1,@4096,@4096), f16 @16384[@0,@0,@0,@2], f16 @0[@0,@0,@2,@0], 0\n"
    )
    each = ceil(2 * LPU.vector_lanes / GRANULE / banks)
    found = cycles(text, replace(LPU, lmu_banks=banks))
    if each > 1:
        first = ISSUE + ceil(streamed(4096)) + WAY
        assert found == first + each * tiles(4096, 4096) + PRODUCT
    else:
        assert found == ceil(ISSUE + streamed(2 * 4096 * 4096)) + WAY + 1 + PRODUCT


WORD = LPU.control_latency


@pytest.mark.parametrize("each", [1, 2, 5])
def test_words_come_one_after_the_other(each: int) -> None:
    """The first is there; `halt` is the last of 101."""
    text = "addi r90, r90, 1\n".join(["li r90, 0\n", *[""] * 99])
    assert cycles(text, replace(LPU, fetch_cycles=each)) == 100 * max(each, WORD) + WORD


@pytest.mark.parametrize("each", [1, 2, 5])
def test_an_instruction_on_data_waits_for_both_words(each: int) -> None:
    taken = max(ISSUE, each + WORD)
    found = cycles(row(2), replace(LPU, fetch_cycles=each))
    assert found == taken + SETUP + passes(N) + ADD


@pytest.mark.parametrize("each", [1, 5])
def test_a_branch_that_is_taken_fetches_anew(each: int) -> None:
    """A turn of three words: the first is there behind the branch, each of the others later."""
    text = "li r90, 0\nhead:\naddi r91, r90, 1\naddi r91, r91, 1\nloop r90, @50, 1, head\n"
    slow = max(each, WORD)
    turn = 2 * slow + WORD + LPU.branch_latency
    first = slow + turn
    last = 2 * slow + slow + WORD
    assert cycles(text, replace(LPU, fetch_cycles=each)) == first + 48 * turn + last


def test_the_fetch_goes_on_while_the_processor_waits() -> None:
    """For a sum: what follows has come meanwhile."""
    text = (
        "reduce.sum (@1,@1,@1,@2048), i64 @16384[@0,@0,@0,@0], i64 @0[@0,@0,@0,@8], 8, 0\n"
        "lds r90, 16384\n" + "li r91, 0\n" * 10
    )
    slow = replace(LPU, fetch_cycles=5)
    assert cycles(text, slow) - cycles(text) == max(0, 5 + WORD - ISSUE)
