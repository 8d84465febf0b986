"""What judges the fast path notices what somebody might write wrongly in it."""

import pytest

from benchmarks.fuzz.paths.faults import FAULTS
from benchmarks.fuzz.paths.planting import Fault, noticed
from runtime.native.library import serving

LATE = {
    "scattered elements leave the mirror stale": 337,
    "of what is scattered the mirror forgets all pages but one": 337,
    "of two panels in flight one is kept": 304,
    "scattered elements change panels in flight": 74,
    "what is written is not noted for the next run": 50,
    "a plain store is not noted for the next run": 111,
}
"""Seeds that notice what few do: they are asked first, and all others behind them."""


def test_what_is_noticed_late_is_a_fault():
    assert LATE.keys() <= {fault.what for fault in FAULTS}


ALL = [pytest.param(f, marks=pytest.mark.slow if n % 2 else ()) for n, f in enumerate(FAULTS)]
"""Half of them are slow tests; `benchmarks.fuzz.paths --faults` plants all, too."""


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.what)
def test_a_planted_fault_is_noticed(fault: Fault) -> None:
    if fault.needs_kernel and serving().kernel is None:
        pytest.skip("no native kernel serves")
    assert noticed(fault, [LATE.get(fault.what, 0), *range(1000)]) is not None
