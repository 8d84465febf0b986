"""One model for each spelling that a recogniser knows; extents and orders are drawn."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.fuzz.nearmiss.cases import (
    activation,
    attention,
    caches,
    gathers,
    layers,
    norm,
    products,
    rotary,
    softmax,
)
from benchmarks.fuzz.nearmiss.graph import Case, Draw

MAKERS: tuple[Callable[[Draw], Case], ...] = (
    *activation.CASES,
    *softmax.CASES,
    *norm.CASES,
    *rotary.CASES,
    *attention.CASES,
    *products.CASES,
    *caches.CASES,
    *gathers.CASES,
    *layers.CASES,
)
