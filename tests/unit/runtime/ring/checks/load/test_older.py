"""Rows of an exchange that a newer one left are not read with it, however both were stored."""

import pytest

from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import Case, by_each
from tests.unit.runtime.ring.checks.older import BEFORE, DEVICES, HEAD, NEWER, READ, THEN


def _rule(*lines: list[str]) -> str:
    text = r.whole([*HEAD, *(line for part in lines for line in part)])
    return by_each(Case(r.ROWS, DEVICES), text)["load"]


@pytest.mark.parametrize("then", THEN)
def test_what_is_left_is_not_read_with_what_is_newer(then: str) -> None:
    rules = {_rule(b, THEN[then], read) for b in BEFORE.values() for read in READ.values()}
    assert rules <= {"stale", "place"}


@pytest.mark.parametrize("then", NEWER)
def test_all_rows_are_read_where_all_are_newer(then: str) -> None:
    rules = {_rule(b, NEWER[then], read) for b in BEFORE.values() for read in READ.values()}
    assert rules == {""}
