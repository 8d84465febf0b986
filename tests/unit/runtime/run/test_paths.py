"""The fast path and the specifications give the same bytes and the same traps, for all they do."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.paths.cases import case, instruction_case
from runtime.isa import ISA, Gather, Inst, Operand, Scatter
from runtime.numerics.elements import ElementType as E
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.device.bench import ARENA, Bench
from tests.unit.runtime.isa import rows_ctrl, rows_data
from tests.unit.runtime.isa.test_semantics import ROWS

SETTINGS = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


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


@pytest.mark.parametrize("path", [Bench, Fast])
@pytest.mark.parametrize("mnemonic", ["gather", "scatter"])
def test_registers_are_read_where_no_point_is_moved(mnemonic: str, path: type[Bench]) -> None:
    bench = path()
    none, unset = (1, 1, 1, 0), 40
    extents = bench.extents(*none)
    there, index = bench.empty(none, E.F32), bench.empty(none, E.I64)
    rows = Operand(E.F32, bench.register(ARENA), (0, 0, 0, 0))
    limit, stride = bench.register(1), bench.register(4)

    def moved(rows: Operand, limit: int, stride: int) -> Inst:
        if mnemonic == "gather":
            return Gather(extents, there, rows, index, limit, stride)
        return Scatter("set", extents, rows, there, index, limit, stride)

    bench.run(moved(rows, limit, stride))
    for inst in (
        moved(replace(rows, base=unset), limit, stride),
        moved(replace(rows, strides=(0, 0, 0, unset)), limit, stride),
        moved(rows, unset, stride),
        moved(rows, limit, unset),
    ):
        with pytest.raises(Trap) as trap:
            bench.run(inst)
        assert trap.value.kind is TrapKind.UNINITIALISED


@pytest.mark.parametrize("mnemonic", sorted(ISA))
@SETTINGS
@given(random=st.randoms(use_true_random=False))
def test_an_instruction(mnemonic: str, random: Random) -> None:
    """Any fields, types, extents and strides, on memory with gaps."""
    assert not instruction_case(random, mnemonic)


@pytest.mark.parametrize("kind", ["program", "free", "restart"])
def test_programs_of_the_fuzzer(kind: str) -> None:
    """`python -m benchmarks.fuzz.paths` has more of them."""
    for number in range(12):
        assert not case(kind, Random(f"0 {number} {kind}")), f"--seed 0 --only {number}"
