"""Where numpy does something else than the instruction: the fast path does what is specified."""

import numpy as np
import pytest

from runtime.device.fast import elementwise
from runtime.isa import Copy, Fill, Gather, Map1, Operand, TopK
from runtime.numerics.elements import ElementType, unary_into
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.device.bench import ARENA, Bench

E = ElementType


def test_an_extent_of_minus_one_is_not_the_rest_of_memory() -> None:
    """numpy takes an extent of -1 for as many elements as there are."""
    bench = Bench(reference=False)
    one, none = bench.register(1), bench.register(-1)
    before = bench.device.lmu.data.copy()
    with pytest.raises(Trap) as trap:
        bench.run(Fill((one, one, one, none), bench.operand(E.I32, 64, (4,)), one))
    assert trap.value.kind is TrapKind.ILLEGAL
    np.testing.assert_array_equal(bench.device.lmu.data, before)


@pytest.mark.parametrize(("into", "step", "start", "far"), [(0, 16, 0, 4), (64, -4, 0, 8)])
def test_vectors_that_overlap_are_read_before_they_are_written(
    into: int, step: int, start: int, far: int
) -> None:
    """numpy copies overlapping vectors in one direction, which is right for equal strides only."""
    bench = Bench(reference=False)
    bench.place(np.arange(40, dtype=np.int32))
    source, target = bench.operand(E.I32, start, (far,)), bench.operand(E.I32, into, (step,))
    bench.run(Copy(bench.extents(7), target, source))
    found = np.ndarray(7, np.int32, bench.device.lmu.buffer, into, (step,))
    np.testing.assert_array_equal(found, np.arange(7) * far // 4)


def test_every_byte_but_zero_is_true_to_topk() -> None:
    """numpy sorts bools by their bytes."""
    bench = Bench(reference=False)
    a = bench.place(np.array([0, 2, 1, 0, 3], np.uint8))
    truth = Operand(E.BOOL, a.base, a.strides)
    places, found = bench.empty((5,), E.I64), bench.empty((5,), E.BOOL)
    count, largest = bench.register(5), bench.register(0)
    bench.run(TopK(bench.extents(5), found, places, truth, count, largest))
    assert bench.read(places, 5).tolist() == [0, 3, 1, 2, 4]


def test_rows_that_lie_backwards_are_stated() -> None:
    """With a negative row stride an index reaches bytes in front of the base."""
    bench = Bench()
    dst, idx = bench.empty((4,), E.F32), bench.place(np.zeros(4, np.int64))
    row = bench.operand(E.F32, ARENA + 64, (4,))
    limit, stride = bench.register(3), bench.register(-16)
    inst = Gather(bench.extents(4), dst, row, idx, limit, stride)
    rows, *_ = inst.accesses(bench.device.registers)
    assert rows.bounds() == (ARENA + 32, ARENA + 80)


@pytest.mark.parametrize("fn", ["gelu_tanh", "silu", "sigmoid"])
@pytest.mark.parametrize("element", [E.F32, E.F16])
@pytest.mark.parametrize("shape", [(5, 2000), (10000,), (1, 3, 7, 450)])
def test_functions_by_exp_are_the_same_in_parts(
    fn: str, element: ElementType, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, as numpy has them, and in parts of which the last is shorter."""
    a = np.random.default_rng(0).normal(size=shape).astype(element.dtype)
    expected, found, within = np.empty_like(a), np.empty_like(a), a.copy()
    unary_into(fn, element, element)(a, expected)
    monkeypatch.setattr(elementwise, "BETWEEN", 1500)
    inst = Map1(
        fn, (0, 0, 0, 1), Operand(element, 2, (0, 0, 0, 0)), Operand(element, 3, (0, 0, 0, 0))
    )
    make, device = elementwise.MAKERS[Map1](inst), Bench(reference=False).device
    for out, x in ((found, a), (within, within)):
        make(device, out, x)()
        assert np.array_equal(out, expected)


def test_results_across_operands_are_not_computed_in_parts() -> None:
    """Parts would read what the parts before them have written."""
    both = np.zeros(elementwise.BETWEEN + 8, np.float32)
    codes, device = (0, 0), Bench(reference=False).device
    assert elementwise._by_exp(device, "silu", (both[8:], both[:-8]), codes) is None
