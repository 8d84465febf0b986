"""
Factors of extents, in classes that are cut alike.

```python
classes = Classes()
columns = [classes.new(Affine(192))]
heads = [classes.new(Affine(6)), classes.new(Affine(32))]
classes.unify(columns, heads)            # 192 is 6 x 32 now, wherever it occurs
classes.leaves(columns) == classes.leaves(heads)
```

An axis is a list of factors, the outermost first. Where an operation lets an axis of one value be
that of another, their factors become the same; where only products agree, a factor is split. An
extent that depends on symbols is one factor that is never split.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from dialects.affine import Affine

ONE = Affine(1)


class Classes:
    """Union-find over factors, of which some are split into others."""

    def __init__(self) -> None:
        self._extents: list[Affine] = []
        self._parents: list[int] = []
        self._parts: dict[int, tuple[int, int]] = {}

    def new(self, extent: Affine) -> int:
        """A factor of its own."""
        self._extents.append(extent)
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def axis(self, extent: Affine) -> list[int]:
        """An axis that nothing is known of; one element needs no factor."""
        return [] if extent == ONE else [self.new(extent)]

    def extent(self, factor: int) -> Affine:
        """How many elements it has."""
        return self._extents[self._find(factor)]

    def leaves(self, factors: Sequence[int]) -> list[int]:
        """The classes of the factors that these are the product of, none of them split."""
        found: list[int] = []
        for factor in factors:
            root = self._find(factor)
            found += self.leaves(self._parts[root]) if root in self._parts else [root]
        return found

    def unify(self, left: Sequence[int], right: Sequence[int]) -> bool:
        """Let two products of factors be the same, if they are; whether they are."""
        ours, theirs = self.leaves(left), self.leaves(right)
        while ours and theirs:
            a, b = ours[0], theirs[0]
            if a != b and not self._meet(a, b):
                return False
            ours, theirs = self.leaves(ours), self.leaves(theirs)
            del ours[0], theirs[0]
        return not ours and not theirs

    def _meet(self, a: int, b: int) -> bool:
        """Let the outer part that two factors have in common be one class."""
        first, second = self.extent(a), self.extent(b)
        if first == second:
            self._parents[a] = b
            return True
        common = gcd(first.const, second.const)
        if first.terms or second.terms or common <= 1:
            return False
        outer = [self._split(factor, common) for factor in (a, b)]
        self._parents[outer[0]] = outer[1]
        return True

    def _split(self, factor: int, outer: int) -> int:
        """The outer part of a factor, which is the factor itself where nothing is left."""
        inner = self.extent(factor).const // outer
        if inner == 1:
            return factor
        self._parts[factor] = (self.new(Affine(outer)), self.new(Affine(inner)))
        return self._parts[factor][0]

    def _find(self, factor: int) -> int:
        while self._parents[factor] != factor:
            self._parents[factor] = self._parents[self._parents[factor]]
            factor = self._parents[factor]
        return factor
