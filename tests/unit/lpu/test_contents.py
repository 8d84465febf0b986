"""What is known of the contents of values when compiling."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.test import TestOp

from dialects.affine import Affine
from dialects.lpu.contents import constant_ints
from dialects.lpu.weights import Concat, FileRange, Stack, inline
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

P = Affine.symbol("P")


@pytest.fixture
def build() -> Build:
    op = TestOp()
    ModuleOp([op])
    return Build(op)


def test_integers_of_constants_fills_and_iotas(build: Build):
    assert constant_ints(build.array(np.array([[3, -1]]))) == [3, -1]
    assert constant_ints(build.fill(7, (2,), ElementType.I32)) == [7, 7]
    assert constant_ints(build.iota(5, (2,), (3,))) == [5, 7, 9]
    assert constant_ints(build.iota(5, (), ())) == [5]
    one, two = inline(np.array([1, 2])), inline(np.array([3, 4]))
    assert constant_ints(build.constant(Stack((one, two)))) == [1, 2, 3, 4]
    assert constant_ints(build.constant(Concat((two, one), 0))) == [3, 4, 1, 2]


def test_contents_that_are_not_known(build: Build):
    assert constant_ints(build.array(np.array([1.0], np.float32))) is None
    assert constant_ints(build.iota(P, (), ())) is None
    assert constant_ints(build.fill(1, (P,), ElementType.I64)) is None
    assert constant_ints(build.fill(1, (1 << 20,), ElementType.I64)) is None
    assert constant_ints(build.constant(FileRange("w", 0, (2,), ElementType.I64))) is None
    file = FileRange("w", 0, (2,), ElementType.I64)
    assert constant_ints(build.constant(Stack((inline(np.array([1, 2])), file)))) is None
    assert constant_ints(build.map("neg", build.iota(5, (), ()))) is None
