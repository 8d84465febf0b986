"""Affine expressions compute what their values compute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.affine import Affine, NotAffine, product
from tests.unit.passes.affine_values import RANGES, VALUES, affines, small


@given(affines, affines, small)
def test_arithmetic(a: Affine, b: Affine, n: int):
    for values in VALUES:
        left, right = a.evaluate(values), b.evaluate(values)
        assert (a + b).evaluate(values) == left + right
        assert (a - b).evaluate(values) == left - right
        assert (-a).evaluate(values) == -left
        assert (n - a).evaluate(values) == n - left
        assert (n * a).evaluate(values) == n * left


@given(affines, affines)
def test_equal_expressions_have_one_form(a: Affine, b: Affine):
    assert a + b == b + a
    assert a - a == Affine()
    same = all(a.evaluate(v) == b.evaluate(v) for v in VALUES)
    assert same == (a == b)


@given(affines, affines)
def test_only_one_factor_may_hold_symbols(a: Affine, b: Affine):
    if a.terms and b.terms:
        with pytest.raises(NotAffine):
            _ = a * b
    else:
        assert all((a * b).evaluate(v) == a.evaluate(v) * b.evaluate(v) for v in VALUES)
        assert product([2, a, b]) == a * b * 2


@given(affines, st.integers(1, 9))
def test_division_is_exact_or_refused(a: Affine, divisor: int):
    assert (a * divisor) // divisor == a
    try:
        quotient = a // divisor
    except NotAffine:
        assert any(c % divisor for c in (a.const, *(c for _, c in a.terms)))
    else:
        assert quotient * divisor == a


@given(affines)
def test_bounds_are_reached_and_never_left(a: Affine):
    found = [a.evaluate(values) for values in VALUES]
    assert a.bounds(RANGES) == (min(found), max(found))
    assert (a.lower(RANGES), a.upper(RANGES)) == a.bounds(RANGES)


@given(affines, affines)
def test_substitution(a: Affine, b: Affine):
    replaced = a.substitute({"P": b})
    for values in VALUES:
        inner = {**values, "P": b.evaluate(values)}
        assert replaced.evaluate(values) == a.evaluate(inner)


@given(affines)
def test_text_reads_back(a: Affine):
    assert Affine.parse(str(a)) == a


@pytest.mark.parametrize("text", ["", "P +", "P * 2", "2P", "P - 1", "1.5"])
def test_other_text_is_refused(text: str):
    with pytest.raises(ValueError, match="not an affine expression"):
        Affine.parse(text)


def test_a_missing_value_is_named():
    with pytest.raises(KeyError, match="P"):
        Affine.symbol("P").evaluate({})
