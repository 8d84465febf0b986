"""What several measurements of one thing say: median and quartiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The quartiles of `count` measurements; a quarter of them lies at or below `lower`."""

    lower: float
    median: float
    upper: float
    count: int

    @staticmethod
    def of(samples: Iterable[float]) -> Spread:
        """
        Of at least one sample.

        A quartile that falls between two samples lies on the line between them, as in numpy's
        `percentile` and R's type 7: of 1, 2, 3, 4 they are 1.75, 2.5 and 3.25.
        """
        held = sorted(samples)
        return Spread(_at(held, 0.25), _at(held, 0.5), _at(held, 0.75), len(held))

    def inverse(self, amount: float) -> Spread:
        """The rates of `amount` in these times; the quartiles change places."""
        return Spread(amount / self.upper, amount / self.median, amount / self.lower, self.count)


def _at(held: list[float], share: float) -> float:
    place = share * (len(held) - 1)
    below = int(place)
    above = min(below + 1, len(held) - 1)
    return held[below] + (place - below) * (held[above] - held[below])
