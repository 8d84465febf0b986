"""
How values lie on the devices, given the factors that are cut.

```python
chosen = layouts.chosen(axes, tied)           # which cuts a value can have at once
layouts.sharding(axes, tied, chosen)          # how it lies then
```
No value has two factors on one axis of the mesh: of cuts that cannot be had at once, the one that
was chosen first is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from passes.lpu_esl.factors.analysis import Axes
from passes.lpu_esl.factors.classes import Classes
from runtime.sharding import Factor, Sharding

Chosen = frozenset[int]
"""Factors that are cut in a value."""


@dataclass(frozen=True)
class Layouts:
    """The cuts of a module, on so many devices."""

    classes: Classes
    cuts: Mapping[int, tuple[int, int]]
    devices: int

    def chosen(self, axes: Axes, tied: Collection[int]) -> Chosen:
        """The cuts that a value has on its axes that may be cut."""
        present = Counter(factor for axis in tied for factor in axes[axis])
        used, found = 0, set[int]()
        for factor, (parts, stride) in self.cuts.items():
            mesh = parts * stride - stride
            if present[factor] == 1 and not used & mesh:
                found.add(factor)
                used |= mesh
        return frozenset(found)

    def sharding(self, axes: Axes, tied: Collection[int], chosen: Chosen) -> Sharding:
        """How a value lies of which these factors are cut."""
        return Sharding(
            self.devices,
            tuple(
                self._axis(factors, chosen) if axis in tied else ()
                for axis, factors in enumerate(axes)
            ),
        )

    def is_own(self, sharding: Sharding) -> bool:
        """Whether each device holds a part that it can tell from its number alone."""
        cut = [factor for factor in sharding.factors if factor.parts > 1]
        return len(cut) == 1 and cut[0].parts == self.devices

    def _axis(self, factors: Sequence[int], chosen: Chosen) -> tuple[Factor, ...]:
        if chosen.isdisjoint(factors):
            return ()
        return tuple(_merged(self._factor(factor, chosen) for factor in factors))

    def _factor(self, factor: int, chosen: Chosen) -> Factor:
        extent = self.classes.extent(factor).const
        return Factor(extent, *self.cuts[factor]) if factor in chosen else Factor(extent)


def _merged(factors: Iterable[Factor]) -> list[Factor]:
    """Neighbours that are not cut are one factor."""
    found: list[Factor] = []
    for factor in factors:
        if found and found[-1].parts == factor.parts == 1:
            found[-1] = Factor(found[-1].extent * factor.extent)
        else:
            found.append(factor)
    return found
