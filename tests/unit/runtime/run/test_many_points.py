"""Instructions of very many points over few bytes make nothing in host memory for each."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import ml_dtypes
import numpy as np
import pytest

from runtime.device.memory import Array
from runtime.isa import Inst, Operand, Reduce, Scatter, Store, Stream, TopK, Vecmat
from runtime.isa.parts import parts, tree
from runtime.numerics.elements import ElementType
from tests.unit.runtime.device.bench import Bench

E = ElementType
FREE = 100 << 20
HALF = {E.F32: np.float32, E.F16: np.float16, E.BF16: ml_dtypes.bfloat16, E.I8: np.int8}


@contextmanager
def within(most: int) -> Iterator[None]:
    """Fail when more bytes are held at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def spread(bench: Bench, value: float, element: ElementType, where: str = "lmu") -> Operand:
    """One element in memory, which is every element of the operand."""
    placed = bench.place(np.array([value], HALF[element]), where)
    return Operand(element, placed.base)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize(
    ("fn", "expected", "element"),
    [("sum", 2.0**27, E.F32), ("sum", 2.0**27, E.F16), ("max", 2.0, E.F32), ("mul", np.inf, E.F16)],
)
def test_reduce(reference: bool, fn: str, expected: float, element: ElementType) -> None:
    bench = Bench(reference=reference)
    a, dst = spread(bench, 2, element), bench.empty((1,), E.F32)
    inst = Reduce(fn, bench.extents(1 << 13, 1 << 13), dst, a, 12)
    with within(FREE):
        bench.run(inst)
    assert bench.read(dst, 1)[0] == expected


def _topk(bench: Bench, values: list[float], extents: tuple[int, ...], rows: int) -> list[int]:
    """The indices of the best of rows that repeat few values, in steps of no bytes."""
    placed = bench.place(np.array(values, np.float32))
    step = bench.register(4) if extents[2] == len(values) else 0
    a = Operand(E.F32, placed.base, (0, 0, step, 0))
    dst, places = bench.empty((rows, 2), E.F32), bench.empty((rows, 2), E.I64)
    k, largest = bench.register(2), bench.register(1)
    bench.run(TopK(bench.extents(*extents), dst, places, a, k, largest))
    return bench.read(places, rows, 2).ravel().tolist()


@pytest.mark.parametrize(("reference", "length"), [(False, 1 << 24), (True, (1 << 16) + 5)])
def test_topk(reference: bool, length: int) -> None:
    """All elements of a row are equal, so the first ones win."""
    with within(FREE if reference else 2 * FREE):
        found = _topk(Bench(reference=reference), [1, 2], (1, 1, 2, length), 2)
    assert found == [0, 1, 0, 1]


@pytest.mark.parametrize("last", [0, 7, 4095, 4096, 4300, 8191, 8192, 9000])
def test_topk_finds_the_best_wherever_it_lies(last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros and one 9, in a row of two parts and a rest."""
    from runtime.device.fast.reduction import _orders

    monkeypatch.setattr("runtime.device.fast.reduction.MANY", 4096)
    row = np.zeros(9001, np.float32)
    row[last] = 9
    order = _orders(row[None, None, None], np.float32, 3, True)
    rest = [at for at in (0, 1, 2) if at != last][:2]
    assert order.ravel().tolist() == [last, *rest]


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize(
    ("x", "weights"),
    [(E.F32, E.F32), (E.F32, E.F16), (E.F16, E.F16), (E.BF16, E.F32), (E.I8, E.I8)],
)
@pytest.mark.parametrize("where", ["arena", "parameters"])
def test_vecmat(reference: bool, x: ElementType, weights: ElementType, where: str) -> None:
    depth, columns, kind = 1 << 17, 300, E.F32 if x.is_float else E.I64
    params = np.zeros(4096, np.uint8)
    params[:8] = np.array([2] * 8, HALF[weights]).view(np.uint8)[:8]
    bench = Bench(params, reference)
    panel = spread(bench, 2, weights, "arena")
    if where == "parameters":
        panel = Operand(weights, bench.register(0))
    rows, dst = spread(bench, 1, x), bench.empty((columns,), kind)
    code: list[Inst] = [
        Stream(bench.extents(depth, columns), panel),
        Vecmat(bench.extents(1, depth, columns), dst, rows),
    ]
    with within(FREE):
        bench.run(*code)
    np.testing.assert_array_equal(bench.read(dst, columns), 2.0 * depth)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("columns", [3, 300])
def test_a_panel_keeps_its_bytes_while_it_waits(reference: bool, columns: int) -> None:
    """A store behind the stream changes the one element that is all of the panel."""
    depth, bench = 1 << 15, Bench(reference=reference)
    panel, new = spread(bench, 2, E.F16, "arena"), spread(bench, 7, E.F16)
    rows, dst = spread(bench, 1, E.F32), bench.empty((columns,), E.F32)
    stream = Stream(bench.extents(depth, columns), panel)
    product = Vecmat(bench.extents(1, depth, columns), dst, rows)
    with within(FREE):
        bench.run(stream, Store(bench.extents(1), panel, new), product)
        np.testing.assert_array_equal(bench.read(dst, columns), 2.0 * depth)
        bench.run(stream, product)
    np.testing.assert_array_equal(bench.read(dst, columns), 7.0 * depth)


@pytest.mark.parametrize(("reference", "points"), [(False, 1 << 24), (True, 1 << 13)])
@pytest.mark.parametrize("fn", ["set", "max"])
def test_scatter(reference: bool, points: int, fn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All points go to two rows in turn; parts follow each other in the order of the points."""
    if reference:
        monkeypatch.setattr("runtime.isa.instructions.gather.parts", small_parts)
    bench = Bench(reference=reference)
    table = bench.place(np.zeros(2, np.float32), "arena")
    index, src = bench.place(np.array([1, 0])), bench.place(np.array([3, 5], np.float32))
    by_index = Operand(E.I64, index.base, (0, 0, 0, bench.register(8)))
    by_value = Operand(E.F32, src.base, (0, 0, 0, bench.register(4)))
    at = Operand(E.F32, table.base)
    limit, stride = bench.register(2), bench.register(4)
    inst = Scatter(fn, bench.extents(points // 2, 2), at, by_value, by_index, limit, stride)
    with within(2 * FREE):
        bench.run(inst)
    np.testing.assert_array_equal(bench.read(table, 2), [5, 3])


def small_parts(extents: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Parts of 1000 points."""
    return parts(extents, 1000)


@pytest.mark.parametrize("extents", [(3, 1, 5, 7), (1, 1, 1, 40), (2, 3, 4, 5), (0, 2, 3, 4), (7,)])
@pytest.mark.parametrize("most", [1, 3, 7, 36, 1000])
def test_parts_cover_all_points_in_order(extents: tuple[int, ...], most: int) -> None:
    numbers: Array = np.arange(np.prod(extents)).reshape(extents)
    boxes = [numbers[part] for part in parts(extents, most)]
    assert all(0 < box.size <= most for box in boxes)
    flat = np.concatenate([box.ravel() for box in boxes]) if boxes else np.empty(0)
    np.testing.assert_array_equal(flat, numbers.ravel())


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 13])
def test_a_tree_combines_every_element_once(count: int) -> None:
    values = (1 << np.arange(3 * count)).reshape(3, count).astype(object)
    assert tree(np.add, values, (0, 1)).tolist() == [[(1 << 3 * count) - 1]]
