"""`accesses` states the bytes that the specification of an instruction reads and writes."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.paths.cases import before
from benchmarks.fuzz.paths.drawing import Drawing
from benchmarks.fuzz.paths.memories import Layout
from benchmarks.fuzz.paths.touching import misstated
from runtime.device.stops import Halted, Output
from runtime.isa import ISA
from runtime.traps import Trap

SETTINGS = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def _judged(mnemonic: str, random: Random) -> str | None:
    """What is stated wrongly, or nothing; None where the instruction traps."""
    layout = Layout.drawn(random, gaps=0)
    drawing = Drawing(random, layout, rough=0.005)
    inst = drawing.instruction(ISA[mnemonic])
    code = [*before(drawing, inst), inst]
    _, device = layout.devices()
    for register, value in drawing.values.items():
        device.registers[register] = value
    if any(device.registers[register] is None for i in code for register in i.reads()):
        return None
    try:
        return "".join(misstated(inst, device) for inst in code)
    except (Halted, Output):
        return ""
    except Trap:
        return None


@pytest.mark.parametrize("mnemonic", sorted(ISA))
@SETTINGS
@given(random=st.randoms(use_true_random=False))
def test_the_bytes_are_those_that_are_touched(mnemonic: str, random: Random) -> None:
    """Of strided operands all and no others; of indexed rows none outside of the bounds."""
    assert not _judged(mnemonic, random)


@pytest.mark.parametrize("mnemonic", sorted(ISA))
def test_most_samples_execute(mnemonic: str) -> None:
    """So that what is judged is more than traps."""
    judged = [_judged(mnemonic, Random(f"{seed} {mnemonic}")) for seed in range(40)]
    assert sum(found is not None for found in judged) >= 12
    assert not "".join(found or "" for found in judged)
