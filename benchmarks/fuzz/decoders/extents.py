"""The extents of a decoder as values of its graph, and the shape arithmetic of exporters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from benchmarks.fuzz.decoders.graph import I64, Graph
from benchmarks.fuzz.decoders.sizes import Sizes

Extent = int | str
"""A number, or one of `batch`, `new`, `past`, `total`."""


class Extents:
    """Batch, new tokens, cached tokens and their sum, from the shapes of the inputs."""

    def __init__(self, g: Graph, sizes: Sizes, ids: str, past: tuple[str, int]) -> None:
        self.g, self.sizes = g, sizes
        self._sources = {"batch": (ids, 0), "new": (ids, 1), "past": past}
        self._scalars: dict[str, str] = {}

    def known(self, extent: Extent) -> int | None:
        """The number, where the model itself says it."""
        sizes = self.sizes
        if isinstance(extent, int):
            return extent
        if extent == "batch":
            return None if sizes.dynamic_batch else sizes.batch
        if extent == "new":
            return None if sizes.dynamic_new else sizes.new
        if sizes.cache == "dynamic":
            return None
        if extent == "past":
            return sizes.past
        return None if sizes.dynamic_new else sizes.past + sizes.new

    def scalar(self, extent: Extent) -> str:
        """As an integer of rank 0."""
        if isinstance(extent, int):
            return self.g.index(extent)
        known = self.known(extent)
        if known is not None and self.g.choose("known extents", (True, False)):
            return self.g.index(known)
        if self.g.mixed or extent not in self._scalars:
            self._scalars[extent] = self._computed(extent)
        return self._scalars[extent]

    def _computed(self, extent: str) -> str:
        g = self.g
        if extent == "total":
            if self.sizes.cache == "none":
                return self.scalar("new")
            return g("Add", self.scalar("past"), self.scalar("new"))
        source, axis = self._sources[extent]
        if not source:
            return g.index(0)
        g.label("shape arithmetic")
        if g.choose("extent of", ("gather", "slice")) == "gather":
            return g("Gather", g("Shape", source), g.index(axis), axis=0)
        return g("Squeeze", g("Shape", source, start=axis, end=axis + 1), g.ints(0))

    def vector(self, extents: Sequence[Extent]) -> str:
        """Several, as a list that a reshape takes."""
        numbers = [self.known(extent) for extent in extents]
        if None not in numbers and self.g.choose("known shapes", (True, False)):
            return self.g.ints(*(n for n in numbers if n is not None))
        parts = [self._part(extent) for extent in extents]
        return parts[0] if len(parts) == 1 else self.g("Concat", *parts, axis=0)

    def _part(self, extent: Extent) -> str:
        g = self.g
        if isinstance(extent, int):
            return g.ints(extent)
        if g.choose("part", ("unsqueeze", "reshape")) == "unsqueeze":
            return g("Unsqueeze", self.scalar(extent), g.ints(0))
        return g("Reshape", self.scalar(extent), g.ints(-1))

    def reshape(self, x: str, *extents: Extent) -> str:
        """A reshape, whose target is a constant where at most one extent is unknown."""
        g = self.g
        numbers = [self.known(extent) for extent in extents]
        unknown = numbers.count(None)
        if unknown <= 1 and g.choose("target", ("constant", "constant", "computed")) == "constant":
            return g("Reshape", x, g.ints(*(-1 if n is None else n for n in numbers)))
        g.label("shape: concat to reshape")
        return g("Reshape", x, self.vector(extents))

    def expand(self, x: str, *extents: Extent) -> str:
        """A broadcast; some exporters allow -1 in the target and replace it."""
        g = self.g
        target = self.vector(extents)
        g.label("shape: expand")
        if g.choose("expand", ("plain", "where")) == "plain":
            return g("Expand", x, target)
        g.label("shape: where chain")
        count = np.array([len(extents)], np.int64)
        ones = g("ConstantOfShape", g.constant(count), type=I64, value=_one())
        minus = g("Mul", ones, g.ints(-1))
        return g("Expand", x, g("Where", g("Equal", target, minus), ones, target))

    def range(self, first: Extent, last: Extent) -> str:
        """Integers from `first` up to but without `last`."""
        self.g.label("shape: range")
        return self.g("Range", self.scalar(first), self.scalar(last), self.g.index(1))


def _one() -> TensorProto:
    return helper.make_tensor("one", TensorProto.INT64, [1], [1])
