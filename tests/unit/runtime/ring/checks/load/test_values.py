"""Numbers of which it is known how they are made."""

from __future__ import annotations

from itertools import product

import pytest

from runtime.ring.checks.load.loops import Counted
from runtime.ring.checks.load.values import (
    OF_TWO,
    Span,
    Value,
    combined,
    ends,
    number_of,
    roots_of,
)

ADD, MUL = OF_TWO["add"], OF_TWO["mul"]
P, Q = Span(1, 5, 1), Span(1, 5, 2)


def _behind(start: Value, bound: Value, step: int) -> Value:
    """The counter behind a loop."""
    loop = Counted(0, 1, 1, 0, step, start)
    assert loop.bind(bound)
    return loop.after


def _shared(value: Value, count: int) -> Value:
    for _ in range(count):
        value = combined(ADD, value, value)
    return value


def _long(value: Value, count: int) -> Value:
    for _ in range(count):
        value = combined(ADD, value, 1)
    return value


def test_what_is_used_twice_is_found_once():
    assert roots_of([_shared(P, 50)]) == {P}
    assert number_of(_shared(P, 50), {P: 3}) == 3 << 50


def test_a_number_may_be_made_in_many_steps():
    assert number_of(_long(P, 5000), {P: 3}) == 5003


def test_numbers_that_overflow_are_made_of_nothing():
    """The machine's have 64 bits: what they would be without is not what they are."""
    found = combined(MUL, _shared(P, 40), _shared(P, 40))
    assert roots_of([found]) == {found}


@pytest.mark.parametrize("step", [1, 3])
def test_behind_a_loop_the_counter_is_what_start_and_bound_say(step: int):
    value = _behind(P, Q, step)
    assert roots_of([value]) == {P, Q}
    low, high = ends(value)
    for start, bound in product(range(1, 6), repeat=2):
        counted = start + step
        while counted < bound:
            counted += step
        assert number_of(value, {P: start, Q: bound}) == counted
        assert low <= counted <= high


def test_behind_two_loops_counters_of_one_range_are_two_numbers():
    one, other = _behind(0, P, 1), _behind(0, Q, 1)
    assert ends(one) == ends(other)
    assert one != other
    assert _behind(0, P, 1) == one
