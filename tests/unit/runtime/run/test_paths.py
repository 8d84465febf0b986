"""The fast path and the specifications give the same bytes and the same traps, for all they do."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.paths.cases import case, instruction_case
from runtime.isa import ISA
from tests.unit.runtime.device.bench import Bench
from tests.unit.runtime.isa import rows_ctrl, rows_data
from tests.unit.runtime.isa.test_semantics import ROWS

SETTINGS = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


class Fast(Bench):
    """A bench of the fast path."""

    def __init__(self) -> None:
        super().__init__(reference=False)


@pytest.mark.parametrize("mnemonic", sorted(ISA))
def test_rows(mnemonic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the instruction table hold on the fast path too."""
    for module in (rows_ctrl, rows_data):
        monkeypatch.setattr(module, "Bench", Fast)
    ROWS[mnemonic](Fast())


@pytest.mark.parametrize("mnemonic", sorted(ISA))
@SETTINGS
@given(random=st.randoms(use_true_random=False))
def test_an_instruction(mnemonic: str, random: Random) -> None:
    """Any fields, types, extents and strides, on memory with gaps."""
    assert not instruction_case(random, mnemonic)


@pytest.mark.parametrize("kind", ["program", "restart"])
def test_programs_of_the_fuzzer(kind: str) -> None:
    """`python -m benchmarks.fuzz.paths` has more of them."""
    for number in range(25):
        assert not case(kind, Random(f"0 {number} {kind}")), f"--seed 0 --only {number}"
