"""Make the mutant of a seed and a number: a case, and one change in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.fuzz.nearmiss.cases import MAKERS
from benchmarks.fuzz.nearmiss.exports import cut_case
from benchmarks.fuzz.nearmiss.graph import Array, Case, Draw
from benchmarks.fuzz.nearmiss.mutations import sites
from benchmarks.fuzz.nearmiss.mutations.sites import Site, values_of

UNCHANGED = "unchanged"
TURN = 7
"""By how many kinds of changes neighbouring numbers are apart."""


@dataclass(frozen=True)
class Mutant:
    """A changed case with inputs for its calls; `kind` and `place` say what was changed."""

    case: Case
    kind: str
    place: str
    calls: Sequence[Mapping[str, Array]]

    @property
    def name(self) -> str:
        return f"{self.case.name} {self.kind} {self.place}"


def _drawn(maker: int, seed: Sequence[int], pinned: Mapping[str, int]) -> tuple[Case, list[str]]:
    draw = Draw(np.random.default_rng(seed), pinned)
    return MAKERS[maker](draw), list(draw.names)


def _pinned(maker: int, seed: Sequence[int], name: str, extent: int, case: Case) -> None:
    """The same model with another extent everywhere."""
    other, _ = _drawn(maker, seed, {name: extent})
    case.model.CopyFrom(other.model)
    assert isinstance(case.feeds, dict)
    case.feeds.update(other.feeds)


def _extents(maker: int, seed: Sequence[int], names: Sequence[str]) -> list[Site]:
    kinds = (("extent_empty", 0), ("extent_unit", 1), ("extent_two", 2))
    return [
        Site(kind, name, partial(_pinned, maker, seed, name, extent))
        for kind, extent in kinds
        for name in names
    ]


def _sites(case: Case, key: Sequence[int], more: Sequence[Site]) -> dict[str, list[Site]]:
    """All that could be changed in a case, by kind."""
    values = values_of(case, case.inputs(np.random.default_rng((*key, 1))))
    found = sites(case, values)
    for site in more:
        found.setdefault(site.kind, []).append(site)
    found[UNCHANGED] = [Site(UNCHANGED, "", lambda _: None)]
    return dict(sorted(found.items()))


def make(seed: int, number: int, models: Path | None = None) -> Mutant:
    """
    Numbers go through all cases in turn, and through the kinds of changes that fit them.

    With a folder of models the cases are cut from those.
    """
    key, maker = (seed, number), number % len(MAKERS)
    if models is None:
        case, names = _drawn(maker, key, {})
        found = _sites(case, key, _extents(maker, key, names))
    else:
        case = cut_case(models, key)
        found = _sites(case, key, ())
    rng = np.random.default_rng((*key, 2))
    kinds = list(found)
    kind = kinds[(number // len(MAKERS) + TURN * number + seed) % len(kinds)]
    site = found[kind][int(rng.integers(len(found[kind])))]
    changed = case.copy()
    site.apply(changed)
    return Mutant(changed, kind, site.place, changed.inputs(rng))
