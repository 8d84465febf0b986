"""What judges the fast path notices what somebody might write wrongly in it."""

import pytest

from benchmarks.fuzz.paths.faults import FAULTS, Fault, noticed


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_noticed(fault: Fault) -> None:
    assert noticed(fault, range(1000)) is not None
