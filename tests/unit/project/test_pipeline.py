"""The default pipeline satisfies the order that it declares."""

from __future__ import annotations

import pytest

from lpuc.pipeline import LEVELS, ORDER, PIPELINE, available_passes, parse_passes, stages_until

NAMES = [name for stage in PIPELINE for name in stage.passes]


@pytest.mark.parametrize(("earlier", "later", "why"), ORDER)
def test_order_holds(earlier: str, later: str, why: str):
    last = len(NAMES) - 1 - NAMES[::-1].index(earlier)
    assert last < NAMES.index(later), why


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_of_the_pipeline_exists(name: str):
    assert available_passes()[name]().name == name


def test_every_pass_of_ours_has_a_reason_for_its_place():
    from passes import PASS_NAMES

    assert {name for entry in ORDER for name in entry[:2]} >= set(PASS_NAMES) - {"verify"}


def test_a_level_is_reached_through_those_above():
    assert [stage.level for stage in stages_until("mem")] == list(LEVELS[:3])


def test_a_pipeline_prints_as_it_is_read():
    text = "cse,dce"
    assert ",".join(str(one.spec()) for one in parse_passes(text)) == text
