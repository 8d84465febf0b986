"""Which keys a query may look at: causal, within a window, not padded; as conditions or as sums."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.graph import BOOL, F32, I32, I64, Graph
from benchmarks.fuzz.decoders.sizes import Sizes

KINDS = ("int64 2-D", "int64 2-D", "int64 2-D", "none", "none", "bool 2-D", "int32 2-D")
"""Of the input."""
FULL_KINDS = (*("bool 4-D", "float 4-D") * 5, *KINDS[:3])
"""Inputs of four dimensions, mostly where the number of keys is known."""
TYPES = {"int64 2-D": I64, "int32 2-D": I32, "bool 2-D": BOOL, "bool 4-D": BOOL, "float 4-D": F32}
LOWEST = float(np.finfo(np.float32).min)


class Masks:
    """The mask input of a decoder, and what its layers make of it."""

    def __init__(self, g: Graph, sizes: Sizes, flat: bool = False) -> None:
        self.g, self.sizes = g, sizes
        fixed = sizes.cache == "fixed" and not sizes.dynamic_new
        full = not flat and (fixed or sizes.cache == "none" or g.chance(0.015))
        self.kind = g.pick(FULL_KINDS if full else KINDS)
        g.label(f"mask: {self.kind}")
        self.input = self._input()
        self.lowest = g.pick((LOWEST, LOWEST, LOWEST, -1e9, -np.inf))
        self._conditions: dict[int, str] = {}
        self._biases: dict[int, str] = {}
        self.extents: Extents | None = None

    @property
    def flat(self) -> str:
        """The input [batch, total], or empty."""
        return self.input if self.kind.endswith("2-D") else ""

    def _input(self) -> str:
        if self.kind == "none":
            return ""
        sizes, dtype = self.sizes, TYPES[self.kind]
        total = sizes.total_dim
        if self.kind.endswith("2-D"):
            return self.g.input("attention_mask", dtype, sizes.batch_dim, total)
        return self.g.input("attention_mask", dtype, sizes.batch_dim, 1, sizes.new_dim, total)

    def condition(self, window: int) -> str:
        """True where a query may look, [batch or 1, 1, new, total]; empty if everywhere."""
        if self.g.mixed or window not in self._conditions:
            self._conditions[window] = self._condition(window)
        return self._conditions[window]

    def bias(self, window: int) -> str:
        """What is added to the scores, 0 or very little; empty if nothing."""
        if self.g.mixed or window not in self._biases:
            self._biases[window] = self._bias(window)
        return self._biases[window]

    def _condition(self, window: int) -> str:
        g = self.g
        parts = [part for part in (self._causal(), self._window(window), self._padding()) if part]
        if not parts:
            return ""
        whole = parts[0]
        for part in parts[1:]:
            whole = g("And", whole, part)
        g.label("mask: computed, bool 4-D")
        return whole

    def _causal(self) -> str:
        g, extents = self.g, self._extents()
        if self.sizes.new == 1 and g.choose("needless causal", (True, False)):
            return ""
        way = g.spelled("causal", ("range", "range", "table", "trilu"))
        if way == "range":
            keys, queries = self._places()
            return g("LessOrEqual", keys, queries)
        if way == "table":
            rows = g.constant(np.tril(np.ones((1, 1, 40, 40), np.bool_)))
            first, last = (g("Unsqueeze", extents.scalar(e), g.ints(0)) for e in ("past", "total"))
            rows = g("Slice", rows, first, last, g.ints(2), g.ints(1))
            return g("Slice", rows, g.ints(0), last, g.ints(3), g.ints(1))
        shape = extents.vector(("new", "total"))
        ones = g("Expand", g.constant(np.array(1, np.int64)), shape)
        lower = g("Trilu", ones, extents.scalar("past"), upper=0)
        return g("Unsqueeze", g("Cast", lower, to=BOOL), g.ints(0, 1))

    def _places(self) -> tuple[str, str]:
        """Places of keys [1, 1, 1, total] and of queries [1, 1, new, 1]."""
        g, extents = self.g, self._extents()
        keys = g("Unsqueeze", extents.range(0, "total"), g.ints(0, 1, 2))
        if g.choose("queries", ("range", "add")) == "range":
            line = extents.range("past", "total")
        else:
            line = g("Add", extents.range(0, "new"), extents.scalar("past"))
        return keys, g("Unsqueeze", line, g.ints(0, 1, 3))

    def _window(self, window: int) -> str:
        if window <= 0:
            return ""
        g = self.g
        g.label("window")
        keys, queries = self._places()
        if g.choose("window", ("greater", "less")) == "greater":
            return g("Greater", keys, g("Sub", queries, g.scalar(window, I64)))
        return g("Less", g("Sub", queries, keys), g.scalar(window, I64))

    def _padding(self) -> str:
        g = self.g
        if self.kind == "bool 4-D":
            return self.input
        if not self.flat:
            return ""
        kept = g.cast(self.flat, BOOL)
        if g.choose("padding", ("unsqueeze", "twice")) == "unsqueeze":
            return g("Unsqueeze", kept, g.ints(1, 2))
        return g("Unsqueeze", g("Unsqueeze", kept, g.ints(1)), g.ints(1))

    def _bias(self, window: int) -> str:
        g = self.g
        condition = self.condition(window)
        given = self.input if self.kind == "float 4-D" else ""
        if not condition:
            return given
        g.label("mask: computed, additive")
        way = g.spelled("bias", ("where", "multiplied")) if np.isfinite(self.lowest) else "where"
        if way == "where":
            bias = g("Where", condition, g.scalar(0.0, F32), g.scalar(self.lowest, F32))
        else:
            kept = g("Cast", condition, to=F32)
            bias = g("Mul", g("Sub", g.scalar(1.0, F32), kept), g.scalar(self.lowest, F32))
        return g("Add", bias, given) if given else bias

    def _extents(self) -> Extents:
        assert self.extents is not None
        return self.extents
