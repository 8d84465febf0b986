"""What each data instruction does, one function per mnemonic."""

import ml_dtypes
import numpy as np
import pytest

from runtime.device.stops import Blocked
from runtime.isa import (
    Cast,
    Copy,
    Fill,
    Gather,
    Iota,
    Load,
    Map1,
    Map2,
    Operand,
    Recv,
    Reduce,
    Scan,
    Scatter,
    Select,
    Send,
    Store,
    Stream,
    TopK,
    Vecmat,
)
from runtime.numerics.elements import ElementType
from runtime.traps import Trap
from tests.unit.runtime.device.bench import Bench

E = ElementType
A = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 7


def load(bench: Bench) -> None:
    src, dst = bench.place(A, "arena"), bench.empty((2, 4, 3), E.F32)
    s = src.strides
    turned = Operand(src.type, src.base, (0, s[1], s[3], s[2]))
    bench.run(Load(bench.extents(2, 4, 3), dst, turned))
    np.testing.assert_array_equal(bench.read(dst, 2, 4, 3), A.transpose(0, 2, 1))


def store(bench: Bench) -> None:
    src, dst = bench.place(A), bench.empty((2, 3, 4), E.F32, "arena")
    bench.run(Store(bench.extents(2, 3, 4), dst, src))
    np.testing.assert_array_equal(bench.read(dst, 2, 3, 4), A)


def send(bench: Bench) -> None:
    """What goes to one side comes from the other, in order; two messages wait, no more."""
    src, both = bench.place(A), bench.empty((2, 3, 4), E.F32)
    s, shape = src.strides, bench.extents(2, 4, 3)
    turned = Operand(src.type, src.base, (0, s[1], s[3], s[2]))
    bench.run(Send("left", shape, turned), Send("left", bench.extents(2, 3, 4), src))
    with pytest.raises(Blocked, match="2 messages wait to be received"):
        bench.run(Send("left", shape, turned))
    bench.run(Send("right", bench.extents(2, 3, 4), src))
    dst = bench.empty((2, 4, 3), E.F32)
    bench.run(Recv("right", shape, dst))
    np.testing.assert_array_equal(bench.read(dst, 2, 4, 3), A.transpose(0, 2, 1))
    bench.run(Recv("right", bench.extents(2, 3, 4), both))
    np.testing.assert_array_equal(bench.read(both, 2, 3, 4), A)


def recv(bench: Bench) -> None:
    """The elements come in row-major order, into any strides; nothing happens without a message."""
    src, dst = bench.place(np.arange(6, dtype=np.int8)), bench.place(np.zeros((3, 4), np.int8))
    pairs = Operand(E.I8, dst.base, (0, 0, dst.strides[2], bench.register(2)))
    again = Recv("left", bench.extents(3, 2), pairs)
    with pytest.raises(Blocked, match="no message is on its way"):
        bench.run(again)
    assert not bench.read(dst, 3, 4).any()
    rows = Operand(E.I8, src.base, (0, 0, bench.register(2), bench.register(1)))
    bench.run(Send("right", bench.extents(3, 2), rows), again)
    expected = [[0, 0, 1, 0], [2, 0, 3, 0], [4, 0, 5, 0]]
    np.testing.assert_array_equal(bench.read(dst, 3, 4), expected)
    for extents, element in (((2, 3), E.I8), ((6,), E.I8), ((3, 2), E.U8)):
        bench.run(Send("right", bench.extents(3, 2), rows))
        with pytest.raises(Trap, match=r"the message is i8 \(1, 1, 3, 2\), expected"):
            bench.run(Recv("left", bench.extents(*extents), bench.empty(extents, element)))


def _gather(bench: Bench, index: list[int], step: int) -> np.ndarray:
    src, idx = bench.place(A.reshape(6, 4), "arena"), bench.place(np.array(index))
    rows = Operand(E.I64, idx.base, (0, 0, bench.register(8), 0))
    row = Operand(E.F32, src.base, (0, 0, 0, src.strides[3]))
    dst = bench.empty((len(index), 4), E.F32)
    limit, stride = bench.register(6), bench.register(step)
    bench.run(Gather(bench.extents(len(index), 4), dst, row, rows, limit, stride))
    return bench.read(dst, len(index), 4)


def gather(bench: Bench) -> None:
    table = A.reshape(6, 4)
    np.testing.assert_array_equal(_gather(bench, [5, -6, 2], 16), table[[5, 0, 2]])
    np.testing.assert_array_equal(_gather(Bench(), [-2], 16), table[[4]])


def _scatter(fn: str, index: list[int], values: np.ndarray) -> np.ndarray:
    bench = Bench()
    dst, src = bench.place(np.ones((4, 2), values.dtype), "arena"), bench.place(values)
    idx = bench.place(np.array(index))
    rows = Operand(E.I64, idx.base, (0, 0, bench.register(8), 0))
    row = Operand(dst.type, dst.base, (0, 0, 0, dst.strides[3]))
    stride = bench.register(2 * values.itemsize)
    extents = bench.extents(len(index), 2)
    bench.run(Scatter(fn, extents, row, src, rows, bench.register(4), stride))
    return bench.read(dst, 4, 2)


def scatter(bench: Bench) -> None:
    del bench
    values = np.array([[2, 3], [4, 5], [6, 7]], np.float32)
    one = np.ones(2)
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16, np.int64):
        got = _scatter("add", [3, 0, -1], values.astype(dtype)).astype(np.float64)
        np.testing.assert_array_equal(got, [[5, 6], one, one, [9, 11]])
    for fn, row in (("set", [6, 7]), ("mul", [12, 21]), ("max", [6, 7]), ("min", [1, 1])):
        np.testing.assert_array_equal(_scatter(fn, [3, 0, 3], values)[3], row)
    np.testing.assert_array_equal(_scatter("set", [-3], values[:1])[1], [2, 3])


def _batch(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x[b, m, k] W[b, k, n] with rows of x that are far apart and W stored as [b, n, k]."""
    bench = Bench()
    batch, rows, depth = x.shape
    columns = w.shape[2]
    panel, far = bench.place(w.swapaxes(1, 2).copy(), "arena"), bench.place(np.repeat(x, 2, 1))
    out = bench.empty((rows, batch, columns), far.type)
    near, s = bench.register(columns * x.itemsize), out.strides
    dst = Operand(far.type, out.base, (near, s[1], 0, s[3]))
    source = Operand(
        far.type,
        far.base,
        (far.strides[1], bench.register(2 * depth * x.itemsize), far.strides[3], 0),
    )
    turned = Operand(
        panel.type, panel.base, (panel.strides[1], 0, panel.strides[3], panel.strides[2])
    )
    b, m, k, n = bench.extents(batch, rows, depth, columns)
    one = bench.register(1)
    bench.run(Stream((b, one, k, n), turned), Vecmat((b, m, k, n), dst, source))
    return bench.read(out, rows, batch, columns).swapaxes(0, 1)


def _product(x: np.ndarray, w: np.ndarray, dst: ElementType, onto: float | None) -> np.ndarray:
    bench = Bench()
    panel, vector = bench.place(w, "arena"), bench.place(x)
    start = np.full(w.shape[1], 0 if onto is None else onto).astype(dst.dtype)
    out = bench.place(start, filled=onto is not None)
    column = Operand(vector.type, vector.base, (0, 0, vector.strides[3], 0))
    extents = bench.extents(*w.shape)
    bench.run(Stream(extents, panel), Vecmat(extents, out, column, onto is not None))
    return bench.read(out, w.shape[1])


def vecmat(bench: Bench) -> None:
    del bench
    x, w = np.array([1, -2, 3], np.float32), np.arange(12, dtype=np.float32).reshape(3, 4)
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16, np.int8, np.int64):
        element = E.of(np.dtype(dtype))
        assert element is not None
        got = _product(x.astype(dtype), w.astype(dtype), element, None)
        np.testing.assert_array_equal(got.astype(np.float32), x @ w)
        got = _product(x.astype(dtype), w.astype(dtype), element, 5)
        np.testing.assert_array_equal(got.astype(np.float32), x @ w + 5)
    np.testing.assert_array_equal(_product(x[:0], w[:0], E.F32, None), np.zeros(4))
    # 2049 is no f16: 2050 is the sum rounded once, 2048 the product rounded before the sum
    odd = _product(np.array([2049], np.float32), np.ones((1, 1), np.float32), E.F16, 1)
    np.testing.assert_array_equal(odd, [2050])
    rows, panels = np.arange(30).reshape(2, 3, 5) - 9, np.arange(40).reshape(2, 5, 4) % 7
    for dtype in (np.float32, np.float16, np.int32):
        got = _batch(rows.astype(dtype), panels.astype(dtype))
        np.testing.assert_array_equal(got, rows @ panels)
    half = np.full(3, 60000, np.float16)
    wide = _product(half, np.eye(3, dtype=np.float16) * np.float16(2), E.F32, None)
    np.testing.assert_array_equal(wide, [120000] * 3)


def stream(bench: Bench) -> None:
    panel = bench.place(A.reshape(6, 4), "arena")
    bench.run(Stream(bench.extents(6, 4), panel))
    found = bench.device.fifo.pop()
    matrix = found.values if bench.device.checked else found.matrix
    np.testing.assert_array_equal(matrix, [A.reshape(6, 4)])


def map1(bench: Bench) -> None:
    a, dst = bench.place(A), bench.empty((2, 3, 4), E.F32)
    bench.run(Map1("neg", bench.extents(2, 3, 4), dst, a))
    np.testing.assert_array_equal(bench.read(dst, 2, 3, 4), -A)


def map2(bench: Bench) -> None:
    a, b, dst = bench.place(A), bench.place(A[0, 0]), bench.empty((2, 3, 4), E.F32)
    bench.run(Map2("sub", bench.extents(2, 3, 4), dst, a, b))
    np.testing.assert_array_equal(bench.read(dst, 2, 3, 4), A - A[0, 0])


def select(bench: Bench) -> None:
    cond, a, b = bench.place(A > 3), bench.place(A), bench.place(-A)
    dst = bench.empty((2, 3, 4), E.F32)
    bench.run(Select(bench.extents(2, 3, 4), dst, cond, a, b))
    np.testing.assert_array_equal(bench.read(dst, 2, 3, 4), np.where(A > 3, A, -A))


def cast(bench: Bench) -> None:
    values = np.array([1.9, -1.9, np.nan, np.inf, 300], np.float32)
    low = -(1 << 63)
    expected = {E.I64: [1, -1, low, low, 300], E.I32: [1, -1, 0, 0, 300], E.U8: [1, 255, 0, 0, 44]}
    expected |= {E.BOOL: [1, 1, 1, 1, 1], E.F16: [1.900390625, -1.900390625, np.nan, np.inf, 300]}
    a, extents = bench.place(values), bench.extents(5)
    for element, row in expected.items():
        dst = bench.empty((5,), element)
        bench.run(Cast(extents, dst, a))
        np.testing.assert_array_equal(bench.read(dst, 5), np.array(row, element.dtype))


def copy(bench: Bench) -> None:
    """Overlapping operands give what a copy by way of a temporary gives."""
    a = bench.place(np.arange(6))
    later = bench.operand(E.I64, bench.device.registers[a.base] + 8, (8,))
    bench.run(Copy(bench.extents(5), later, a))
    np.testing.assert_array_equal(bench.read(a, 6), [0, 0, 1, 2, 3, 4])


def fill(bench: Bench) -> None:
    bits = bench.register(int(np.float32(-2.5).view(np.int32)))
    dst, extents = bench.empty((3,), E.F32), bench.extents(3)
    bench.run(Fill(extents, dst, bits))
    np.testing.assert_array_equal(bench.read(dst, 3), [-2.5] * 3)
    flags = bench.empty((3,), E.BOOL)
    bench.run(Fill(extents, flags, bench.register(256)))
    assert bench.read(flags, 3).all()


def iota(bench: Bench) -> None:
    dst, steps = bench.empty((2, 3), E.I32), (0, 0, bench.register(10), bench.register(-1))
    bench.run(Iota(bench.extents(2, 3), dst, bench.register(5), steps))
    np.testing.assert_array_equal(bench.read(dst, 2, 3), [[5, 4, 3], [15, 14, 13]])


def reduce(bench: Bench) -> None:
    a, dst, extents = bench.place(A), bench.empty((3,), E.F32), bench.extents(2, 3, 4)
    s = dst.strides[3]
    kept = Operand(E.F32, dst.base, (0, 0, s, 0))
    for fn, ufunc in {
        "sum": np.add,
        "max": np.maximum,
        "min": np.minimum,
        "mul": np.multiply,
    }.items():
        bench.run(Reduce(fn, extents, kept, a, 0b1010))
        expected = ufunc.reduce(A, axis=(0, 2))
        np.testing.assert_array_equal(bench.read(dst, 3), expected)
        bench.run(Reduce(fn, extents, kept, a, 0b1010, accumulate=True))
        np.testing.assert_array_equal(bench.read(dst, 3), ufunc(expected, expected))
    none = bench.extents(2, 3, 0)
    for fn, identity in (("sum", 0), ("max", -np.inf), ("min", np.inf), ("mul", 1)):
        bench.run(Reduce(fn, none, kept, a, 0b1010))
        np.testing.assert_array_equal(bench.read(dst, 3), [identity] * 3)

    for fn in ("sum", "max"):
        within = bench.place(A)
        start = bench.device.registers[within.base] + 4
        bench.run(Reduce(fn, extents, bench.operand(E.F32, start, (4, 0)), within, 0b1010))
        got = bench.read(bench.operand(E.F32, start, (4,)), 3)
        np.testing.assert_array_equal(got, {"sum": np.add, "max": np.maximum}[fn].reduce(A, (0, 2)))


def scan(bench: Bench) -> None:
    a, carry = bench.place(np.array([[1, 2, 3], [4, 5, 6]])), bench.place(np.array([10, 20]))
    column = Operand(E.I64, carry.base, (0, 0, carry.strides[3], 0))
    dst, extents = bench.empty((2, 3), E.I64), bench.extents(2, 3)
    bench.run(Scan(extents, dst, a, column))
    np.testing.assert_array_equal(bench.read(dst, 2, 3), [[11, 13, 16], [24, 29, 35]])
    np.testing.assert_array_equal(bench.read(carry, 2), [16, 35])
    bench.run(Scan(extents, dst, a, column, exclusive=True))
    np.testing.assert_array_equal(bench.read(dst, 2, 3), [[16, 17, 19], [35, 39, 44]])
    np.testing.assert_array_equal(bench.read(carry, 2), [22, 50])


def topk(bench: Bench) -> None:
    a = bench.place(np.array([2, np.nan, 5, 2, -1, 5], np.float32))
    extents = bench.extents(6)
    for count, largest, order in (
        (1, 1, [1]), (4, 1, [1, 2, 5, 0]), (4, 0, [4, 0, 3, 2]), (0, 1, [])
    ):  # fmt: skip
        values, places = bench.empty((count,), E.F32), bench.empty((count,), E.I64)
        k, flag = bench.register(count), bench.register(largest)
        bench.run(TopK(extents, values, places, a, k, flag))
        np.testing.assert_array_equal(bench.read(places, count), order)
        expected = np.array([2, np.nan, 5, 2, -1, 5], np.float32)[order]
        np.testing.assert_array_equal(bench.read(values, count), expected)
    row = np.random.default_rng(0).integers(-9, 9, 300).astype(np.float32)
    row[[7, 90]] = np.nan
    a = bench.place(row)
    for count in (2, 5, 30):
        values, places = bench.empty((count,), E.F32), bench.empty((count,), E.I64)
        bench.run(
            TopK(bench.extents(300), values, places, a, bench.register(count), bench.register(1))
        )
        ranked = sorted(range(300), key=lambda i: (not np.isnan(row[i]), -row[i], i))
        np.testing.assert_array_equal(bench.read(places, count), ranked[:count])
