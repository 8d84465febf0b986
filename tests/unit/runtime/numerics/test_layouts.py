"""The bits of a result depend on its operands alone: not on strides, places, lengths or overlaps.

numpy has several kernels for one function and chooses by layout. Two paths of a machine that meet
different layouts agree only if all kernels that are reached do.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from runtime.numerics.elements import (
    FUNCTIONS1,
    FUNCTIONS2,
    TYPES,
    ElementType,
    binary,
    convert,
    unary,
)
from tests.unit.runtime.numerics.samples import edges, nans, random, specials

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]
COUNT = 720
SHAPE = (3, 2, 24, 5)


def _samples(element: ElementType, seed: int) -> Array:
    """Random elements with edges among them, for floats zeros and NaN too."""
    values = random(element, COUNT, seed)
    some = [edges(element)]
    if element.is_float:
        some += [specials(element), nans(element)]
    few = np.random.default_rng(seed).choice(np.concatenate(some), COUNT // 3)
    values[: few.size] = few
    return np.random.default_rng(seed).permutation(values)


def _layouts(values: Array) -> list[Array]:
    """Arrays that hold the same elements, the first dense."""
    blank = np.zeros((4, *SHAPE), values.dtype)
    gaps, far = np.repeat(values, 2)[::2], np.repeat(values.reshape(SHAPE), 33, 3)[..., ::33]
    turned = np.ascontiguousarray(values.reshape(SHAPE).transpose(3, 1, 0, 2))
    odd = np.zeros(COUNT + 1, values.dtype)[1:]
    odd[:] = values
    blank[2, :, :, ::-1] = values.reshape(SHAPE)
    backwards = np.ascontiguousarray(values[::-1])[::-1]
    return [
        values.copy(), gaps, far, turned.transpose(2, 1, 3, 0), odd, blank[2, :, :, ::-1],
        backwards,
    ]  # fmt: skip


def _bits(values: Array) -> Array:
    """The bytes of elements, with one NaN for all."""
    held = np.array(values).reshape(COUNT)
    held[np.not_equal(held, held)] = 0 if held.dtype.kind in "iub" else np.nan
    return held.view(np.uint8).reshape(COUNT, -1)


def _differences(kernel: Any, dst: np.dtype[Any], operands: list[list[Array]]) -> list[Any]:
    """Layouts of result and operands that give other bytes than dense ones."""
    dense = np.empty(COUNT, dst)
    kernel(dense, *[layouts[0] for layouts in operands])
    found: list[Any] = []
    for place, result in enumerate(_layouts(np.zeros(COUNT, dst))):
        for turn in range(len(operands[0])):
            picked = [o[(turn * (k + 1)) % len(o)] for k, o in enumerate(operands)]
            shape = SHAPE if any(a.ndim > 1 for a in (result, *picked)) else (COUNT,)
            kernel(result.reshape(shape), *[a.reshape(shape) for a in picked])
            if not np.array_equal(_bits(result), _bits(dense)):
                found.append((place, turn))
    return found


def _cases(functions: dict[str, Any]) -> list[Any]:
    """Elements, and the functions that take them: each test is of all functions of an element."""
    taken = {t: [n for n, f in functions.items() if f.accepts(t)] for t in TYPES}
    return [pytest.param(t, names, id=t.name) for t, names in taken.items() if names]


Operands = tuple[Array, Array]


@cache
def _operands(element: ElementType, is_without_zeros: bool = False) -> Operands:
    a, b = _samples(element, 1), _samples(element, 2)
    if is_without_zeros:
        a[a == 0] = b[b == 0] = 1
    return a, b


def _cases2(element: ElementType, names: list[str]) -> Iterator[tuple[str, Any, Operands, Array]]:
    """Of each function its kernel, operands and a result of the type that it gives."""
    for name in names:
        dst = E.BOOL if FUNCTIONS2[name].gives_bool else element
        divides = not element.is_float and name in ("div", "mod", "fmod", "pow")
        kernel, operands = binary(name, dst, element, element), _operands(element, divides)
        yield name, kernel, operands, np.empty(COUNT, dst.dtype)


@pytest.mark.parametrize(("element", "names"), _cases(FUNCTIONS1))
def test_one_operand(element: ElementType, names: list[str]) -> None:
    layouts = _layouts(_operands(element)[0])
    for name in names:
        dst = E.BOOL if FUNCTIONS1[name].gives_bool else element
        with np.errstate(all="ignore"):
            assert not _differences(unary(name, dst, element), dst.dtype, [layouts]), name


@pytest.mark.parametrize(("element", "names"), _cases(FUNCTIONS2))
def test_two_operands(element: ElementType, names: list[str]) -> None:
    for name, kernel, operands, dense in _cases2(element, names):
        with np.errstate(all="ignore"):
            assert not _differences(kernel, dense.dtype, [_layouts(o) for o in operands]), name


@pytest.mark.parametrize(("element", "names"), _cases(FUNCTIONS2))
def test_one_element_at_a_time(element: ElementType, names: list[str]) -> None:
    for name, kernel, (a, b), together in _cases2(element, names):
        apart = together.copy()
        with np.errstate(all="ignore"):
            kernel(together, a, b)
            for at in range(COUNT):
                kernel(apart[at : at + 1], a[at : at + 1], b[at : at + 1])
        np.testing.assert_array_equal(_bits(apart), _bits(together), name)


@pytest.mark.parametrize(("element", "names"), _cases(FUNCTIONS2))
def test_one_operand_that_all_share(element: ElementType, names: list[str]) -> None:
    for name, kernel, (a, b), dense in _cases2(element, names):
        shared = dense.copy()
        for value in b[:12]:
            full = np.full(COUNT, value, b.dtype)
            for x, y in ((a, full), (full, a)):
                spread = [np.broadcast_to(v[:1], COUNT) if v is full else v for v in (x, y)]
                with np.errstate(all="ignore"):
                    kernel(dense, x, y)
                    kernel(shared, *spread)
                np.testing.assert_array_equal(_bits(shared), _bits(dense), name)


@pytest.mark.parametrize(("element", "names"), _cases(FUNCTIONS2))
def test_in_place(element: ElementType, names: list[str]) -> None:
    own = [name for name in names if not FUNCTIONS2[name].gives_bool]
    for name, kernel, (a, b), dense in _cases2(element, own):
        first, second = a.copy(), b.copy()
        with np.errstate(all="ignore"):
            kernel(dense, a, b)
            kernel(first, first, b)
            kernel(second, a, second)
        np.testing.assert_array_equal(_bits(first), _bits(dense), name)
        np.testing.assert_array_equal(_bits(second), _bits(dense), name)


@pytest.mark.parametrize("dst", TYPES)
@pytest.mark.parametrize("source", TYPES)
def test_cast(source: ElementType, dst: ElementType) -> None:
    def kernel(out: Array, x: Array) -> None:
        out[...] = convert(x, dst)

    with np.errstate(all="ignore"):
        assert not _differences(kernel, dst.dtype, [_layouts(_operands(source)[0])])
