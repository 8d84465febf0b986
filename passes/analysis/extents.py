"""Arithmetic on extents: targets of Reshape and Expand, bounds of Slice, sizes of Split."""

from __future__ import annotations

from collections.abc import Sequence

from dialects.affine import Affine, Differ, NotAffine, Ranges, product
from passes.analysis.content import sign


class Undecided(ValueError):
    """An extent that differs in form with the value of a symbol, and so has no one expression."""


class Beyond(Undecided):
    """The first of two expressions is not always within the second."""

    def __init__(self, message: str, first: Affine, second: Affine) -> None:
        super().__init__(message)
        self.extents = first, second


def reshape_dims(
    source: Sequence[Affine], target: Sequence[Affine], copy_zero: bool
) -> tuple[Affine, ...]:
    """The extents that a Reshape target means: 0 copies if `copy_zero`, one -1 is inferred."""
    for i, extent in enumerate(target):
        if extent.is_const and (extent.const < -1 or (extent.const == -1 and extent in target[:i])):
            raise Undecided(f"the shape {', '.join(map(str, target))} is none")
    if copy_zero and Affine(0) in target[len(source) :]:
        raise Undecided("the shape copies an axis that the tensor does not have")
    dims = [source[i] if copy_zero and t == Affine(0) else t for i, t in enumerate(target)]
    if Affine(-1) in dims:
        index = dims.index(Affine(-1))
        known = dims[:index] + dims[index + 1 :]
        dims[index] = quotient(source, known)
    return tuple(dims)


def unequal(message: str, source: Sequence[Affine], target: Sequence[Affine]) -> Differ | None:
    """The one extent of each of two shapes that the other lacks, if there is just one of each."""
    lost, new = list(source), list(target)
    for extent in source:
        if extent in new:
            lost.remove(extent)
            new.remove(extent)
    symbolic = [[extent for extent in extents if not extent.is_const] for extents in (lost, new)]
    if len(symbolic[0]) == len(symbolic[1]) == 1:
        return Differ(message, symbolic[0][0], symbolic[1][0])
    return None


def quotient(source: Sequence[Affine], known: Sequence[Affine]) -> Affine:
    """`product(source) / product(known)` after cancelling equal extents; exact, else Undecided."""
    if Affine() in known:
        raise Undecided("cannot infer the extent -1 beside an extent of 0")
    rest, divisors = list(source), list[Affine]()
    for extent in known:
        if extent in rest:
            rest.remove(extent)
        else:
            divisors.append(extent)
    try:
        numerator, denominator = product(rest), product(divisors)
        if not denominator.is_const:
            return _ratio(numerator, denominator)
        return numerator // denominator.const
    except NotAffine as error:
        raise Undecided(f"cannot infer the extent -1: {error}") from None


def _ratio(numerator: Affine, denominator: Affine) -> Affine:
    """The number `k` with `numerator == k * denominator`."""
    name, coefficient = denominator.terms[0]
    factor = dict(numerator.terms).get(name, 0) // coefficient
    if denominator * factor != numerator:
        raise NotAffine(f"({numerator}) / ({denominator})")
    return Affine(factor)


def expand_dims(source: Sequence[Affine], target: Sequence[Affine]) -> tuple[Affine, ...]:
    """The two-way broadcast that Expand means: an extent of 1 in either gives way."""
    rank = max(len(source), len(target))
    one = Affine(1)
    left = (one,) * (rank - len(source)) + tuple(source)
    right = (one,) * (rank - len(target)) + tuple(target)
    return tuple(_wider(a, b) for a, b in zip(left, right, strict=True))


def _wider(a: Affine, b: Affine) -> Affine:
    if Affine(1) in (a, b):
        return b if a == Affine(1) else a
    if a != b:
        message = f"cannot expand extent {a} to {b}"
        raise Undecided(message) from Differ(message, a, b)
    return a


def minimum(a: Affine, b: Affine, ranges: Ranges) -> Affine:
    """The smaller of two expressions when it is the same one for all symbols."""
    low, high = (a - b).bounds(ranges)
    if high <= 0:
        return a
    if low >= 0:
        return b
    raise Beyond(f"min({a}, {b}) depends on the value of a symbol", a, b)


def maximum(a: Affine, b: Affine, ranges: Ranges) -> Affine:
    """The larger of two expressions when it is the same one for all symbols."""
    return -minimum(-a, -b, ranges)


def slice_bounds(
    start: Affine, end: Affine, step: int, extent: Affine, ranges: Ranges
) -> tuple[Affine, Affine]:
    """
    First element and number of elements of a Slice along one axis, by ONNX's clamping.

    A start in front of the first element is the first one backwards, too; Python takes none there.
    """
    if step < 0:
        last = extent - 1
        start = _from_start(start, extent, ranges)
        if start != last:
            start = minimum(maximum(start, Affine(0), ranges), last, ranges)
        end = maximum(_from_start(end, extent, ranges), Affine(-1), ranges)
        return start, _steps(start - minimum(end, last, ranges), -step, ranges)
    start = _clamp(start, extent, ranges)
    return start, _steps(_clamp(end, extent, ranges) - start, step, ranges)


def _steps(span: Affine, step: int, ranges: Ranges) -> Affine:
    length = maximum(span, Affine(0), ranges)
    if step == 1 or length.is_const:
        return Affine(-(-length.const // step)) if step > 1 else length
    raise Undecided(f"a step of {step} over {length} elements")


def _from_start(bound: Affine, extent: Affine, ranges: Ranges) -> Affine:
    """A bound of which a negative one counts from the end."""
    direction = sign(bound, ranges)
    if direction is None and bound.lower(ranges) < 0:
        message = f"whether {bound} counts from the end depends on the value of a symbol"
        raise Beyond(message, -bound, Affine())
    return bound + extent if direction == -1 else bound


def _clamp(bound: Affine, extent: Affine, ranges: Ranges) -> Affine:
    bound = _from_start(bound, extent, ranges)
    return minimum(maximum(bound, Affine(0), ranges), extent, ranges)


def range_extent(start: Affine, limit: Affine, delta: Affine, ranges: Ranges) -> Affine:
    """Number of elements of `Range(start, limit, delta)`."""
    if not delta.is_const or delta.const == 0:
        raise Undecided(f"a Range with step {delta}")
    span = limit - start if delta.const > 0 else start - limit
    step = abs(delta.const)
    if span.is_const:
        return Affine(max(-(-span.const // step), 0))
    if step != 1:
        raise Undecided(f"a Range with step {delta} over {span} elements")
    return maximum(span, Affine(0), ranges)


def split_sizes(extent: Affine, parts: int) -> list[Affine]:
    """Sizes of a Split into equal parts; the last alone may be smaller, or empty."""
    if not extent.is_const:
        return [extent // parts] * parts
    size = -(-extent.const // parts)
    if size * (parts - 1) > extent.const:
        raise Undecided(f"{extent} elements do not fill {parts} parts of {size}")
    return [Affine(min(size, extent.const - i * size)) for i in range(parts)]
