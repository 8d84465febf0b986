"""Kernels against exact arithmetic, and one order of additions whatever is beside a result."""

import ctypes
import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.native.library import Kernel
from runtime.native.operands import DOT, OUTER
from runtime.native.trial import multiply
from runtime.numerics.elements import ElementType
from tests.unit.runtime.native import judging
from tests.unit.runtime.native.judging import KINDS, Case
from tests.unit.runtime.native.kernels import KERNELS, needs_library

E = ElementType
FLOATS = (E.F32, E.F16, E.BF16)
pytestmark = needs_library
few = st.integers(0, 2)
some = st.one_of(few, st.just(150))
"""Elements between columns; so many that they are asked for ahead."""
cases = st.builds(
    Case,
    batch=st.integers(1, 2), rows=st.integers(1, 9),
    depth=st.one_of(st.integers(0, 40), st.sampled_from([255, 256, 257, 519, 1030])),
    columns=st.one_of(st.integers(1, 9), st.integers(45, 51)),
    form=st.sampled_from([DOT, OUTER]), element=st.sampled_from(FLOATS),
    x_element=st.sampled_from(FLOATS), gaps=st.tuples(few, some, few), backwards=st.booleans(),
    apart=st.booleans(),
    kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@given(case=cases)
@settings(max_examples=75)
def test_products_are_within_the_bound(kernel: Kernel, case: Case) -> None:
    assert not judging.wrong(kernel, case)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@given(case=cases)
@settings(max_examples=60)
def test_bits_depend_on_a_row_and_a_column_alone(kernel: Kernel, case: Case) -> None:
    assert not judging.depends(kernel, case)


@given(case=cases)
@settings(max_examples=60)
def test_vectors_of_any_length_give_the_same_bits(case: Case) -> None:
    """A machine with AVX-512 has the numbers of one without."""
    wide = [kernel for kernel in KERNELS if kernel.name.startswith("avx")]
    found = [judging.product(kernel, judging.operands(case)) for kernel in wide]
    assert all(judging.same_bits(found[0], other) for other in found[1:])


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@given(case=cases)
@settings(max_examples=40)
def test_results_are_rounded_once_to_their_type(kernel: Kernel, case: Case) -> None:
    """As `convert` does; where they are added to what was there, in f32."""
    assert not judging.rounds_badly(kernel, case)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_sixteen_bits_are_converted_as_numpy_does(kernel: Kernel) -> None:
    assert not judging.every_half(kernel)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_many_rows_and_columns_on_threads(kernel: Kernel) -> None:
    """More pieces than threads, rows of several blocks, columns beyond one of the outer form."""
    assert not judging.misses_pieces(kernel)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("form", [DOT, OUTER])
@pytest.mark.parametrize(("rows", "depth", "columns"), [(1, 37, 13), (5, 37, 13), (1, 1, 1)])
def test_nothing_behind_a_panel_is_read(
    kernel: Kernel, element: ElementType, form: int, rows: int, depth: int, columns: int
) -> None:
    """The panel ends where memory does: behind it lies a page that nobody may read."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), page, 0) == 0
    at = page - depth * columns * element.itemsize
    flat = np.frombuffer(memory, element.dtype, depth * columns, at)
    flat[...] = 1
    panel = flat.reshape(1, columns, depth).swapaxes(1, 2)
    panel = panel if form == DOT else flat.reshape(1, depth, columns)
    out = np.zeros((1, rows, columns), np.float32)
    multiply(kernel, np.ones((1, rows, depth), np.float32), panel, out)
    np.testing.assert_array_equal(out, depth)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
@pytest.mark.parametrize("rows", [1, 3])
def test_results_may_lie_where_rows_do(kernel: Kernel, rows: int) -> None:
    panel = np.eye(20, dtype=np.float32)[None, ::-1].swapaxes(1, 2)
    x = np.arange(rows * 20, dtype=np.float32).reshape(1, rows, 20)
    expected = x[:, :, ::-1].copy()
    multiply(kernel, x, panel, x)
    np.testing.assert_array_equal(x, expected)
