"""Each operation over data means the same as IR, after allocation, and as a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from dialects.lpu_mem.ops import DATA_OPS, LinkOp
from tests.unit.backend.harness import TARGETS, at_all_levels
from tests.unit.backend.staging import Spec, staged

F32, F16, I64 = np.float32, np.float16, np.int64
RNG = np.random.default_rng(7)


@dataclass
class Case:
    """Lines of an operation, its operands, and what its outputs should be."""

    lines: str | list[str]
    inputs: Mapping[str, np.ndarray[Any, Any]]
    expected: Mapping[str, Any]


def floats(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape).astype(F32)


X, Y, W = floats(3, 4), floats(3, 4), floats(4, 5)
XH = X.astype(F16)
B = X.astype(ml_dtypes.bfloat16)
N = np.array([[5, -7, 9, 2], [4, 4, -3, 1], [0, 2, 8, -6]], I64)
D = np.array([[2, 2, -4, 3], [1, -5, 2, 7], [9, 3, 3, 4]], I64)
TABLE = floats(6, 4)
ROWS = np.array([5, -1, 0], I64)
TIES = np.array([[1, 3, 3, 0, 3], [2, 2, 1, 1, 2]], F32)
V = "{0: [4, 1]}"
CUBE = floats(2, 3, 2, 2)

CASES = {
    "map, one operand": Case(
        f'lpu_mem.map "exp" %y, %x <[3, 4] {V} {V}>', {"x": X}, {"y": np.exp(X)}
    ),
    "map, two operands": Case(
        f'lpu_mem.map "sub" %y, %a, %b <[3, 4] {V} {V} {V}>', {"a": X, "b": Y}, {"y": X - Y}
    ),
    "map, a broadcast row and reversed columns": Case(
        f'lpu_mem.map "add" %y, %a, %b <[3, 4] {V} {{0: [0, 1]}} {{3: [4, -1]}}>',
        {"a": X, "b": Y},
        {"y": X[:1] + Y[:, ::-1]},
    ),
    "map, half precision rounds once": Case(
        f'lpu_mem.map "mul" %y, %a, %a <[3, 4] {V} {V} {V}>',
        {"a": XH},
        {"y": (XH.astype(F32) * XH.astype(F32)).astype(F16)},
    ),
    "map, bfloat16": Case(
        f'lpu_mem.map "tanh" %y, %a <[3, 4] {V} {V}>',
        {"a": B},
        {"y": np.tanh(B.astype(F32)).astype(ml_dtypes.bfloat16)},
    ),
    "map, integers divide towards zero": Case(
        f'lpu_mem.map "div" %y, %a, %b <[3, 4] {V} {V} {V}>',
        {"a": N, "b": D},
        {"y": np.trunc(N / D).astype(I64)},
    ),
    "map, comparison": Case(
        f'lpu_mem.map "lt" %y, %a, %b <[3, 4] {V} {V} {V}>', {"a": X, "b": Y}, {"y": X < Y}
    ),
    "select": Case(
        f"lpu_mem.select %y, %c, %a, %b <[3, 4] {V} {V} {V} {V}>",
        {"c": X > 0, "a": X, "b": Y},
        {"y": np.where(X > 0, X, Y)},
    ),
    "cast to an integer truncates": Case(
        f"lpu_mem.cast %y, %x <[3, 4] {V} {V}>", {"x": X * 9}, {"y": (X * 9).astype(I64)}
    ),
    "copy transposes": Case(
        "lpu_mem.copy %y, %x <[3, 4] {0: [1, 3]} {0: [4, 1]}>",
        {"x": X},
        {"y": np.ascontiguousarray(X.T)},
    ),
    "fill with minus infinity": Case(
        'lpu_mem.fill "000080ff" %y <[6] {0: [1]}>', {}, {"y": np.full(6, -np.inf, F32)}
    ),
    "fill with a bool": Case(
        'lpu_mem.fill "01" %y <[6] {0: [1]}>', {}, {"y": np.ones(6, np.bool_)}
    ),
    "fill with a negative integer": Case(
        'lpu_mem.fill "feffffffffffffff" %y <[6] {0: [1]}>', {}, {"y": np.full(6, -2, I64)}
    ),
    "iota": Case(
        "lpu_mem.iota <[7, 10, -1]> %y <[2, 3] {0: [3, 1]}>",
        {},
        {"y": np.array([[7, 6, 5], [17, 16, 15]], I64)},
    ),
    "reduce, sum over the last axis": Case(
        'lpu_mem.reduce "sum" %y, %x over <[1]> accumulate 0 <[3, 4] {0: [1, 0]} {0: [4, 1]}>',
        {"x": N},
        {"y": N.sum(1)},
    ),
    "reduce, largest over two outer axes": Case(
        'lpu_mem.reduce "max" %y, %x over <[0, 2]> accumulate 0 '
        "<[2, 3, 2, 2] {0: [0, 2, 0, 1]} {0: [12, 4, 2, 1]}>",
        {"x": CUBE},
        {"y": CUBE.max((0, 2))},
    ),
    "reduce onto what is there": Case(
        [
            'lpu_mem.fill "0500000000000000" %y <[3] {0: [1]}>',
            'lpu_mem.reduce "mul" %y, %x over <[1]> accumulate 1 <[3, 4] {0: [1, 0]} {0: [4, 1]}>',
        ],
        {"x": N},
        {"y": 5 * N.prod(1)},
    ),
    "reduce over nothing": Case(
        'lpu_mem.reduce "max" %y, %x over <[1]> accumulate 0 <[3, 0] {0: [1, 0]} {0: [4, 1]}>',
        {"x": X},
        {"y": np.full(3, -np.inf, F32)},
    ),
    "scan": Case(
        [
            'lpu_mem.fill "0a00000000000000" %c <[3] {0: [1]}>',
            "lpu_mem.scan %y, %c, %x exclusive 0 <[3, 4] {0: [4, 1]} {0: [1, 0]} {0: [4, 1]}>",
        ],
        {"x": N},
        {"y": 10 + N.cumsum(1), "c": 10 + N.sum(1)},
    ),
    "scan, exclusive": Case(
        [
            'lpu_mem.fill "0a00000000000000" %c <[3] {0: [1]}>',
            "lpu_mem.scan %y, %c, %x exclusive 1 <[3, 4] {0: [4, 1]} {0: [1, 0]} {0: [4, 1]}>",
        ],
        {"x": N},
        {"y": 10 + N.cumsum(1) - N, "c": 10 + N.sum(1)},
    ),
    "gather rows": Case(
        "lpu_mem.gather %y, %t_h, %i limit <6> row <4> "
        "<[3, 4] {0: [4, 1]} {0: [0, 1]} {0: [1, 0]}>",
        {"t": TABLE, "i": ROWS},
        {"y": TABLE[ROWS]},
    ),
    "gather columns": Case(
        "lpu_mem.gather %y, %t_h, %i limit <4> row <1> "
        "<[6, 2] {0: [2, 1]} {0: [4, 0]} {0: [0, 1]}>",
        {"t": TABLE, "i": np.array([3, -4], I64)},
        {"y": TABLE[:, [3, 0]]},
    ),
    "topk, largest, ties to the lower index": Case(
        "lpu_mem.topk %v, %i, %x k 3 largest 1 <[2, 5] {0: [3, 1]} {0: [3, 1]} {0: [5, 1]}>",
        {"x": TIES},
        {"v": np.array([[3, 3, 3], [2, 2, 2]], F32), "i": np.array([[1, 2, 4], [0, 1, 4]], I64)},
    ),
    "topk, smallest": Case(
        "lpu_mem.topk %v, %i, %x k 2 largest 0 <[2, 5] {0: [2, 1]} {0: [2, 1]} {0: [5, 1]}>",
        {"x": TIES},
        {"v": np.array([[0, 1], [1, 1]], F32), "i": np.array([[3, 0], [2, 3]], I64)},
    ),
    "vecmat": Case(
        "lpu_mem.vecmat %y, %x, %w_h accumulate 0 <[4, 5] {0: [0, 1]} {4: [1, 0]} {0: [5, 1]}>",
        {"x": X, "w": W},
        {"y": X[1] @ W},
    ),
    "vecmat onto what is there, panel transposed": Case(
        [
            "lpu_mem.copy %y, %x <[3] {0: [1]} {0: [1]}>",
            "lpu_mem.vecmat %y, %x, %w_h accumulate 1 "
            "<[1, 4, 3] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 5]}>",
        ],
        {"x": X, "w": floats(3, 5)},
        {},
    ),
    "vecmat over nothing": Case(
        "lpu_mem.vecmat %y, %x, %w_h accumulate 0 <[0, 5] {0: [0, 1]} {0: [1, 0]} {0: [5, 1]}>",
        {"x": X, "w": W},
        {"y": np.zeros(5, F32)},
    ),
    "vecmat of integers": Case(
        "lpu_mem.vecmat %y, %x, %w_h accumulate 0 <[4, 4] {0: [0, 1]} {0: [1, 0]} {0: [4, 1]}>",
        {"x": N, "w": np.ascontiguousarray(np.vstack([D, D[:1]]))},
        {"y": N[0] @ np.vstack([D, D[:1]])},
    ),
}
PANEL = CASES["vecmat onto what is there, panel transposed"]
PANEL.expected = {"y": X[0, :3] + X[0] @ PANEL.inputs["w"].T[:4]}
SCATTERS: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda old, new: new,
    "add": lambda old, new: old + new,
    "max": max,
    "min": min,
    "mul": lambda old, new: old * new,
}
NAMES: dict[np.dtype[Any], str] = {
    np.dtype(t): n for t, n in ((F32, "f32"), (F16, "f16"), (I64, "i64"), (np.bool_, "bool"))
}
NAMES[np.dtype(ml_dtypes.bfloat16)] = "bf16"


def spec(array: np.ndarray[Any, Any]) -> Spec:
    return NAMES[array.dtype], array.shape


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
def test_levels_agree(name: str, target: str):
    case = CASES[name]
    inputs = {name: spec(array) for name, array in case.inputs.items()}
    outputs = {name: spec(array) for name, array in case.expected.items()}
    for result in at_all_levels(staged(case.lines, inputs, outputs), case.inputs, target):
        for port, expected in case.expected.items():
            assert result[port].dtype == expected.dtype
            np.testing.assert_allclose(
                result[port].astype(np.float64), expected.astype(np.float64), rtol=1e-6
            )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("fn", SCATTERS)
def test_scatter_applies_points_in_order(fn: str, target: str):
    base, rows, values = N, np.array([2, 0, -1], I64), D
    lines = (
        f'lpu_mem.scatter "{fn}" %t_h, %a, %i limit <3> row <4> '
        "<[3, 4] {0: [0, 1]} {0: [4, 1]} {0: [1, 0]}>"
    )
    expected = base.copy()
    for row, line in zip(rows, values, strict=True):
        for column, value in enumerate(line):
            expected[row, column] = SCATTERS[fn](expected[row, column], value)
    arrays = {"t": base, "a": values, "i": rows}
    text = staged(lines, {n: spec(a) for n, a in arrays.items()}, {"t": spec(base)})
    for result in at_all_levels(text, arrays, target):
        np.testing.assert_array_equal(result["t"], expected)


def test_every_operation_of_one_device_has_a_case():
    text = str([case.lines for case in CASES.values()]) + "lpu_mem.scatter "
    assert {op.name for op in DATA_OPS if not issubclass(op, LinkOp)} <= {
        f"lpu_mem.{w.split()[0]}" for w in text.split("lpu_mem.")
    }
