"""Constants a little off, of other shapes, of other kinds, or not constant at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks.fuzz.nearmiss.graph import Array, Case
from benchmarks.fuzz.nearmiss.mutations.sites import (
    Site,
    Values,
    add_input,
    constants_of,
    dtype_of,
    set_constant,
)

SMALL = 16
"""Constants of more elements are weights: any others are as good."""


def _ulps(array: Array, count: int) -> Array:
    for _ in range(abs(count)):
        array = np.nextafter(array, np.asarray(np.inf * count, array.dtype))
    return array


def _near(array: Array) -> Array:
    return (array * 1.001).astype(array.dtype)


def _as_half(array: Array) -> Array:
    with np.errstate(over="ignore"):
        return array.astype(np.float16).astype(array.dtype)


def _filled(number: float, array: Array) -> Array:
    return np.full_like(array, number)


CHANGES: dict[str, Callable[[Array], Array]] = {
    "constant_near": _near,
    "constant_one_ulp": partial(_ulps, count=1),
    "constant_two_ulps": partial(_ulps, count=2),
    "constant_two_ulps_less": partial(_ulps, count=-2),
    "constant_as_half": _as_half,
    "constant_negated": np.negative,
    "constant_zero": partial(_filled, 0.0),
    "constant_one": partial(_filled, 1.0),
    "constant_infinite": partial(_filled, np.inf),
    "constant_least": partial(_filled, -np.inf),
    "constant_nan": partial(_filled, np.nan),
    "constant_large": partial(_filled, -1e4),
}


def _set(change: Callable[[Array], Array], name: str, case: Case) -> None:
    set_constant(case, name, change(constants_of(case)[name]))


def _widened(name: str, shape: tuple[int, ...], case: Case) -> None:
    set_constant(case, name, np.broadcast_to(constants_of(case)[name], shape))


def _varied(name: str, shape: tuple[int, ...], case: Case) -> None:
    """As wide as the result, and one element is another."""
    whole = np.broadcast_to(constants_of(case)[name], shape).copy()
    last = whole.reshape(-1)
    last[-1] = last[-1] * 1.5 + 0.25 if np.isfinite(last[-1]) else 0.25
    set_constant(case, name, whole)


def _to_input(name: str, case: Case) -> None:
    """Fed at run time: nothing is known of it."""
    array = constants_of(case)[name]
    fresh = add_input(case, array.shape, "f32" if array.dtype == np.float32 else "f16")
    for node in case.model.graph.node:
        node.input[:] = [fresh if value == name else value for value in node.input]


def _moved(name: str, place: int, by: int, case: Case) -> None:
    array = constants_of(case)[name].copy()
    array.reshape(-1)[place] += by
    set_constant(case, name, array)


def _floats(case: Case, name: str, array: Array, values: Values) -> Iterator[Site]:
    for kind, change in CHANGES.items():
        with np.errstate(all="ignore"):
            changed = change(array)
        if not np.array_equal(changed, array, equal_nan=True):
            yield Site(kind, name, partial(_set, change, name))
    yield Site("constant_to_input", name, partial(_to_input, name))
    for shape in _results(case, name, values):
        wider = (2, *(1,) * (len(shape) - array.ndim), *array.shape)
        yield Site("constant_wider_rank", name, partial(_widened, name, wider))
        for axis in [i for i, extent in enumerate(shape) if extent == 1]:
            doubled = tuple(2 if i == axis else d for i, d in enumerate(shape))
            if _spreads(array.shape, doubled):
                yield Site("constant_wider", name, partial(_widened, name, doubled))
        if array.size == 1 and np.prod(shape) > 1:
            yield Site("constant_varied", name, partial(_varied, name, shape))


def _spreads(shape: tuple[int, ...], wider: tuple[int, ...]) -> bool:
    """Whether one shape broadcasts to another; that of a weight need not, to that of a product."""
    pairs = zip(reversed(shape), reversed(wider), strict=False)
    return len(shape) <= len(wider) and all(a in (1, b) for a, b in pairs)


def _results(case: Case, name: str, values: Values) -> list[tuple[int, ...]]:
    """Shapes that a constant is spread to: those of its readers, where they are fixed."""
    readers = [node for node in case.model.graph.node if name in node.input]
    shapes = [values[node.output[0]] for node in readers if node.output[0] in values]
    return [s[0].shape for s in shapes if len({array.shape for array in s}) == 1][:1]


def sites(case: Case, values: Values) -> Iterator[Site]:
    for name, array in constants_of(case).items():
        if array.dtype.kind == "f" and array.size <= SMALL and dtype_of(values, name):
            yield from _floats(case, name, array, values)
        elif array.dtype.kind == "f":
            yield Site("constant_to_input", name, partial(_to_input, name))
        elif array.dtype.kind == "i" and array.size <= SMALL:
            for place in range(array.size):
                for by in (-2, -1, 1, 2):
                    yield Site(f"integer_{by:+}", name, partial(_moved, name, place, by))
