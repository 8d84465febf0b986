"""What operations state of themselves, against what they do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from dialects.lpu import Lpu
from dialects.lpu.facts import BY_FUNCTION, NONE, Facts, Form, Zeros, facts_of, zeros_of
from dialects.lpu.movement import ReshapeOp
from dialects.lpu.semantics import SEMANTICS, Scope, evaluate
from dialects.lpu.tensors import LpuOp, UnaryOp
from dialects.lpu.weights import inline, read
from lpuc.compiler.pipeline import make_context
from passes.analysis.lines import RULES
from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2

Array = np.ndarray[Any, np.dtype[Any]]
OPERATIONS = [cls for cls in Lpu.operations if issubclass(cls, LpuOp)]

SAMPLES = """
lpu.constant <inline("0000803f00000040", [2], f32)> : !lpu.tensor<[2], f32>
lpu.fill "0000803f" : !lpu.tensor<[2], f32>
lpu.iota <[3, 2]> : !lpu.tensor<[2], i64>
lpu.map "mul" %m, %r : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[4], f32> -> !lpu.tensor<[2, 4], f32>
lpu.map "abs" %m : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
lpu.select %k, %m, %r
    : !lpu.tensor<[4], bool>, !lpu.tensor<[2, 4], f32>, !lpu.tensor<[4], f32>
      -> !lpu.tensor<[2, 4], f32>
lpu.cast %m : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f16>
lpu.reduce "sum" %m over <[1]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 1], f32>
lpu.reduce "max" %m over <[1]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 1], f32>
lpu.scan %m axis 1 exclusive 0 : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
lpu.matmul %m, %w : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[4, 3], f32> -> !lpu.tensor<[2, 3], f32>
lpu.reshape %m : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[8], f32>
lpu.transpose %m <[1, 0]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[4, 2], f32>
lpu.broadcast %r : !lpu.tensor<[4], f32> -> !lpu.tensor<[2, 4], f32>
lpu.slice %m at <[0, 1]> step <[1, 2]> : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 2], f32>
lpu.concat %m, %m axis 0
    : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[4, 4], f32>
lpu.gather %m, %i axis 0
    : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[3], i64> -> !lpu.tensor<[3, 4], f32>
lpu.scatter "add" %m, %j, %u
    : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[1], i64>, !lpu.tensor<[1, 4], f32>
      -> !lpu.tensor<[2, 4], f32>
lpu.softmax %m empty "nan" : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
lpu.norm "rms" %m weight %r : !lpu.tensor<[4], f32> epsilon 1.000000e-05
    : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
lpu.rotary %m, %c, %c
    : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], f32>
      -> !lpu.tensor<[2, 4], f32>
lpu.attention %q, %q, %q scale 1.000000e+00 softcap 0.000000e+00 empty "nan"
    : !lpu.tensor<[1, 1, 2, 2], f32>, !lpu.tensor<[1, 1, 2, 2], f32>, !lpu.tensor<[1, 1, 2, 2], f32>
      -> !lpu.tensor<[1, 1, 2, 2], f32>
""".strip().replace("\n    ", " ")
TOPK = "%y, %z = lpu.topk %m largest 1"
TOPK += " : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 2], f32>, !lpu.tensor<[2, 2], i64>"
ARGUMENTS = {
    "m": ("[2, 4], f32", [[0.0, 1.5, -2.0, 3.0], [0.0, 0.0, 5.0, -7.0]]),
    "r": ("[4], f32", [0.0, 11.0, -13.0, 17.0]),
    "w": ("[4, 3], f32", [[0.0, 2.0, 3.0], [5.0, 0.0, -1.0], [1.0, 1.0, 0.0], [4.0, 2.0, 2.0]]),
    "c": ("[2, 2], f32", [[0.0, 1.0], [0.5, 0.25]]),
    "q": ("[1, 1, 2, 2], f32", [[[[0.0, 1.0], [2.0, 0.0]]]]),
    "u": ("[1, 4], f32", [[0.0, 1.0, 2.0, 3.0]]),
    "k": ("[4], bool", [True, False, True, False]),
    "i": ("[3], i64", [1, 0, 1]),
    "j": ("[1], i64", [1]),
}  # fmt: skip
KINDS = {"f32": np.float32, "bool": np.bool_, "i64": np.int64}
SCOPE = Scope({}, Path())


def parsed(line: str) -> LpuOp:
    arguments = ", ".join(f"%{n} : !lpu.tensor<{t}>" for n, (t, _) in ARGUMENTS.items())
    text = f"func.func @f({arguments}) {{\n{line}\nfunc.return\n}}"
    module = Parser(make_context(), text).parse_module()
    assert isinstance(module, ModuleOp)
    module.verify()
    (op,) = [op for op in module.walk() if isinstance(op, LpuOp)]
    return op


CASES = [parsed(f"%y = {line}") for line in SAMPLES.split("\n")] + [parsed(TOPK)]
every = pytest.mark.parametrize("op", CASES, ids=lambda op: op.name)


def inputs(op: LpuOp) -> list[Array]:
    kinds = list(ARGUMENTS.values())
    given = [kinds[value.index] for value in op.operands]  # pyright: ignore
    return [np.array(data, KINDS[kind.split(", ")[-1]]) for kind, data in given]


def run(op: LpuOp, arrays: Sequence[Array]) -> list[Array]:
    return list(evaluate(op, arrays, SCOPE))


def elements(arrays: Sequence[Array]) -> set[bytes]:
    return {element.tobytes() for array in arrays for element in array.ravel()}


def with_sign(array: Array, sign: float) -> Array:
    """The same elements, zeros with this sign."""
    if array.dtype != np.float32:
        return array
    return np.where(array == 0, np.float32(sign), array)


def compare(zeros: Zeros, plus: Array, minus: Array) -> None:
    """Two results of which one was made from zeros of the other sign."""
    if zeros is not Zeros.SEEN:
        np.testing.assert_array_equal(plus, minus)
    if zeros is Zeros.LOST:
        np.testing.assert_array_equal(np.signbit(plus), np.signbit(minus))


def test_every_operation_has_a_case():
    assert {type(op) for op in CASES} == set(OPERATIONS)


def test_operation_without_facts_is_refused_by_name():
    with pytest.raises(AssertionError, match=r"^test\.silent does not state: form, .*, trunk$"):

        class SilentOp(UnaryOp):  # pyright: ignore[reportUnusedClass]
            name = "test.silent"


@pytest.mark.parametrize("fact", ["lines", "weight", "trunk"])
def test_operation_that_leaves_a_fact_out_is_refused_by_name(fact: str):
    stated: dict[str, Any] = {"lines": True, "weight": None, "trunk": None}
    del stated[fact]
    with pytest.raises(AssertionError, match=rf"^test\.partial does not state: {fact}$"):

        class PartialOp(UnaryOp):  # pyright: ignore[reportUnusedClass]
            name = "test.partial"
            FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.SEEN, **stated)


def test_operation_does_not_inherit_facts():
    with pytest.raises(AssertionError, match=r"^test\.heir does not state: form"):

        class HeirOp(ReshapeOp):  # pyright: ignore[reportUnusedClass]
            name = "test.heir"


@every
def test_what_moves_gives_elements_of_what_it_carries(op: LpuOp):
    arrays = inputs(op)
    carried = arrays[op.FACTS.carries]
    if op.FACTS.moves:
        assert carried == arrays
    if carried:
        assert {array.dtype for array in carried} == {run(op, arrays)[0].dtype}
        assert elements(run(op, arrays)) <= elements(carried)


@every
def test_uniform_operands_give_a_uniform_result(op: LpuOp):
    arrays = [np.full_like(a, a.ravel()[-1]) for a in inputs(op)]
    if op.FACTS.moves:
        assert elements(run(op, arrays)) == elements(arrays[:1])
    if op.FACTS.is_uniform:
        assert len(elements(run(op, arrays))) == 1


@every
def test_an_element_decides_elements_at_its_place_alone(op: LpuOp):
    before = inputs(op)
    if op.FACTS.form is Form.ELEMENTWISE:
        after = [array.copy() for array in before]
        for array in after:
            array[..., 2] = 23
        (one,), (other,) = run(op, before), run(op, after)
        assert one.shape == (2, 4)
        differs = (one != other).any(axis=0)
        assert list(differs) == [False, False, True, False]


@every
def test_signs_of_zeros_are_seen_by_none_but_those_that_say_so(op: LpuOp):
    given = inputs(op)
    for index, array in enumerate(given):
        for source in (array, np.zeros_like(array)):
            plus, minus = (
                run(op, [*given[:index], with_sign(source, sign), *given[index + 1 :]])
                for sign in (0.0, -0.0)
            )
            for one, other in zip(plus, minus, strict=True):
                compare(zeros_of(op), one, other)


@every
def test_recipe_of_a_weight_is_what_the_operation_gives(op: LpuOp):
    rule = op.FACTS.weight
    if rule is not None:
        (array,) = inputs(op)
        recipe = rule(op, inline(array))
        assert recipe is not None
        np.testing.assert_array_equal(read(recipe, Path()), run(op, [array])[0])


@every
def test_what_reads_nothing_has_no_operands(op: LpuOp):
    assert op.FACTS.is_source == (not op.operands)


@every
def test_result_is_a_form_of_its_trunk(op: LpuOp):
    if op.FACTS.trunk is not None:
        source = op.operand_tensors()[op.FACTS.trunk]
        assert op.FACTS.moves or source.shape == op.result_tensor().shape


def test_rules_for_lines_are_those_that_operations_announce():
    assert set(RULES) == {cls for cls in OPERATIONS if cls.FACTS.lines}


def test_each_function_says_who_sees_signs_of_zeros():
    assert set(BY_FUNCTION) == {*FUNCTIONS1, *FUNCTIONS2}


@pytest.mark.parametrize(
    "fn", sorted(fn for fn in FUNCTIONS2 if fn not in ("shr", "and", "or", "xor"))
)
def test_functions_of_two_operands_see_signs_of_zeros_as_stated(fn: str):
    others = np.array([0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan], np.float32)
    result = "bool" if FUNCTIONS2[fn].gives_bool else "f32"
    op = parsed(
        f'%y = lpu.map "{fn}" %r, %r : !lpu.tensor<[4], f32>, !lpu.tensor<[4], f32>'
        f" -> !lpu.tensor<[4], {result}>"
    )
    for other in others:
        for order in (1, -1):
            plus, minus = (
                run(op, [np.full(4, x, np.float32) for x in (zero, other)[::order]])[0]
                for zero in (0.0, -0.0)
            )
            compare(BY_FUNCTION[fn], plus, minus)


@pytest.mark.parametrize("fn", sorted(fn for fn in FUNCTIONS1 if fn != "not"))
def test_functions_of_one_operand_see_signs_of_zeros_as_stated(fn: str):
    result = "bool" if FUNCTIONS1[fn].gives_bool else "f32"
    op = parsed(f'%y = lpu.map "{fn}" %r : !lpu.tensor<[4], f32> -> !lpu.tensor<[4], {result}>')
    plus, minus = (run(op, [np.full(4, zero, np.float32)])[0] for zero in (0.0, -0.0))
    compare(BY_FUNCTION[fn], plus, minus)


def test_nothing_is_known_of_other_dialects():
    (module,) = [CASES[0].get_toplevel_object()]
    assert facts_of(module).form is Form.OTHER  # pyright: ignore


def test_semantics_and_facts_cover_the_same_operations():
    assert set(SEMANTICS) == set(OPERATIONS)
