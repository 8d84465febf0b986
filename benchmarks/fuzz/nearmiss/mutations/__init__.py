"""
One change to a model that makes it nearly, and mostly not, what a recogniser knows.

`sites(case, values)` lists all changes by kind. A site names its place by what is there (the name
of a constant, the operators on both sides of a value), so that `exact` can speak of it.
"""

from __future__ import annotations

from benchmarks.fuzz.nearmiss.graph import Case
from benchmarks.fuzz.nearmiss.mutations import (
    attributes,
    caches,
    constants,
    inputs,
    operands,
    readers,
    types,
)
from benchmarks.fuzz.nearmiss.mutations.sites import Site, Values

MODULES = (attributes, caches, constants, inputs, operands, readers, types)


def sites(case: Case, values: Values) -> dict[str, list[Site]]:
    """All changes that make sense in a case, by kind."""
    found: dict[str, list[Site]] = {}
    for module in MODULES:
        for site in module.sites(case, values):
            found.setdefault(site.kind, []).append(site)
    return dict(sorted(found.items()))
