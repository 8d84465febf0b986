"""Where the result of an operation may be cut, its parts are made of parts of the operands."""

import numpy as np
import pytest
from xdsl.ir import Operation
from xdsl.parser import Parser

from dialects.affine import Affine
from dialects.lpu import Lpu
from dialects.lpu.elementwise import ConstantOp, IotaOp
from dialects.lpu.semantics import Scope, evaluate
from dialects.lpu.tensors import LpuOp, tensor_of
from lpuc.compiler.pipeline import make_context
from passes.lpu_esl.factors.links import FREE, RULES, groups, links_of

Case = tuple[list[list[int]], str, list[int]]

CASES: dict[str, Case] = {
    "map": ([[2, 4], [4]], 'lpu.map "add" %a, %b : {a}, {b} -> {y}', [2, 4]),
    "matmul": ([[3, 2, 4], [4, 6]], "lpu.matmul %a, %b : {a}, {b} -> {y}", [3, 2, 6]),
    "transpose": ([[2, 4]], "lpu.transpose %a <[1, 0]> : {a} -> {y}", [4, 2]),
    "softmax": ([[4, 6]], 'lpu.softmax %a empty "nan" : {a} -> {y}', [4, 6]),
    "reduce": ([[4, 6, 2]], 'lpu.reduce "sum" %a over <[1]> : {a} -> {y}', [4, 1, 2]),
    "scan": ([[4, 6]], "lpu.scan %a axis 1 exclusive 0 : {a} -> {y}", [4, 6]),
    "norm": (
        [[4, 6], [6]],
        'lpu.norm "rms" %a weight %b : {b} epsilon 1.0e-5 : {a} -> {y}',
        [4, 6],
    ),
    "rotary": (
        [[2, 4, 6], [1, 4, 6], [1, 4, 6]],
        "lpu.rotary %a, %b, %c : {a}, {b}, {c} -> {y}",
        [2, 4, 6],
    ),
    "slice": ([[4, 6]], "lpu.slice %a at <[0, 1]> step <[1, 1]> : {a} -> {y}", [4, 2]),
    "first part": ([[4, 6]], "lpu.slice %a at <[0, 0]> step <[1, 1]> : {a} -> {y}", [4, 2]),
    "concat": ([[4, 6], [4, 2]], "lpu.concat %a, %b axis 1 : {a}, {b} -> {y}", [4, 8]),
    "broadcast": ([[4, 1]], "lpu.broadcast %a : {a} -> {y}", [2, 4, 6]),
    "attention": (
        [[2, 8, 3, 4], [2, 4, 5, 4], [2, 4, 5, 6]],
        'lpu.attention %a, %b, %c scale 1.0 softcap 0.0 empty "nan" : {a}, {b}, {c} -> {y}',
        [2, 8, 3, 6],
    ),
}


def operation(case: Case) -> LpuOp:
    shapes, text, result = case
    kinds = {name: f"!lpu.tensor<{shape}, f32>" for name, shape in zip("abc", shapes, strict=False)}
    arguments = ", ".join(f"%{name} : {kind}" for name, kind in kinds.items())
    body = "%y = " + text.format(**kinds, y=f"!lpu.tensor<{result}, f32>")
    source = f"func.func @f({arguments}) {{\n{body}\nfunc.return\n}}"
    module = Parser(make_context(), source).parse_module()
    return next(op for op in module.walk() if isinstance(op, LpuOp))


def compute(op: LpuOp, arrays: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The operation on other extents than it says."""
    scope = Scope({}, None)  # pyright: ignore[reportArgumentType]
    op.results[0]._type = type(op.results[0].type)(  # pyright: ignore
        tensor_of(op.results[0]).with_dims(shape)
    )
    return evaluate(op, arrays, scope)[0]


@pytest.mark.parametrize("name", CASES)
def test_parts_of_operands_give_parts_of_the_result(name: str) -> None:
    """For each axis of the result that is linked: the second half of it, from halves."""
    rng = np.random.default_rng(0)
    op = operation(CASES[name])
    shapes = [tensor_of(value).static_shape() for value in op.operands]
    result = tensor_of(op.results[0]).static_shape()
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    whole = compute(op, arrays, result)
    links = links_of(op)
    assert links
    for axis in sorted({axis for link in links for axis in link.result_axes}):
        half = result[axis] // 2
        if half == 0 or result[axis] % 2:
            continue
        halves = list(arrays)
        for link in links:
            if link.result_axes == (axis,) and link.operand != FREE:
                (inner,) = link.axes
                size = halves[link.operand].shape[inner]
                halves[link.operand] = np.take(
                    halves[link.operand], range(size // 2, size), axis=inner
                )
        dims = tuple(half if i == axis else extent for i, extent in enumerate(result))
        part = compute(op, halves, dims)
        expected = np.take(whole, range(half, result[axis]), axis=axis)
        np.testing.assert_allclose(part, expected, rtol=1e-6, atol=1e-6)


def test_a_reshape_links_runs_that_hold_equally_many() -> None:
    affine = [Affine.of(extent) for extent in (2, 6, 1, 4)]
    target = [Affine.of(extent) for extent in (12, 2, 1, 2)]
    assert list(groups(affine, target)) == [((0, 1), (0,)), ((3,), (1, 3))]


def test_nothing_is_linked_behind_extents_that_merge_with_symbols() -> None:
    symbol = Affine.symbol("P")
    left = [Affine(3), symbol, Affine(4)]
    assert list(groups(left, [symbol * 3, Affine(4)])) == []


def test_operations_that_nothing_is_known_of_have_no_links() -> None:
    module = Parser(make_context(), "func.func @f() {\nfunc.return\n}").parse_module()
    found: list[Operation] = list(module.walk())
    assert all(links_of(op) == [] for op in found)


WITHOUT = {ConstantOp, IotaOp}
"""What reads nothing: weights are there in any form, counts are made whole and cut."""


def test_each_tensor_operation_has_links_or_reads_nothing() -> None:
    """One that is forgotten would be right and computed whole by every device."""
    tensor_operations = {op for op in Lpu.operations if issubclass(op, LpuOp)}
    assert tensor_operations - RULES.keys() == WITHOUT
