"""Gathers through HBM in loops of many turns: a few rows are wrong of thousands, and all count."""

from __future__ import annotations

import pytest

from runtime.ring.checks.compile import walk
from runtime.ring.checks.load import loops
from runtime.ring.checks.load.memory.growing import Grown
from tests.unit.runtime.ring.checks import rows as r
from tests.unit.runtime.ring.checks.gathers import ROW, Case, by_each, uncounted

RULES = {"content", "mixture", "place", "stale"}
FEW, MANY = Case(150), Case(130, 4)
MOST = pytest.param(Case(4096), marks=pytest.mark.slow)


@pytest.mark.parametrize("case", [FEW, MANY, MOST], ids=str)
def test_what_gathers_all_rows_is_accepted(case: Case):
    text = case.whole([*case.before(), *case.put(), *case.split(), *case.used()])
    assert not case.is_wrong(text)
    assert case.refused(text) == dict.fromkeys(r.CHECKS, "")


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("case", [FEW, MANY, MOST], ids=str)
def test_what_leaves_out_the_last_row_is_refused(case: Case, again: bool):
    before = case.before() if again else []
    text = case.whole([*before, *case.put(), *case.split(bound=case.rows - 1), *case.used()])
    assert case.is_wrong(text)
    assert set(case.refused(text).values()) <= RULES


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("how", [{"aside": ROW}, {"counted": FEW.rows - 1, "tile": 7}], ids=str)
def test_what_puts_rows_elsewhere_or_leaves_them_out_in_the_last_turn_is_refused(
    how: dict[str, int], again: bool
):
    before = FEW.before() if again else []
    text = FEW.whole([*before, *FEW.put(), *FEW.split(**how), *FEW.used()])
    assert FEW.is_wrong(text)
    assert set(FEW.refused(text).values()) <= RULES


@pytest.mark.parametrize("again", [False, True])
def test_turns_that_nobody_counts_must_not_say_where_rows_lie(again: bool):
    """With the greatest number all is gathered, with others rows are left out."""
    case = Case(20)
    before = case.before() if again else []
    text = case.whole([*before, *case.put(), *uncounted(case.split()), *case.used()])
    assert by_each(case, text) == {"load": "place", "compile": "turn"}


def test_of_more_turns_than_are_looked_at_all_rows_count_together(monkeypatch: pytest.MonkeyPatch):
    for module in (loops, walk):
        monkeypatch.setattr(module, "MOST_TURNS", 50)
    for rows in (50, 51):
        case = Case(rows)
        text = case.whole([*case.put(), *case.split(), *case.used()])
        assert case.refused(text) == {"compile": "", "load": ""}
        for how in ({"counted": rows - 1, "tile": 7}, {"bound": rows - 1}, {"aside": ROW}):
            short = [*case.before(), *case.put(), *case.split(**how), *case.used()]
            assert all(case.refused(case.whole(short)).values()), how


def test_at_the_end_of_a_turn_rows_that_turns_before_stored_are_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
):
    asked, is_of = list[Grown](), Grown.is_of

    def noted(self: Grown, source: int) -> bool:
        asked.append(self)
        return is_of(self, source)

    monkeypatch.setattr(Grown, "is_of", noted)
    counts = list[int]()
    for rows in (64, 128):
        case = Case(rows)
        assert r.by_load(2, case.whole([*case.put(), *case.split(), *case.used()])) == ""
        counts.append(len(asked))
        asked.clear()
    assert counts[1] <= 2 * counts[0] + 8
