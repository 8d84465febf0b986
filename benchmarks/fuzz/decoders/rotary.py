"""Rotary embedding: where cosines come from, and how channels are paired."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.graph import F32, I64, MICROSOFT, Graph
from benchmarks.fuzz.decoders.sizes import Sizes

ROWS = 40
SOURCES = ("tables as inputs", "tables gathered", "tables computed", "com.microsoft")
NEWER = ("RotaryEmbedding",) * 3


class Rotary:
    """One rotary embedding, for all layers of a decoder."""

    def __init__(self, g: Graph, sizes: Sizes, extents: Extents, positions: str) -> None:
        self.g, self.sizes, self.extents, self.positions = g, sizes, extents, positions
        self.width = sizes.size
        if sizes.size >= 4 and g.chance(0.35):
            self.width = 2 * int(g.rng.integers(1, sizes.size // 2))
            g.label("rotary: partial")
        self.interleaved = g.chance(0.4)
        g.label("rotary: interleaved" if self.interleaved else "rotary: half-split")
        self.source = g.pick((*SOURCES, *(NEWER if g.opset >= 23 else ())))
        g.label(f"rotary: {self.source}")
        angles = np.outer(np.arange(ROWS), self.frequencies)
        self.tables = [function(angles).astype(np.float32) for function in (np.cos, np.sin)]
        self.fused = self.source in ("com.microsoft", "RotaryEmbedding")
        self.cos, self.sin = self._tables()

    @property
    def frequencies(self) -> np.ndarray:
        """Of each pair of channels."""
        return 100.0 ** -(np.arange(0, self.width, 2) / self.width)

    def _tables(self) -> tuple[str, str]:
        """[rows, width / 2] where an operator looks them up, else [batch or 1, new, width]."""
        g, sizes = self.g, self.sizes
        if self.fused:
            return g.constant(self.tables[0]), g.constant(self.tables[1])
        if self.source == "tables as inputs":
            dims = (sizes.batch_dim, sizes.new_dim, self.width)
            return g.input("cos", F32, *dims), g.input("sin", F32, *dims)
        if self.source == "tables gathered":
            if g.chance(0.5):
                tables = [g.constant(self._doubled(table)) for table in self.tables]
                return g("Gather", tables[0], self.positions), g(
                    "Gather", tables[1], self.positions
                )
            tables = [g("Gather", g.constant(table), self.positions) for table in self.tables]
            return self._doubled_value(tables[0]), self._doubled_value(tables[1])
        angles = self._doubled_value(self._angles())
        cos, sin = g("Cos", angles), g("Sin", angles)
        if g.chance(0.3):
            return g("Mul", cos, g.number(1.2, cos)), g("Mul", sin, g.number(1.2, sin))
        return cos, sin

    def _angles(self) -> str:
        g = self.g
        places = g("Cast", self.positions, to=F32)
        frequencies = self.frequencies.astype(np.float32)
        if g.chance(0.5):
            columns = g("Unsqueeze", places, g.ints(2))
            return g("Mul", columns, g.constant(frequencies))
        rows = g("Unsqueeze", places, g.ints(1))
        product = g("MatMul", g.constant(frequencies.reshape(1, -1, 1)), rows)
        return g("Transpose", product, perm=[0, 2, 1])

    def _doubled(self, table: np.ndarray) -> np.ndarray:
        if self.interleaved:
            return np.repeat(table, 2, -1)
        return np.concatenate([table, table], -1)

    def _doubled_value(self, table: str) -> str:
        """A column for each channel, from one for each pair."""
        g = self.g
        if not self.interleaved:
            return g("Concat", table, table, axis=-1)
        column = g("Unsqueeze", table, g.ints(3))
        pairs = g("Concat", column, column, axis=-1)
        return g("Reshape", pairs, g.ints(0, 0, self.width))

    def __call__(self, x: str, heads: int) -> str:
        """Rotate `x [batch, heads, new, size]`."""
        if self.fused:
            return self._by_operator(x, heads)
        g, size = self.g, self.sizes.size
        rest = ""
        if self.width < size:
            x, rest = self._cut(x, self.width, size)
        cos, sin = (g("Unsqueeze", table, g.ints(1)) for table in (self.cos, self.sin))
        x = self._rotated(x, g.cast(cos, g.types[x]), g.cast(sin, g.types[x]))
        return g("Concat", x, rest, axis=-1) if rest else x

    def _cut(self, x: str, first: int, size: int) -> tuple[str, str]:
        """Leading and trailing channels."""
        g = self.g
        if g.choose("cut", ("slice", "split")) == "split":
            a, b = g.parts("Split", x, g.ints(first, size - first), outputs=2, axis=-1)
            return a, b
        start = g("Slice", x, g.ints(0), g.ints(first), g.ints(-1), g.ints(1))
        return start, g("Slice", x, g.ints(first), g.ints(2**63 - 1), g.ints(-1), g.ints(1))

    def _rotated(self, x: str, cos: str, sin: str) -> str:
        g = self.g
        if not self.interleaved and g.choose("rotation", ("turned", "by parts")) == "by parts":
            return self._by_parts(x, cos, sin)
        turned = self._turned_pairs(x) if self.interleaved else self._turned_halves(x)
        return g("Add", g("Mul", x, cos), g("Mul", turned, sin))

    def _turned_halves(self, x: str) -> str:
        g = self.g
        first, second = self._cut(x, self.width // 2, self.width)
        return g("Concat", g("Neg", second), first, axis=-1)

    def _by_parts(self, x: str, cos: str, sin: str) -> str:
        g, half = self.g, self.width // 2
        first, second = self._cut(x, half, self.width)
        cos, sin = (g("Slice", t, g.ints(0), g.ints(half), g.ints(-1)) for t in (cos, sin))
        real = g("Sub", g("Mul", first, cos), g("Mul", second, sin))
        imag = g("Add", g("Mul", second, cos), g("Mul", first, sin))
        return g("Concat", real, imag, axis=-1)

    def _turned_pairs(self, x: str) -> str:
        """(-x1, x0, -x3, x2, ...)"""
        g, width = self.g, self.width
        if g.choose("pairs", ("slice", "reshape")) == "slice":
            last, steps = g.ints(2**63 - 1), g.ints(2)
            even = g("Slice", x, g.ints(0), last, g.ints(3), steps)
            odd = g("Slice", x, g.ints(1), last, g.ints(3), steps)
            parts = [g("Unsqueeze", v, g.ints(-1)) for v in (g("Neg", odd), even)]
        else:
            split = g("Reshape", x, g.ints(0, 0, 0, width // 2, 2))
            even, odd = g.parts("Split", split, g.ints(1, 1), outputs=2, axis=-1)
            parts = [g("Neg", odd), even]
        return g("Reshape", g("Concat", *parts, axis=-1), g.ints(0, 0, 0, width))

    def _by_operator(self, x: str, heads: int) -> str:
        g = self.g
        where = self._full_positions()
        cut = self.width if self.width < self.sizes.size else 0
        cos, sin = (g.cast(table, g.types[x]) for table in (self.cos, self.sin))
        attributes = {"interleaved": int(self.interleaved), "rotary_embedding_dim": cut}
        if cut:
            attributes["num_heads"] = heads
        if self.source == "com.microsoft":
            return g("RotaryEmbedding", x, where, cos, sin, domain=MICROSOFT, **attributes)
        if g.choose("rotary positions", (True, False)):
            return g("RotaryEmbedding", x, cos, sin, where, **attributes)
        tables = [g("Gather", table, where) for table in (cos, sin)]
        return g("RotaryEmbedding", x, *tables, **attributes)

    def _full_positions(self) -> str:
        """Positions for each row of the batch: the operators do not broadcast them."""
        ones = self.extents.expand(self.g.constant(np.ones((1, 1), np.int64)), "batch", "new")
        return self.g("Mul", self.positions, ones, type=I64)
