"""What a value has to do with the tokens of a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from xdsl.ir import Operation

from dialects.affine import Affine
from passes.lpu.causal.names import NotShown
from passes.lpu.causal.places import ONE, Digit, Dims

_T = TypeVar("_T")

HIDDEN = -1000.0
"""So far below other scores that the exponential is zero: f32 has none below -104."""


class Later(NamedTuple):
    """
    The elements whose key lies behind their row: `below` what other numbers are, or zeros.

    `below` 0 says nothing of them.
    """

    below: float = 0.0
    zero: bool = False


ORDINARY, ZERO = Later(), Later(zero=True)


@dataclass(frozen=True)
class Tokens:
    """
    An element depends on the token of its `row`; through a cache, on all up to that of its `key`.

    Key `base + i` is that of token `i`. Behind the keys of all tokens there may be others.
    """

    row: Digit | None = None
    key: Digit | None = None
    base: Affine | None = None
    later: Later = ORDINARY

    def __post_init__(self) -> None:
        assert self.row or self.key, "else it depends on no token"

    @property
    def is_masked(self) -> bool:
        """Whether there are elements whose key may lie behind their row."""
        return self.row is not None and self.key is not None

    def moved(self, axes: Sequence[int]) -> Tokens:
        """Axis `a` becomes `axes[a]`."""
        row, key = (None if d is None else d.moved(axes[d.axis]) for d in (self.row, self.key))
        return replace(self, row=row, key=key)

    def is_along(self, axis: int) -> bool:
        """Whether an axis counts tokens."""
        return any(d is not None and d.axis == axis for d in (self.row, self.key))

    def is_rows(self, axis: int) -> bool:
        return self.row is not None and self.row.axis == axis

    def is_keys(self, axis: int) -> bool:
        return self.key is not None and self.key.axis == axis


def _one(found: Iterable[_T | None]) -> tuple[_T | None, bool]:
    """What there is, and whether it is one thing at most."""
    given = {thing for thing in found if thing is not None}
    return next(iter(given), None), len(given) <= 1


def joined(parts: Sequence[Tokens]) -> Tokens | None:
    """What all parts have to do with tokens; None if they do not go along the same axes."""
    row, one_row = _one(part.row for part in parts)
    key, one_key = _one(part.key for part in parts)
    base, one_base = _one(part.base for part in parts)
    crossed = row is not None and key is not None and row.axis == key.axis
    return Tokens(row, key, base) if one_row and one_key and one_base and not crossed else None


def outer_extent(digit: Digit, dims: Dims) -> Affine:
    """How often an axis counts all tokens."""
    extent = dims[digit.axis]
    if extent == digit.extent * digit.inner:
        return ONE
    return extent // (digit.extent * digit.inner).const


def together(op: Operation, parts: Sequence[Tokens]) -> Tokens:
    """The same; `NotShown` if parts do not go together."""
    found = joined(parts)
    if found is None:
        raise NotShown(op)
    return found
