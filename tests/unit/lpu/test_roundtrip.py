"""What is printed is parsed as the same, bit by bit."""

from __future__ import annotations

from io import StringIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.test import TestOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.printer import Printer

from dialects.affine import Affine
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.weights import (
    Cast,
    Concat,
    FileRange,
    Inline,
    Reshape,
    Stack,
    Transpose,
    Weight,
    WeightAttr,
)
from lpuc.compiler.pipeline import make_context
from passes.rewriting.build import Build
from runtime.numerics.elements import TYPES, ElementType

ELEMENTS = st.sampled_from(TYPES)
PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
SYMBOLS = st.sampled_from(["P", "S", "i0", "d_1"])
AFFINE = st.builds(
    lambda const, terms: sum((Affine.symbol(n, c) for n, c in terms), Affine(const)),
    st.integers(-(2**40), 2**40),
    st.lists(st.tuples(SYMBOLS, st.integers(-9, 9)), max_size=3),
)


@st.composite
def bits(draw: st.DrawFn) -> Inline:
    """Any bytes as elements: all NaN, infinities and zeros of either sign are among them."""
    element = draw(ELEMENTS)
    count = draw(st.integers(0, 5))
    size = count * element.itemsize
    return Inline(draw(st.binary(min_size=size, max_size=size)), (count,), element)


def files() -> st.SearchStrategy[Weight]:
    return st.builds(
        lambda path, offset, element: FileRange(path, offset, (2, 3), element),
        PATHS,
        st.integers(0, 2**50),
        ELEMENTS,
    )


def expressions() -> st.SearchStrategy[Weight]:
    return st.recursive(
        files(),
        lambda inner: st.one_of(
            st.builds(lambda w: Reshape(w, (3, 2)), inner),
            st.builds(lambda w: Transpose(w, (1, 0)), inner),
            st.builds(Cast, inner, ELEMENTS),
            st.builds(lambda w: Stack((w, w)), inner),
            st.builds(lambda w: Concat((w, w), 1), inner),
        ),
        max_leaves=3,
    )


def reparsed(module: ModuleOp) -> ModuleOp:
    stream = StringIO()
    Printer(stream).print_op(module)
    return Parser(make_context(), stream.getvalue()).parse_module()


def anchor() -> tuple[ModuleOp, Operation]:
    op = TestOp()
    return ModuleOp([op]), op


@given(st.one_of(bits(), expressions()))
def test_weights(weight: Weight):
    module, op = anchor()
    Build(op).constant(weight)
    (first, _) = reparsed(module).body.block.ops
    assert isinstance(first, ConstantOp)
    assert first.value == WeightAttr(weight)


EXTENT = AFFINE.filter(lambda extent: not extent.is_const or extent.const >= 0)


@given(st.floats(width=32), st.lists(EXTENT, max_size=3))
def test_fills(value: float, dims: list[Affine]):
    module, op = anchor()
    Build(op).fill(value, dims, ElementType.F32)
    assert reparsed(module).is_structurally_equivalent(module)


@given(AFFINE, st.lists(AFFINE, max_size=3))
def test_iotas(base: Affine, coefficients: list[Affine]):
    module, op = anchor()
    Build(op).iota(base, coefficients, [4] * len(coefficients))
    assert reparsed(module).is_structurally_equivalent(module)


def test_special_values():
    module, op = anchor()
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], np.float32)
    Build(op).array(special)
    (first, _) = reparsed(module).body.block.ops
    assert isinstance(first, ConstantOp)
    weight = first.value.data
    assert isinstance(weight, Inline)
    assert weight.data == special.tobytes()
