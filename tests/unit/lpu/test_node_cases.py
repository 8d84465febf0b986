"""
The node tests of the ONNX standard, decomposed and run at the level `lpu`.

No supported operator may give a wrong result; the counts say how much of the standard is covered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest
from xdsl.passes import ModulePass

from dialects.errors import CompileError
from passes.lpu.fold_constants import LpuFoldConstantsPass
from passes.onnx.operators import OPERATORS
from tests.unit.lpu import node_cases
from tests.unit.lpu.node_cases import Case, NotOurs

PASSING = 784
COVERED = 129

REFUSED_PARTS = {"BatchNormalization": "training", "Dropout": "training"}
"""What is refused of an operator that is supported."""


@dataclass
class Tally:
    """What became of every case."""

    counts: Counter[str] = field(default_factory=Counter[str])
    operators: set[str] = field(default_factory=set[str])
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    refused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, case: Case) -> None:
        try:
            result = node_cases.outcome(case)
        except CompileError as error:
            self.counts["refused"] += 1
            self.refused[case.node.op_type].append(str(error))
            return
        self.counts["passed" if result == "passed" else "wrong"] += 1
        self.operators.add(case.node.op_type)
        if result != "passed":
            self.wrong[case.name] = result


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    found: list[Case] = []
    for test in node_cases.node_tests():
        try:
            case = node_cases.load(test)
            node_cases.build(case, "")
        except NotOurs:
            continue
        found.append(case)
    return found


@pytest.fixture(scope="module")
def tally(cases: list[Case]) -> Tally:
    tally = Tally()
    for case in cases:
        tally.add(case)
    return tally


def test_no_result_is_wrong(tally: Tally):
    assert not tally.wrong


def test_coverage_does_not_shrink(tally: Tally, record_property: pytest.RecordProperty):
    record_property("node tests", str(dict(tally.counts)))
    assert tally.counts["passed"] >= PASSING, tally.counts
    assert len(tally.operators) >= COVERED


def test_supported_operators_are_refused_in_known_parts_only(tally: Tally):
    supported = {op_type for domain, op_type in OPERATORS if not domain}
    assert set(tally.refused) & supported == set(REFUSED_PARTS)


def test_a_refusal_names_node_and_operator(tally: Tally):
    for op_type, errors in tally.refused.items():
        assert all(f"{op_type}: " in error for error in errors)


def test_folding_agrees_with_execution(cases: list[Case]):
    """With all inputs constant, folding evaluates what otherwise runs."""
    steps: list[ModulePass] = [*node_cases.LOWERING, LpuFoldConstantsPass()]
    folded = 0
    for case in cases:
        try:
            outputs = node_cases.run(case, "fiubV", steps)
        except CompileError:
            continue
        assert node_cases.differences(case, outputs) is None, case.name
        folded += 1
    assert folded >= PASSING
