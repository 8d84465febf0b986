"""Reshapes of views agree with numpy's."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from dialects.affine import Affine, product
from passes.analysis.reshaping import merged_strides, refine

P = Affine.symbol("P")
factor_lists = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@st.composite
def grouped(draw: st.DrawFn, factors: list[Affine]) -> tuple[Affine, ...]:
    """A shape whose axes are products of neighbouring factors, with axes of 1 strewn in."""
    cuts = [draw(st.booleans()) for _ in factors[1:]]
    groups = [[factors[0]]]
    for cut, factor in zip(cuts, factors[1:], strict=True):
        if cut:
            groups.append([factor])
        else:
            groups[-1].append(factor)
    shape = [product(group) for group in groups]
    if draw(st.booleans()):
        shape.insert(draw(st.integers(0, len(shape))), Affine(1))
    return tuple(shape)


def numbers(shape: tuple[Affine, ...], p: int) -> tuple[int, ...]:
    return tuple(d.evaluate({"P": p}) for d in shape)


def strided(base: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    return as_strided(base, shape, [s * base.itemsize for s in strides])


@given(st.data(), factor_lists)
def test_a_reshape_of_a_view(data: st.DataObject, sizes: list[int]):
    factors = [Affine(s) for s in sizes]
    source, target = data.draw(grouped(factors)), data.draw(grouped(factors))
    shape, wanted = numbers(source, 1), numbers(target, 1)
    perm = data.draw(st.permutations(range(len(shape))))
    view = np.arange(prod(shape)).reshape([shape[p] for p in perm]).transpose(np.argsort(perm))
    assert view.shape == shape
    refinement = refine(source, target)
    assert refinement is not None
    strides = tuple(Affine(s // view.itemsize) for s in view.strides)
    base = np.arange(prod(shape))
    copy = np.empty(prod(wanted), base.dtype)
    inner = numbers(refinement.extents, 1)
    dense = tuple(Affine(prod(wanted[i + 1 :])) for i in range(len(wanted)))
    reads = strided(base, inner, numbers(refinement.source_strides(strides), 1))
    strided(copy, inner, numbers(refinement.target_strides(dense), 1))[...] = reads
    np.testing.assert_array_equal(copy.reshape(wanted), view.reshape(wanted))
    merged = merged_strides(refinement, strides, target)
    if merged is not None:
        found = strided(base, wanted, numbers(merged, 1))
        np.testing.assert_array_equal(found, view.reshape(wanted))


@given(st.data(), factor_lists)
def test_a_dense_tensor_is_always_a_view(data: st.DataObject, sizes: list[int]):
    factors = [Affine(s) for s in sizes]
    source, target = data.draw(grouped(factors)), data.draw(grouped(factors))
    shape, wanted = numbers(source, 1), numbers(target, 1)
    refinement = refine(source, target)
    assert refinement is not None
    strides = tuple(Affine(prod(shape[i + 1 :])) for i in range(len(shape)))
    merged = merged_strides(refinement, strides, target)
    assert merged is not None
    base = np.arange(prod(shape))
    found = strided(base, wanted, numbers(merged, 1))
    np.testing.assert_array_equal(found, base.reshape(wanted))


@given(st.data(), factor_lists, st.integers(1, 3))
def test_a_reshape_beside_a_symbol(data: st.DataObject, sizes: list[int], p: int):
    factors = [Affine(s) for s in sizes]
    factors.insert(data.draw(st.integers(0, len(factors))), P)
    source, target = data.draw(grouped(factors)), data.draw(grouped(factors))
    refinement = refine(source, target)
    assume(refinement is not None)
    assert refinement is not None
    bound = numbers(source, 3)
    strides = tuple(Affine(prod(bound[i + 1 :])) for i in range(len(bound)))
    merged = merged_strides(refinement, strides, target)
    assume(merged is not None)
    assert merged is not None
    base = np.arange(prod(bound))
    view = strided(base, numbers(source, p), numbers(strides, p))
    wanted = numbers(target, p)
    found = strided(base, wanted, numbers(merged, p))
    np.testing.assert_array_equal(found, view.reshape(wanted))


def test_shapes_without_common_factors_do_not_split():
    assert refine((Affine(4), Affine(3)), (Affine(6), Affine(2))) is None
    assert refine((P, Affine(2)), (Affine(2), P)) is None


def test_a_transposed_view_does_not_merge():
    refinement = refine((Affine(2), Affine(3)), (Affine(6),))
    assert refinement is not None
    assert merged_strides(refinement, (Affine(1), Affine(2)), (Affine(6),)) is None


def test_rows_at_their_bound_do_not_merge():
    refinement = refine((Affine(2), P), (P * 2,))
    assert refinement is not None
    assert merged_strides(refinement, (Affine(7), Affine(1)), (P * 2,)) is None
