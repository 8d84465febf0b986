"""Caches: their inputs and outputs, their element type, and how new keys and values join them."""

from __future__ import annotations

from benchmarks.fuzz.decoders.graph import F16, F32, Graph
from benchmarks.fuzz.decoders.sizes import Sizes

LAYOUTS = ("heads first", "keys transposed", "tokens first")
SECOND = "past_other"
"""The symbol of a cache whose length is its own."""


class Caches:
    """The pasts and presents of all layers."""

    def __init__(self, g: Graph, sizes: Sizes) -> None:
        self.g, self.sizes = g, sizes
        self.dtype = F16 if g.chance(0.3) else F32
        plain = sizes.core != "spelled" or sizes.cache != "dynamic"
        self.second = not plain and sizes.layers > 1 and g.chance(0.04)
        self.layout = g.pick(LAYOUTS[1:]) if not plain and g.chance(0.03) else LAYOUTS[0]
        shares = sizes.core != "GroupQueryAttention" and sizes.layers > 1
        shares = shares and not self.second and g.chance(0.3)
        self.shared = {int(g.rng.integers(1, sizes.layers))} if shares else set[int]()
        self.one = not plain and not shares and g.chance(0.2)
        self.pasts: dict[int, tuple[str, str]] = {}
        if sizes.cache != "none":
            self._declare()

    def _declare(self) -> None:
        g = self.g
        owners = [layer for layer in range(self.sizes.layers) if layer not in self.shared]
        for layer in owners:
            names = [self._input(layer, part) for part in self._parts()]
            self.pasts[layer] = (names[0], names[-1])
        g.label(*(["shared cache"] if self.shared or self.one else []))
        g.label(*(["several caches"] if len(owners) > 1 else []))
        g.label(*(["f16 cache"] if self.dtype == F16 else []))
        g.label(*(["two past symbols"] if self.second else []))
        if self.layout != LAYOUTS[0]:
            g.label(f"cache: {self.layout}")

    def _parts(self) -> tuple[str, ...]:
        return ("key",) if self.one else ("key", "value")

    def own_symbol(self, layer: int) -> bool:
        """Whether the cache of a layer has a length of its own."""
        return self.second and layer == 1

    def _input(self, layer: int, part: str) -> str:
        sizes = self.sizes
        past = SECOND if self.own_symbol(layer) else sizes.past_dim
        dims = self._laid(part, [sizes.batch_dim, sizes.kv_heads, past, sizes.size])
        return self.g.input(f"past_key_values.{layer}.{part}", self.dtype, *dims)

    def _laid(self, part: str, dims: list[int | str]) -> list[int | str]:
        return [dims[axis] for axis in self._axes(part)]

    def _axes(self, part: str) -> tuple[int, ...]:
        """Which axis of [batch, heads, tokens, size] is where in the cache."""
        if self.layout == "keys transposed" and part == "key":
            return (0, 1, 3, 2)
        return (0, 2, 1, 3) if self.layout == "tokens first" else (0, 1, 2, 3)

    @property
    def length_source(self) -> tuple[str, int]:
        """An input and its axis that says how many tokens are cached; empty if none are."""
        if not self.pasts:
            return "", 0
        return self.pasts[0][0], self._axes("key").index(2)

    def append(self, layer: int, key: str, value: str) -> tuple[str, str]:
        """Keys and values of all tokens, from those of the new ones; the presents are outputs."""
        if layer not in self.pasts:
            return key, value
        keys = self._joined(layer, "key", key)
        return keys, keys if self.one else self._joined(layer, "value", value)

    def _joined(self, layer: int, part: str, new: str) -> str:
        g, axes = self.g, list(self._axes(part))
        past, dtype = self.pasts[layer][part == "value"], g.types[new]
        turned = axes != [0, 1, 2, 3]
        new = g("Transpose", new, perm=axes) if turned else new
        axis = axes.index(2)
        if g.choose("cache casts", ("narrow", "narrow", "wide")) == "narrow":
            stored = g("Concat", past, g.cast(new, self.dtype), axis=axis)
            whole = g.cast(stored, dtype)
        else:
            whole = g("Concat", g.cast(past, dtype), new, axis=axis)
            stored = g.cast(whole, self.dtype)
        self.present(layer, part, stored)
        return g("Transpose", whole, perm=axes) if turned else whole

    def present(self, layer: int, part: str, value: str) -> None:
        """A value is what the cache becomes."""
        sizes = self.sizes
        total = None if self.own_symbol(layer) else sizes.total_dim
        dims = [sizes.batch_dim, sizes.kv_heads, total, sizes.size]
        laid = [dims[axis] for axis in self._axes(part)]
        self.g.output(f"present.{layer}.{part}", value, *laid)
