"""What a register may hold, on all devices at once.

An `int` is one number that every device has; a tuple has a number for each device; a `Span` is one
number of a range, the same on every device; a `Varied` is any of a range, perhaps different ones.
What a range stands for is a symbol, a turn of a loop, or data.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1


@dataclass(eq=False, slots=True)
class Made:
    """How a number is made of two values; without function by something that is not followed."""

    function: "Function | None"
    a: "Value"
    b: "Value"


@dataclass(frozen=True, slots=True)
class Span:
    """A number from `low` to `high`, the same on all devices.

    Bits of `sources` are what it depends on: symbols, and turns of loops. Of two that are made of
    the same sources `form` says whether they are made alike, and so are one number.
    """

    low: int
    high: int
    sources: int = 0
    form: Made | None = None


@dataclass(frozen=True, slots=True)
class Varied:
    """A number from `low` to `high` that may differ from device to device.

    `form` says how it is made, if that is known.
    """

    low: int
    high: int
    sources: int = 0
    form: Made | None = None


FIRST_SYMBOL = 1
"""The bit of the first symbol in `sources`, of which there are no more than registers."""
FIRST_LOOP = 1 << 256
"""That of the first loop; each loop of a program has its own."""
Value = int | tuple[int, ...] | Span | Varied


class Turns(Exception):
    """An address has to be known for each turn of a loop, one of the bits `loops`."""

    def __init__(self, loops: int) -> None:
        super().__init__(loops)
        self.loops = loops


UNKNOWN = Varied(LOWEST, HIGHEST)

Function = Callable[[int, int], int]
OF_TWO: dict[str, Function] = {
    "add": int.__add__, "sub": int.__sub__, "mul": int.__mul__, "min": min, "max": max,
    "addi": int.__add__, "muli": int.__mul__, "divi": int.__floordiv__,
}  # fmt: skip
_FUNCTIONS = frozenset(OF_TWO.values())


def ends(value: Value) -> tuple[int, int]:
    """The least and the greatest number that a value may be."""
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple):
        return min(value), max(value)
    return value.low, value.high


def sources_of(value: Value) -> int:
    """The symbols and the loops on whose turns a value depends."""
    return value.sources if isinstance(value, Span | Varied) else 0


def is_uniform(value: Value) -> bool:
    """Whether a value is the same on all devices."""
    return isinstance(value, int | Span)


@lru_cache(1 << 14)
def combined(function: Function, a: Value, b: Value) -> Value:
    """A function of two values that is monotone or linear in each, as all of the control unit."""
    if isinstance(a, int) and isinstance(b, int):
        found = function(a, b)
        return found if LOWEST <= found <= HIGHEST else Span(LOWEST, HIGHEST, 0, Made(None, a, b))
    if isinstance(a, tuple) and isinstance(b, int):
        return _each([function(x, b) for x in a])
    if isinstance(a, int) and isinstance(b, tuple):
        return _each([function(a, y) for y in b])
    if isinstance(a, tuple) and isinstance(b, tuple):
        return _each([function(x, y) for x, y in zip(a, b, strict=True)])
    corners = [function(x, y) for x in ends(a) for y in ends(b)]
    low, high = min(corners), max(corners)
    form = function
    if low < LOWEST or high > HIGHEST:
        low, high, form = LOWEST, HIGHEST, None
    sources = sources_of(a) | sources_of(b)
    if is_uniform(a) and is_uniform(b):
        return Span(low, high, sources, _form(form, a, b))
    is_made = form is not None and _is_known(a) and _is_known(b)
    return Varied(low, high, sources, _form(form, a, b) if is_made else None)


def _is_known(value: Value) -> bool:
    """Whether it is known of what a value is made on each device."""
    return not isinstance(value, Varied) or value.form is not None


def any_number() -> Span:
    """A number of which nothing is known but that all devices have it, unlike all others."""
    return Span(LOWEST, HIGHEST, 0, Made(None, LOWEST, HIGHEST))


def joined(a: Value, b: Value) -> Value:
    """What holds of a register where two ways meet; of another one that is another number."""
    if a == b and type(a) is type(b):
        return a
    (low, high), (other_low, other_high) = ends(a), ends(b)
    low, high, sources = min(low, other_low), max(high, other_high), sources_of(a) | sources_of(b)
    if is_uniform(a) and is_uniform(b):
        return Span(low, high, sources, Made(None, a, b))
    return Varied(low, high, sources)


@lru_cache(1 << 16)
def _form(function: Function | None, a: Value, b: Value) -> Made:
    """How a number is made, once for each."""
    return Made(function, a, b)


def counter(low: int, high: int, loop: int) -> Span:
    """The counter of a loop, which is no other number, not even in another run of the loop."""
    return Span(low, high, loop, Made(None, low, high))


def behind(start: Value, bound: Value, step: int, low: int, high: int) -> Value:
    """The counter behind a loop, which is between two numbers."""
    if isinstance(start, int) and isinstance(bound, int):
        return high
    sources = sources_of(start) | sources_of(bound)
    if is_uniform(start) and is_uniform(bound):
        return Span(low, high, sources, _form(_counting(step), start, bound))
    return Varied(low, high, sources)


@lru_cache(1 << 10)
def _counting(step: int) -> Function:
    """Where a counter ends, which makes a step before it looks at the bound."""
    return lambda start, bound: start + max(1, -((start - bound) // step)) * step


def roots_of(values: Iterable[Value]) -> set[Span]:
    """What numbers are made of in the end that are the same on all devices."""
    found, waiting, met = set[Span](), list(values), set[Value]()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, Span) or value in met:
            continue
        met.add(value)
        if value.form is None or value.form.function is None:
            found.add(value)
        else:
            waiting += (value.form.a, value.form.b)
    return found


def number_of(value: Value, given: dict[Span, int]) -> int:
    """A number, with those given of which it is made; what is found on the way is given then."""
    waiting = [value]
    while waiting:
        top = waiting[-1]
        is_known = isinstance(top, int) or top in given
        if is_known or not (missing := _missing(top, given)):
            waiting.pop()
        else:
            waiting += missing
    return _given(value, given)


def _missing(value: Value, given: dict[Span, int]) -> Sequence[Value]:
    """What a number is made of and is not known; none where it is found now."""
    assert isinstance(value, Span)
    made = value.form
    assert made is not None and made.function is not None
    parts = (made.a, made.b)
    missing = [part for part in parts if not isinstance(part, int) and part not in given]
    if not missing:
        given[value] = made.function(_given(made.a, given), _given(made.b, given))
    return missing


def replaced(value: Value, given: Mapping[Value, Value], device: int | None = None) -> Value | None:
    """What a value is where some of those that it is made of are others; None if nobody knows.

    Of a `device`, if one is given.
    """
    found, waiting = dict(given), [value]
    while waiting:
        top = waiting[-1]
        made = top.form if isinstance(top, Span | Varied) else None
        if top in found:
            waiting.pop()
        elif made is None or made.function is None:
            each = top if isinstance(top, tuple) and device is not None else ()
            found[waiting.pop()] = each[device or 0] if each else top
        elif missing := [part for part in (made.a, made.b) if part not in found]:
            waiting += missing
        elif found[made.a] == made.a and found[made.b] == made.b:
            found[waiting.pop()] = top
        elif made.function in _FUNCTIONS:
            found[waiting.pop()] = combined(made.function, found[made.a], found[made.b])
        else:
            return None
    return found[value]


def _given(value: Value, given: dict[Span, int]) -> int:
    if isinstance(value, int):
        return value
    assert isinstance(value, Span)
    return given[value]


def _each(numbers: list[int]) -> Value:
    """Numbers of the devices, one where all are equal."""
    first = numbers[0]
    if min(numbers) < LOWEST or max(numbers) > HIGHEST:
        return UNKNOWN
    return first if numbers.count(first) == len(numbers) else tuple(numbers)


def shown(value: Value) -> str:
    """A value for a message."""
    if isinstance(value, int):
        return str(value)
    low, high = ends(value)
    return f"{low} to {high}"
