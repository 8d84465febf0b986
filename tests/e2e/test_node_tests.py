"""
The node tests of the ONNX standard through the default pipeline, down to the program.

Of each operator one test is run, once, with its inputs as they are or with small integers as
constants, as `SEED` has it; the same of each operator written out as the standard's function. More
of each are slow tests, and `benchmarks.fuzz.nodes` runs all of them both ways. The numbers to reach
are the standard's, and what it says of the shapes of outputs is not read.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import pytest

from benchmarks.fuzz.nodes import cases
from benchmarks.fuzz.nodes.check import FOLDED, check
from benchmarks.fuzz.pool import Result
from passes.onnx.operators import operators

pytestmark = [pytest.mark.xdist_group("node tests"), pytest.mark.costs(40)]
"""What became of the tests is found out once, by one process."""

SEED = 3
RIGHT = {1: 180, 2: 285}
"""How many are right at least, by the tests of an operator; all of one that is refused in parts."""
COVERED = 160
"""Operators that are right at least, those written out as functions of their own."""
FOLDED_TESTS = 40

REFUSED_PARTS = {
    **{"BatchNormalization": "training", "Dropout": "training", "Not": "opset 1"},
    **dict.fromkeys(("GRU", "LSTM", "RNN"), "layout"),
}
"""What is refused of an operator that is supported, whatever is constant."""
ELEMENTS = re.compile("has element type|is no tensor|element type .* is not supported")
"""Refusals of what the machine has no type for."""


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)])
def each(request: pytest.FixtureRequest) -> int:
    """How many tests of an operator are run."""
    return request.param


@pytest.fixture(scope="module")
def results(each: int) -> Sequence[Result]:
    """What became of the tests that are run."""
    chance = random.Random(SEED)
    tests: dict[str, list[str]] = defaultdict(list)
    for name in cases.names():
        tests[cases.operator_of(name)].append(name)
    names = [
        name
        for operator, own in tests.items()
        for name in (own if operator in REFUSED_PARTS else chance.sample(own, min(each, len(own))))
    ]
    return [check(chance.choice(["", cases.INTEGERS]), name) for name in names]


def _by_operator(results: Sequence[Result], verdict: str) -> Mapping[str, Sequence[Result]]:
    found: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.outcome.verdict == verdict:
            found[result.labels[0]].append(result)
    return found


def test_nothing_is_wrong_and_nothing_crashes(results: Sequence[Result]):
    bad = {r.name: r.outcome for r in results if r.outcome.verdict in ("wrong", "crash")}
    assert not bad


def test_coverage_does_not_shrink(
    each: int, results: Sequence[Result], record_property: pytest.RecordProperty
):
    counts = Counter(result.outcome.verdict for result in results)
    record_property("node tests", str(dict(counts)))
    assert counts["right"] >= RIGHT[each], counts
    assert len(_by_operator(results, "right")) >= COVERED


def test_a_refusal_says_what_of_the_model_it_is_about(results: Sequence[Result]):
    refused = [
        r.outcome.detail for found in _by_operator(results, "refused").values() for r in found
    ]
    assert refused
    assert not [text for text in refused if not re.search(r"\w+: |'\w+'|^opset", text)]


def test_supported_operators_are_refused_in_known_parts_only(results: Sequence[Result]):
    supported = {name for domain, name in operators() if not domain}
    found = [r for name in supported for r in _by_operator(results, "refused").get(name, ())]
    again = [check(cases.ALL, r.name) for r in found if not ELEMENTS.search(r.outcome.detail)]
    assert set(_by_operator(again, "refused")) == set(REFUSED_PARTS)


def test_constants_are_folded_to_what_the_standard_says(results: Sequence[Result]):
    """A model without inputs mostly leaves the machine nothing but constants to lay out."""
    right = [r.name for r in results if r.outcome.verdict == "right"]
    small = [name for name in right if not cases.load(name, cases.ALL).inputs]
    found = [check(cases.ALL, name) for name in random.Random(SEED).sample(small, FOLDED_TESTS)]
    assert not [r for r in found if r.outcome.verdict != "right"]
    assert sum(FOLDED in r.labels for r in found) >= 0.9 * FOLDED_TESTS
