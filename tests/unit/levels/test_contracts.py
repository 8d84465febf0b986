"""Local bounds hold of what is rounded, and are narrow: against sums in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, StringAttr, f32, i64
from xdsl.ir import Attribute, Operation

from dialects.lpu.attributes import IntsAttr
from dialects.lpu.elementwise import MapOp
from dialects.lpu.movement import ReshapeOp
from dialects.lpu.products import MatmulOp, ReduceOp
from dialects.onnx.ops import op_class
from lpuc.levels.contracts import Coarser, local_bound, roundoff
from runtime.numerics.elements import ElementType

K = 768
U = 2.0**-24


def _op(cls: type[Operation], **properties: Attribute) -> Operation:
    """An operation without operands, for its class and properties."""
    return cls.create(properties=properties)


def _operands(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    left, right = random.standard_normal((1, K)), random.standard_normal((K, 3))
    return left.astype(np.float32), right.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_a_product_in_any_order_is_within_its_bound(seed: int):
    left, right = _operands(seed)
    order = np.random.default_rng(seed).permutation(K)
    got = np.zeros((1, 3), np.float32)
    for k in order:
        got += left[:, k : k + 1] * right[k : k + 1]
    bound = local_bound(_op(MatmulOp), (left, right), got)
    for column in range(3):
        terms = zip(left[0], right[:, column], strict=True)
        exact = sum(Fraction(float(x)) * Fraction(float(w)) for x, w in terms)
        assert abs(Fraction(float(got[0, column])) - exact) <= Fraction(float(bound[0, column]))


def test_it_is_far_below_what_holds_for_certain():
    left, right = _operands(0)
    bound = local_bound(_op(MatmulOp), (left, right), left @ right)
    certain = K * U * (np.abs(left) @ np.abs(right))
    assert (bound < certain / 15).all()


def test_a_sum_has_the_bound_of_a_product_with_ones():
    left, _ = _operands(1)
    op = _op(ReduceOp, fn=StringAttr("sum"), axes=IntsAttr((1,)))
    total = left.sum(1, keepdims=True)
    bound = local_bound(op, (left,), total)
    ones = np.ones((K, 1), np.float32)
    np.testing.assert_allclose(bound, local_bound(_op(MatmulOp), (left, ones), total))


def test_a_maximum_rounds_no_more_than_its_result():
    left, _ = _operands(1)
    op = _op(ReduceOp, fn=StringAttr("max"), axes=IntsAttr((1,)))
    top = left.max(1, keepdims=True)
    assert local_bound(op, (left,), top) == U * top


def test_what_moves_data_is_exact_unless_it_is_stored_shorter():
    x = np.ones((2, 2), np.float32)
    assert not local_bound(_op(ReshapeOp), (x,), x).any()
    assert not local_bound(_op(ReshapeOp), (x,), x, Coarser(U)).any()
    assert (local_bound(_op(ReshapeOp), (x,), x, Coarser(stored=2.0**-11)) == 2.0**-11).all()


def test_a_number_too_small_for_f16_is_off_by_half_the_smallest():
    tiny = np.full(1, 3e-6, np.float32)
    bound = local_bound(_op(ReshapeOp), (tiny,), tiny, Coarser(stored=2.0**-11))
    assert np.abs(tiny.astype(np.float16).astype(np.float32) - tiny) <= bound
    assert bound == 2.0**-25


def test_sums_are_kept_in_f32_unless_their_terms_are_coarse():
    left, right = _operands(2)
    short = (left @ right).astype(np.float16)
    own = local_bound(_op(MatmulOp), (left, right), short)
    assert (own < 1.1 * 2.0**-11 * np.abs(short.astype(np.float64))).all()
    assert (local_bound(_op(MatmulOp), (left, right), short, Coarser(2.0**-11)) > 10 * own).all()


def test_integers_are_exact_and_short_floats_coarse():
    op = _op(MapOp, fn=StringAttr("add"))
    x = np.full(3, 7, np.int64)
    assert not local_bound(op, (x, x), x).any()
    half = np.full(3, 7, np.float16)
    assert (local_bound(op, (half, half), half) >= 7 * 2.0**-11).all()
    assert roundoff(np.zeros(1, ElementType.BF16.dtype)) == 2.0**-8


@pytest.mark.parametrize("turned", [0, 1])
def test_a_gemm_has_the_bound_of_its_product_and_of_what_is_added(turned: int):
    left, right = _operands(2)
    added = np.full((3,), 100.0, np.float32)
    properties = {
        "transB": IntegerAttr(turned, i64),
        "alpha": FloatAttr(2.0, f32),
        "since_version": IntegerAttr(13, i64),
    }
    kind = op_class("", "Gemm")
    assert kind is not None
    op = kind.create(properties=properties)
    got = 2 * (left @ right) + added
    bound = local_bound(op, (left, right.T if turned else right, added), got)
    product = local_bound(_op(MatmulOp), (left, right), left @ right)
    assert (2 * product < bound).all()
    assert (bound < 2 * product + 3 * U * np.abs(got) + U * 100).all()
