"""The vector engine: passes, chains, trees."""

from tests.unit.runtime.timing.microbenchmarks.assembled import (
    ADD,
    ISSUE,
    LPU,
    SETUP,
    TREE,
    cycles,
    passes,
)

N = 2048
ROW = "(@1,@1,@1,@2048)"
SCALAR = "(@1,@1,@1,@1)"


def test_one_pass() -> None:
    """Issue, setup, as many cycles as lanes take, and the adder."""
    text = f"map2.add {ROW}, f32 @0[@0,@0,@0,@4], f32 @8192[@0,@0,@0,@4], f32 @16384[@0,@0,@0,@4]"
    assert cycles(text) == ISSUE + SETUP + passes(N) + ADD


def test_a_dependent_pass_follows_in_step() -> None:
    """A long row: its first results are there before the engine is free."""
    text = f"""
        map2.add {ROW}, f32 @8192[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]
        map2.add {ROW}, f32 @16384[@0,@0,@0,@4], f32 @8192[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]
    """
    assert cycles(text) == ISSUE + 2 * (SETUP + passes(N)) + ADD


def test_a_dependent_pass_of_one_cycle_waits_for_the_adder() -> None:
    text = """
        map2.add (@1,@1,@1,@32), f32 @8192[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]
        map2.add (@1,@1,@1,@32), f32 @512[@0,@0,@0,@4], f32 @8192[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]
    """
    assert cycles(text) == ISSUE + 2 * (SETUP + 1 + ADD)


def test_a_reduction_ends_with_its_tree() -> None:
    text = f"reduce.sum {ROW}, f32 @8192[@0,@0,@0,@0], f32 @0[@0,@0,@0,@4], 8, 0"
    assert cycles(text) == ISSUE + SETUP + passes(N) + TREE


def test_an_adder_of_one_number_behind_a_tree() -> None:
    """Both latencies stand one behind the other."""
    text = f"""
        reduce.sum {ROW}, f32 @8192[@0,@0,@0,@0], f32 @0[@0,@0,@0,@4], 8, 0
        map2.add {SCALAR}, f32 @8256[@0,@0,@0,@0], f32 @8192[@0,@0,@0,@0], f32 @8192[@0,@0,@0,@0]
    """
    assert cycles(text) == ISSUE + SETUP + passes(N) + TREE + SETUP + 1 + ADD


def test_a_full_queue_holds_the_control_processor() -> None:
    """Behind as many as wait comes one that is issued when the second begins."""
    one = f"map2.add {ROW}, f32 @8192[@0,@0,@0,@4], f32 @8192[@0,@0,@0,@4], f32 @0[@0,@0,@0,@4]\n"
    scalars, depth = 4000, LPU.queue_depth
    pass_ = SETUP + passes(N)
    begun = ISSUE + (depth + 2 - depth - 1) * pass_
    assert cycles((depth + 2) * one + scalars * "li r99, 0\n") == begun + scalars + 1
    assert cycles((depth + 1) * one + scalars * "li r99, 0\n") == (depth + 1) * ISSUE + scalars + 1
