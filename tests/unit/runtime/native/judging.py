"""What a product of a kernel may be, from exact arithmetic.

The product of two f32 is exact in f64, and `fsum` adds exactly and rounds once.
"""

from dataclasses import dataclass
from math import fsum, inf, isfinite, isinf, isnan, nan
from typing import Any

import numpy as np

from runtime.native.library import Kernel
from runtime.native.operands import DOT, OUTER, Array
from runtime.native.trial import multiply
from runtime.numerics.elements import ElementType, convert

E = ElementType
U = 2.0**-24
TINY = 2.0**-150
"""Half the distance of subnormal f32."""
GREATEST = float(np.finfo(np.float32).max)
KINDS = ("plain", "wide", "subnormal", "infinite", "not a number")
POISON = 0xFF


@dataclass(frozen=True)
class Case:
    """Extents, how operands lie, and what is in them.

    `gaps` are elements between rows, columns and matrices; `backwards` has columns lie the other
    way round, and `apart` elements of rows and results with gaps. Gaps hold NaN.
    """

    batch: int
    rows: int
    depth: int
    columns: int
    form: int
    element: ElementType
    x_element: ElementType = E.F32
    gaps: tuple[int, int, int] = (0, 0, 0)
    backwards: bool = False
    apart: bool = False
    kind: str = "plain"
    seed: int = 0


@dataclass(frozen=True)
class Operands:
    """Views of memory that is NaN elsewhere."""

    x: Array
    panel: Array
    out: Array
    memory: Array | None = None
    """The bytes around the results."""


def lying(
    shape: tuple[int, ...], order: tuple[int, ...], element: ElementType,
    gaps: tuple[int, int, int], backwards: bool = False, apart: bool = False,
) -> tuple[Array, Array]:  # fmt: skip
    """An array without contents and the bytes that it lies in.

    Axes lie in an order, the first with the greatest stride; `gaps` are elements behind each
    axis of the order.
    """
    strides, step = [0, 0, 0], element.itemsize * (3 if apart else 1)
    for axis, gap in zip(reversed(order), reversed(gaps), strict=True):
        strides[axis] = step
        step = step * shape[axis] + gap * element.itemsize
    raw: Any = np.full(step + 64, POISON, np.uint8)
    array: Any = np.ndarray(shape, element.dtype, raw.data, element.itemsize, tuple(strides))
    return (array[:, :, ::-1] if backwards else array), raw


def contents(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    """Numbers of a kind in f32."""
    numbers = random.standard_normal(shape)
    if kind == "wide":
        numbers *= 2.0 ** random.integers(-30, 14, shape)
    if kind == "subnormal":
        numbers *= 2.0 ** random.integers(-149, -100, shape) * 2.0 ** random.integers(0, 99)
    spots = random.random(shape) < 0.05
    if kind == "infinite":
        numbers[spots] = random.choice([inf, -inf, 0.0, -0.0], shape)[spots]
    if kind == "not a number":
        numbers[spots] = random.choice([nan, inf, 0.0], shape)[spots]
    return numbers.astype(np.float32)


def operands(case: Case) -> Operands:
    """The operands of a case, filled."""
    random = np.random.default_rng(case.seed)
    order = (0, 2, 1) if case.form == DOT else (0, 1, 2)
    outer, inner, within = case.gaps
    panel, _ = lying(
        (case.batch, case.depth, case.columns), order, case.element, (outer, within, inner),
        case.backwards and case.form == DOT,
    )  # fmt: skip
    x, _ = lying(
        (case.batch, case.rows, case.depth), (0, 1, 2), case.x_element, case.gaps, apart=case.apart
    )
    out, memory = lying(
        (case.batch, case.rows, case.columns), (0, 1, 2), E.F32, (inner, outer, within)
    )
    with np.errstate(all="ignore"):
        panel[...] = contents(random, panel.shape, case.kind)
        x[...] = contents(random, x.shape, case.kind)
    return Operands(x, panel, out, memory)


def product(kernel: Kernel, given: Operands, threads: int = 1) -> Array:
    """The results, without gaps; none is there before."""
    given.out[...] = nan
    multiply(kernel, given.x, given.panel, given.out, threads=threads)
    return given.out.copy()


def wrong(kernel: Kernel, case: Case) -> str:
    """What is wrong with a product, empty if nothing is."""
    given = operands(case)
    found = product(kernel, given)
    x, panel = given.x.astype(np.float64), given.panel.astype(np.float64)
    for place in np.ndindex(found.shape):
        b, m, n = place
        with np.errstate(all="ignore"):
            terms = (x[b, m] * panel[b, :, n]).tolist()
        if not allowed(float(found[place]), terms):
            return f"{case}: {found[place]} at {place}"
    assert given.memory is not None
    return "" if _gaps_are_left(given.out, given.memory) else f"{case}: writes between results"


def allowed(found: float, terms: list[float]) -> bool:
    """Whether a sum of exact terms is within n u sum|term|, or what infinity and NaN make of it."""
    finite = [term for term in terms if isfinite(term)]
    total = fsum(map(abs, finite))
    if len(finite) < len(terms):
        if any(map(isnan, terms)) or {inf, -inf} <= set(terms):
            return isnan(found)
        return total * (1 + len(terms) * U) > GREATEST or found == max(terms, key=abs)
    if total * (1 + len(terms) * U) > GREATEST:
        return True
    if isinf(found) or isnan(found):
        return False
    bound = len(terms) * (U * total + TINY)
    return abs(found - fsum(terms)) <= bound * (1 + 2.0**-40)


def _gaps_are_left(out: Array, memory: Array) -> bool:
    """Whether the memory around results is still poisoned."""
    raw: Any = memory.copy()
    at = out.ctypes.data - memory.ctypes.data
    view: Any = np.ndarray((*out.shape, 4), np.uint8, raw.data, at, (*out.strides, 1))
    view[...] = POISON
    return bool((raw == POISON).all())


def same_bits(a: Array, b: Array) -> bool:
    """Whether results are the same; one NaN is like another."""
    a, b = (np.ascontiguousarray(array) for array in (a, b))
    equal: Any = (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))
    return bool(equal.all())


def depends(kernel: Kernel, case: Case) -> str:
    """What bits of a product depend on that they must not, empty if nothing."""
    given = operands(case)
    whole = product(kernel, given)
    for m in range(case.rows):
        part = Operands(given.x[:, m : m + 1], given.panel, given.out[:, m : m + 1])
        if not same_bits(product(kernel, part), whole[:, m : m + 1]):
            return f"{case}: row {m} alone is another"
    for n in range(case.columns):
        part = Operands(given.x, given.panel[:, :, n : n + 1], given.out[:, :, n : n + 1])
        if case.form == DOT and not same_bits(product(kernel, part), whole[:, :, n : n + 1]):
            return f"{case}: column {n} alone is another"
    for threads in (2, 3):
        if not same_bits(product(kernel, given, threads), whole):
            return f"{case}: other bits on {threads} threads"
    return ""


def rounds_badly(kernel: Kernel, case: Case) -> str:
    """What is wrong with results rounded, and added to what was there; empty if nothing."""
    given = operands(case)
    total = product(kernel, given)
    random = np.random.default_rng(case.seed)
    for element in (E.F16, E.BF16, E.F32):
        for adds in (False, True):
            out, _ = lying(total.shape, (0, 1, 2), element, case.gaps, apart=case.apart)
            with np.errstate(all="ignore"):
                before = contents(random, total.shape, case.kind).astype(element.dtype)
                expected = convert(total + before.astype(np.float32) if adds else total, element)
            out[...] = before
            multiply(kernel, given.x, given.panel, out, accumulate=adds)
            if not same_bits(out.astype(np.float32), expected.astype(np.float32)):
                return f"{case}: rounded to {element}, added: {adds}"
    return ""


def every_half(kernel: Kernel) -> str:
    """What is wrong with 16-bit elements and with sums that are rounded to them."""
    for element in (E.F16, E.BF16):
        halves = np.arange(1 << 16, dtype=np.uint16).view(element.dtype)
        with np.errstate(all="ignore"):
            wide = halves.astype(np.float32) + np.float32(0)
        if not _widens(kernel, halves, wide):
            return f"{element} is not widened exactly"
        if not _narrows(kernel, wide, element):
            return f"sums are not rounded to {element} as numpy does"
    return ""


def _widens(kernel: Kernel, halves: Array, wide: Array) -> bool:
    """As elements of a panel, in vectors and behind them, and as those of x."""
    one = np.ones((1, 1, 1), np.float32)
    for depth in (1, 16):
        panel = np.zeros((1, depth, halves.size), halves.dtype, order="F")
        panel[0, depth - 1] = halves
        out = np.zeros((1, 1, halves.size), np.float32)
        multiply(kernel, np.ones((1, 1, depth), np.float32), panel, out)
        if not same_bits(out[0, 0], wide):
            return False
    out = np.zeros((1, halves.size, 1), np.float32)
    multiply(kernel, halves.reshape(1, -1, 1), one, out)
    return same_bits(out[0, :, 0], wide)


def _narrows(kernel: Kernel, wide: Array, element: ElementType) -> bool:
    """Numbers around every one of the type, and around half way between two."""
    middle = 1 << (12 if element is E.F16 else 15)
    near = (-1, 0, 1, middle - 1, middle, middle + 1)
    bits = wide.view(np.uint32)
    numbers = np.concatenate([bits + np.uint32(d % (1 << 32)) for d in near])
    x = numbers.view(np.float32).reshape(1, -1, 1)
    out = np.zeros(x.shape, element.dtype)
    multiply(kernel, x, np.ones((1, 1, 1), np.float32), out)
    with np.errstate(all="ignore"):
        expected = convert(x + np.float32(0), element).astype(np.float32)
    return same_bits(out.astype(np.float32), expected)


def misses_pieces(kernel: Kernel) -> str:
    """What is wrong with a product of many pieces, on threads."""
    for rows in (1, 70):
        for form in (DOT, OUTER):
            case = Case(2, rows, 130, 1300 if rows == 1 else 200, form, E.F16)
            given = operands(case)
            whole = product(kernel, given)
            exact = given.x.astype(np.float64) @ given.panel.astype(np.float64)
            if not np.allclose(whole, exact, atol=1e-4):
                return f"{case}: off"
            for threads in (2, 5):
                if not same_bits(product(kernel, given, threads), whole):
                    return f"{case}: other bits on {threads} threads"
            last = Operands(given.x[:, -1:], given.panel, given.out[:, -1:])
            if not same_bits(product(kernel, last), whole[:, -1:]):
                return f"{case}: the last row alone is another"
    return ""
