"""What passes of the vector engine may give: numpy's bits where nothing adds up, else the bound."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from runtime.native.library import Kernel
from runtime.native.passes import Function, joined, prepare
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
E, F = ElementType, Function
FLOATS = (E.F32, E.F16, E.BF16)
ONE = np.float32(1)
FUNCTIONS: dict[Function, Callable[..., Array]] = {
    F.ADD: np.add, F.SUB: np.subtract, F.MUL: np.multiply, F.DIV: np.divide,
    F.MAX: np.maximum, F.MIN: np.minimum, F.NEG: np.negative, F.ABS: np.abs, F.SQRT: np.sqrt,
    F.RECIP: np.reciprocal, F.RELU: lambda x: np.maximum(x, np.float32(0)), F.WIDEN: np.array,
    F.GELU_POWER: lambda x: (
        np.float32(-2 * (2 / np.pi) ** 0.5) * (x + np.float32(0.044715) * (x * x * x))
    ),
    F.OVER_ONE_PLUS: lambda x, y: x / (ONE + y), F.ONE_PLUS_RECIP: lambda x: ONE / (ONE + x),
}  # fmt: skip
TWO = (F.ADD, F.SUB, F.MUL, F.DIV, F.MAX, F.MIN, F.OVER_ONE_PLUS)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -6e-8, 65519.0, 65520.0, 3e38])
SHAPES = ((1, 1, 1, 1), (1, 1, 3, 37), (2, 3, 2, 8), (1, 1, 1, 700), (1, 5, 7, 1))
LAYOUTS = ("dense", "gaps", "last first", "backwards", "one")


def laid(values: Array, layout: str) -> Array:
    """The same values with other strides; `one` is the first of them everywhere."""
    if layout == "one":
        return np.broadcast_to(values.reshape(-1)[:1].copy(), values.shape)
    if layout == "gaps":
        wide = np.zeros((*values.shape[:3], values.shape[3] * 2 + 1), values.dtype)
        view = wide[..., : values.shape[3] * 2 : 2]
    elif layout == "last first":
        view = np.zeros(values.shape[::-1], values.dtype).transpose(3, 2, 1, 0)
    elif layout == "backwards":
        view = np.zeros(values.shape, values.dtype)[..., ::-1]
    else:
        view = np.zeros(values.shape, values.dtype)
    view[...] = values
    return view


def values(random: np.random.Generator, shape: tuple[int, ...], element: ElementType) -> Array:
    """Numbers of a type, some of them special."""
    found = random.normal(size=shape) * 2.0 ** random.integers(-3, 4, shape)
    odd = random.choice(SPECIAL, shape)
    return np.where(random.random(shape) < 0.15, odd, found).astype(element.dtype)


def same(found: Array, expected: Array) -> bool:
    """Equal bits, but for what a NaN carries and the sign of a zero that is one of two."""
    if found.dtype.kind not in "fV" and not hasattr(found.dtype.type, "__float__"):
        return bool(np.array_equal(found, expected))
    wide, other = found.astype(np.float32), expected.astype(np.float32)
    return bool(np.all((wide == other) | (np.isnan(wide) & np.isnan(other))))


def wrong(kernel: Kernel, seed: int = 0) -> str:
    """The first pass that gives other numbers than it must, or nothing."""
    random = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        return next(filter(None, _all(kernel, random)), "")


def _all(kernel: Kernel, random: np.random.Generator) -> Iterator[str]:
    for (function, numpy), shape, layout in product(FUNCTIONS.items(), SHAPES, LAYOUTS):
        yield _computed(kernel, random, (function, numpy), shape, layout)
    for shape, layout in product(SHAPES, LAYOUTS):
        yield _moved(kernel, random, shape, layout)
        yield _combined(kernel, random, shape, layout)
    yield _converted(kernel)
    yield _in_turn(kernel)


def _run(kernel: Kernel, function: Function, arrays: list[Array], codes: list[int]) -> None:
    call = prepare(kernel, function, arrays, codes)
    assert call is not None
    call()


def _out(shape: tuple[int, ...], element: ElementType, layout: str) -> Array:
    return laid(np.zeros(shape, element.dtype), "dense" if layout == "one" else layout)


def _computed(
    kernel: Kernel, random: np.random.Generator, what: tuple[Function, Any],
    shape: tuple[int, ...], layout: str,
) -> str:  # fmt: skip
    (function, numpy), count = what, 2 if what[0] in TWO else 1
    types = [FLOATS[random.integers(3)] for _ in range(count + 1)]
    if random.random() < 0.4:
        types = [E.F32] * len(types)
    operands = [values(random, shape, element) for element in types[1:]]
    operands[-1] = laid(operands[-1], layout)
    out = _out(shape, types[0], random.choice(LAYOUTS))
    expected = numpy(*[x.astype(np.float32) for x in operands]).astype(out.dtype)
    _run(kernel, function, [out, *operands], [element.code for element in types])
    return "" if same(out, expected) else f"{function.name} of {shape}, {types}, {layout}"


def _moved(kernel: Kernel, random: np.random.Generator, shape: tuple[int, ...], layout: str) -> str:
    element = (E.F32, E.F16, E.I64, E.I8)[random.integers(4)]
    a, b = (random.integers(-99, 99, shape).astype(element.dtype) for _ in range(2))
    flags = random.integers(0, 3, shape).astype(np.uint8)
    flags = np.broadcast_to(flags[..., :1], shape) if layout == "one" else laid(flags, layout)
    out, source = _out(shape, element, layout), laid(a, layout)
    _run(kernel, F.MOVE, [out, source], [0, 0])
    if not same(out, source):
        return f"MOVE of {shape}, {element}, {layout}"
    _run(kernel, F.SELECT, [out, flags, source, b], [0, 0, 0, 0])
    return "" if same(out, np.where(flags, source, b)) else f"SELECT of {shape}, {layout}"


def _combined(
    kernel: Kernel, random: np.random.Generator, shape: tuple[int, ...], layout: str
) -> str:
    element = FLOATS[random.integers(3)]
    x = laid(random.normal(size=shape).astype(element.dtype), layout)
    wide = x.astype(np.float64)
    total = np.zeros((*shape[:3], 1), np.float32)
    _run(kernel, F.SUM, [total, x], [0, element.code])
    bound = shape[3] * 2.0**-23 * np.abs(wide).sum(3, keepdims=True)
    if (np.abs(total - wide.sum(3, keepdims=True)) > bound).any():
        return f"SUM of {shape}, {element}, {layout}"
    dense = x.copy()
    again = np.zeros_like(total)
    _run(kernel, F.SUM, [again, dense], [0, element.code])
    if again.tobytes() != total.tobytes():
        return f"SUM of {shape}, {element} depends on where it lies"
    x = laid(values(random, shape, element), layout)
    _run(kernel, F.GREATEST, [total, x], [0, element.code])
    if not same(total, x.astype(np.float32).max(3, keepdims=True)):
        return f"GREATEST of {shape}, {element}, {layout}"
    nan = np.zeros(shape, np.bool_)
    _run(kernel, F.ISNAN, [nan, x], [0, element.code])
    return "" if same(nan, np.isnan(x)) else f"ISNAN of {shape}, {element}, {layout}"


def _converted(kernel: Kernel) -> str:
    """Every number of sixteen bits, and what lies between them."""
    for element in (E.F16, E.BF16):
        halves = np.arange(1 << 16, dtype=np.uint16).view(element.dtype)
        wide, back = np.zeros(1 << 16, np.float32), np.zeros(1 << 16, element.dtype)
        _run(kernel, F.WIDEN, [wide, halves], [0, element.code])
        if not same(wide, halves.astype(np.float32)):
            return f"{element} widens badly"
        low = wide.view(np.uint32) & np.uint32(0xFFFF8000)
        for bits in (0, 1, 0xFFF, 0x1000, 0x1001, 0x7FFF):
            near = (low | np.uint32(bits)).view(np.float32)
            _run(kernel, F.WIDEN, [back, near], [element.code, 0])
            if not same(back, near.astype(element.dtype)):
                return f"{element} is rounded badly"
    return ""


def _in_turn(kernel: Kernel) -> str:
    """Neighbours become one call, which does what they do in their order, also in place."""
    x, y = np.arange(70, dtype=np.float32), np.full(70, 3, np.float32)
    pairs = ((F.ADD, (x, x, y)), (F.MUL, (y, x, x)), (F.SUB, (x, y, x)))
    calls = [prepare(kernel, f, arrays, (0, 0, 0)) for f, arrays in pairs]
    together = joined([call for call in calls if call is not None])
    for call in together:
        call()
    start = np.arange(70, dtype=np.float32) + 3
    is_right = len(together) == 1 and np.array_equal(x, start * start - start)
    return "" if is_right else "neighbours are not done in turn"
