"""The control processor: scalars, loops, branches, and what makes it wait."""

from tests.unit.runtime.timing.microbenchmarks.assembled import (
    ADD,
    ISSUE,
    LPU,
    SETUP,
    TREE,
    cycles,
    passes,
)

WORD = LPU.control_latency
BACK = LPU.branch_latency
"""Where a branch is taken, the words behind it were fetched in vain."""


def test_scalar_code() -> None:
    assert cycles("li r90, 7\naddi r91, r90, 1\nadd r92, r91, r90\n") == (3 + 1) * WORD


def test_a_loop_of_scalars() -> None:
    """Each turn takes its words, and all but the last go back."""
    text = "li r90, 0\nhead:\naddi r91, r90, 1\nloop r90, @100, 1, head\n"
    assert cycles(text) == (1 + 100 * 2 + 1) * WORD + 99 * BACK


def test_a_loop_hides_behind_an_engine() -> None:
    """A pass of 64 cycles a turn: the loop is issued in its shadow."""
    text = """
        li r90, 0
        head:
        map1.neg (@1,@1,@1,@2048), f32 @0[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]
        loop r90, @50, 1, head
    """
    assert cycles(text) == WORD + ISSUE + 50 * (SETUP + passes(2048)) + ADD


def test_a_loop_shows_where_the_engine_is_faster() -> None:
    """A turn of more words than the pass has cycles, up to where its result may be written anew."""
    scalars = 16
    text = f"""
        li r90, 0
        head:
        map1.neg (@1,@1,@1,@32), f32 @8192[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]
        {scalars * "addi r91, r90, 1; "}
        loop r90, @50, 1, head
    """.replace("; ", "\n")
    turn = ISSUE + (scalars + 1) * WORD + BACK
    assert turn > SETUP + 1 + ADD
    assert cycles(text) == WORD + 50 * turn - BACK + WORD


def test_a_branch_over_code() -> None:
    text = "bge @5, @4, over\nli r90, 0\nli r90, 0\nover:\nli r90, 1\n"
    assert cycles(text) == (1 + 1 + 1) * WORD + BACK
    assert cycles(text.replace("@5, @4", "@4, @5")) == (1 + 3 + 1) * WORD


def test_a_scalar_waits_for_the_engine_that_makes_it() -> None:
    """`lds` holds the control processor until the sum is there."""
    text = """
        reduce.sum (@1,@1,@1,@2048), i64 @16384[@0,@0,@0,@0], i64 @0[@0,@0,@0,@8], 8, 0
        lds r90, 16384
        li r91, 0
    """
    made = ISSUE + SETUP + passes(2048) + TREE
    assert cycles(text) == made + 3 * WORD


def test_a_pass_waits_for_a_scalar_that_is_stored() -> None:
    text = """
        li r90, 7
        sts r90, 16384
        map1.neg (@1,@1,@1,@1), i64 @0[@0,@0,@0,@0], i64 @16384[@0,@0,@0,@0]
    """
    assert cycles(text) == 2 * WORD + ISSUE + SETUP + 1 + ADD
