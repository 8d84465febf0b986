"""A layer: attention and a feed-forward part around a residual stream."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.fuzz.decoders.activations import feed_forward
from benchmarks.fuzz.decoders.attention import Spelled
from benchmarks.fuzz.decoders.caches import Caches
from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.fused import Fused
from benchmarks.fuzz.decoders.graph import F16, Graph
from benchmarks.fuzz.decoders.linear import linear
from benchmarks.fuzz.decoders.norms import norm, skip_norm
from benchmarks.fuzz.decoders.rotary import Rotary
from benchmarks.fuzz.decoders.sizes import Sizes


@dataclass
class Layers:
    """What the layers of one decoder are made of."""

    g: Graph
    sizes: Sizes
    extents: Extents
    caches: Caches
    spelled: Spelled
    fused: Fused
    rotary: Rotary | None
    order: str
    """`before`, `after` or `parallel`: where the norms are; `skip`: one operator adds and norms."""
    half: bool
    """Whether the feed-forward part is in f16."""
    windows: tuple[int, ...]
    """Of the layers, in turn; 0 is none."""
    head_norms: bool

    def __post_init__(self):
        self.previous = ("", "")

    def __call__(self, x: str, layer: int) -> str:
        """The stream behind a layer."""
        g, width = self.g, self.sizes.hidden
        if self.order == "parallel":
            normed = norm(g, x, width)
            both = g("Add", self.attention(normed, layer), self.feed_forward(normed))
            return g("Add", both, x)
        if self.order == "after":
            x = norm(g, g("Add", x, self.attention(x, layer)), width)
            return norm(g, g("Add", x, self.feed_forward(x)), width)
        attended = self.attention(norm(g, x, width), layer)
        if self.order == "skip":
            normed, x = skip_norm(g, x, attended, width)
            return g("Add", x, self.feed_forward(normed))
        x = g("Add", x, attended)
        return g("Add", self.feed_forward(norm(g, x, width)), x)

    def feed_forward(self, x: str) -> str:
        """In f16 between casts, or as it comes."""
        g, dtype = self.g, self.g.types[x]
        if self.half:
            g.label("f16 casts", "f16: feed-forward")
            x = g.cast(x, F16)
        return g.cast(feed_forward(g, x, self.sizes.hidden, self.sizes.inner), dtype)

    def attention(self, x: str, layer: int) -> str:
        """Projections, what attends, and the projection back."""
        g, sizes = self.g, self.sizes
        window = self.windows[layer % len(self.windows)]
        g.label(f"attention: {sizes.core}")
        if sizes.core == "packed":
            joined = self.fused.packed(x)
        elif sizes.core == "GroupQueryAttention":
            joined = self.fused.grouped(layer, self._grouped(x), window)
        else:
            joined = self._joined(self._attended(x, layer, window))
        return linear(g, joined, sizes.heads * sizes.size, sizes.hidden)

    def _attended(self, x: str, layer: int, window: int) -> str:
        q, k, v = self._heads(x, layer)
        if self.sizes.core == "Attention":
            if layer in self.caches.shared:
                y, _, _ = self.fused.standard(layer, q, *self.previous, window)
            else:
                y, *self.previous = self.fused.standard(layer, q, k, v, window)
            return y
        if layer not in self.caches.shared:
            self.previous = self.caches.append(layer, k, v)
        masked = not self.caches.own_symbol(layer)
        return self.spelled(q, *self.previous, window if masked else 0, masked)

    def _projections(self, x: str) -> list[str]:
        """Of queries, keys and values, [batch, new, heads * size]."""
        g, sizes = self.g, self.sizes
        widths = [n * sizes.size for n in (sizes.heads, sizes.kv_heads, sizes.kv_heads)]
        if g.spelled("projections", ("apart", "apart", "packed")) == "apart":
            return [linear(g, x, sizes.hidden, width) for width in widths]
        packed = linear(g, x, sizes.hidden, sum(widths))
        return g.parts("Split", packed, g.ints(*widths), outputs=3, axis=-1)

    def _grouped(self, x: str) -> tuple[str, str, str]:
        g, sizes = self.g, self.sizes
        if g.choose("packed in one", (True, False)):
            width = (sizes.heads + 2 * sizes.kv_heads) * sizes.size
            return linear(g, x, sizes.hidden, width), "", ""
        q, k, v = self._projections(x)
        return q, k, v

    def _heads(self, x: str, layer: int) -> list[str]:
        """Queries, keys and values, [batch, heads, new, size], rotated."""
        g, sizes = self.g, self.sizes
        counts = (sizes.heads, sizes.kv_heads, sizes.kv_heads)
        found: list[str] = []
        shared = layer in self.caches.shared
        for place, (part, heads) in enumerate(zip(self._projections(x), counts, strict=True)):
            if shared and place:
                break
            split = self.extents.reshape(part, "batch", "new", heads, sizes.size)
            if self.head_norms and place < 2:
                split = norm(g, split, sizes.size)
                g.label("norm: of heads")
            split = g("Transpose", split, perm=[0, 2, 1, 3])
            rotates = self.rotary is not None and place < 2
            found.append(self.rotary(split, heads) if rotates else split)
        return found if not shared else [*found, "", ""]

    def _joined(self, y: str) -> str:
        width = self.sizes.heads * self.sizes.size
        return self.extents.reshape(
            self.g("Transpose", y, perm=[0, 2, 1, 3]), "batch", "new", width
        )
