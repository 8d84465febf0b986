"""Values that a caller chooses, checked in one place for the command line and for Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias

from runtime.errors import BadOption

if TYPE_CHECKING:
    import numpy as np

Tokens: TypeAlias = "Sequence[int] | np.ndarray[Any, Any]"
"""Token ids of one text: whole numbers, or an array [n] or [1, n] of them."""


def unexpected(option: str, words: str, value: object) -> BadOption:
    """The error for a value that is not what `words` say."""
    shown = repr(value)
    return BadOption(option, f"expected {words}, got {shown[:60]}{'...' * (len(shown) > 60)}")


def whole(option: str, value: Any, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, in any type that is one; not a bool."""
    words = f"a whole number from {low} on" if high is None else f"a whole number, {low} to {high}"
    try:
        number = index(value)
    except TypeError:
        raise unexpected(option, words, value) from None
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        raise unexpected(option, words, value)
    return number


def real(option: str, value: Any, low: float, high: float, low_excluded: bool = False) -> float:
    """A number from `low` to `high`."""
    words = f"a number {'above' if low_excluded else 'from'} {low:g} to {high:g}"
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        raise unexpected(option, words, value) from None
    if not low <= number <= high or (low_excluded and number == low):
        raise unexpected(option, words, value)
    return number


def text(option: str, value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise unexpected(option, "text", value)
    return value


def one_of(option: str, value: Any, choices: Sequence[str]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in choices:
        raise unexpected(option, f"one of {', '.join(choices)}", value)
    return value


def token_ids(option: str, tokens: Tokens) -> tuple[int, ...]:
    """Token ids of one text."""
    # the command line checks options before it lets numpy be imported
    import numpy as np

    try:
        array = np.asarray(tokens)
    except (TypeError, ValueError, OverflowError):
        raise unexpected(option, "token ids", tokens) from None
    is_row = array.ndim == 1 or (array.ndim == 2 and len(array) == 1)
    if not is_row or (array.size and array.dtype.kind not in "iu"):
        raise unexpected(option, "token ids", tokens)
    return tuple(array.reshape(-1).tolist())
