"""Attention as one operator: the standard's, and two of ONNX Runtime."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.decoders.caches import Caches
from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.graph import I32, I64, MICROSOFT, NUMPY, Graph
from benchmarks.fuzz.decoders.masks import Masks
from benchmarks.fuzz.decoders.rotary import ROWS
from benchmarks.fuzz.decoders.sizes import Sizes


class Fused:
    """One decoder's operators; a call attends in one layer, cache included."""

    def __init__(
        self, g: Graph, sizes: Sizes, extents: Extents, masks: Masks, caches: Caches
    ) -> None:
        self.g, self.sizes, self.extents, self.masks, self.caches = g, sizes, extents, masks, caches
        self.softcap = 3.0 if g.chance(0.15) else 0.0
        self.rotates = g.chance(0.5)
        """Whether the operator rotates itself."""
        self.inside = g.chance(0.5)
        """Whether the cache goes through the operator."""
        self.causal = g.chance(0.5)

    def standard(self, layer: int, q: str, k: str, v: str, window: int) -> tuple[str, str, str]:
        """`Attention`, on four axes; the result, and keys and values of all tokens."""
        g = self.g
        past = self.caches.pasts.get(layer)
        inside = self.inside and past is not None and self.caches.dtype == g.types[k]
        if not inside:
            k, v = self.caches.append(layer, k, v)
        as_bias = (
            self.masks.kind == "float 4-D" or g.choose("mask as", ("bool", "float")) == "float"
        )
        mask = self.masks.bias(window) if as_bias else self.masks.condition(window)
        if mask:
            mask = self.extents.expand(mask, "batch", 1, "new", "total")
            mask = g.cast(mask, g.types[q]) if as_bias else mask
        given = past if inside and past is not None else ()
        names = [g.fresh("attended"), *(g.fresh("present") for _ in given)]
        attributes = {"softcap": self.softcap} if self.softcap else {}
        if self.causal and self.sizes.cache == "none":
            attributes["is_causal"] = 1
        inputs = [q, k, v, mask, *given]
        while not inputs[-1]:
            inputs.pop()
        g.append("Attention", inputs, names, type=g.types[q], **attributes)
        if not inside:
            return names[0], k, v
        self.caches.present(layer, "key", names[1])
        self.caches.present(layer, "value", names[2])
        return names[0], names[1], names[2]

    def grouped(self, layer: int, parts: tuple[str, ...], window: int) -> str:
        """`GroupQueryAttention` on [batch, new, heads * size]; one part if it is packed."""
        g, sizes = self.g, self.sizes
        past, dtype = self.caches.pasts.get(layer, ("", "")), self.caches.dtype
        stream = g.types[parts[0]]
        parts = tuple(g.cast(part, dtype) if part else "" for part in parts)
        tables = self._tables() if self.rotates else ("", "")
        names = [g.fresh("attended"), g.fresh("present"), g.fresh("present")]
        inputs = [*parts, *past, self._lengths(), self._total(), *tables]
        g.append(
            "GroupQueryAttention",
            inputs,
            names,
            domain=MICROSOFT,
            num_heads=sizes.heads,
            kv_num_heads=sizes.kv_heads,
            do_rotary=int(self.rotates),
            local_window_size=window or -1,
            softcap=self.softcap,
        )
        if window:
            g.label("window")
        if self.caches.pasts:
            self.caches.present(layer, "key", names[1])
            self.caches.present(layer, "value", names[2])
        return g.cast(names[0], stream)

    def _tables(self) -> tuple[str, str]:
        g, half = self.g, self.sizes.size // 2
        angles = np.outer(np.arange(ROWS), 100.0 ** -(np.arange(half) / half))
        g.label("rotary: in GroupQueryAttention", "rotary: half-split")
        dtype = NUMPY[self.caches.dtype]
        cos, sin = (g.constant(f(angles).astype(dtype)) for f in (np.cos, np.sin))
        return cos, sin

    def _lengths(self) -> str:
        """The last valid place of each row."""
        g = self.g
        if self.masks.flat:
            counts = g("ReduceSum", g.cast(self.masks.flat, I64), g.ints(1), keepdims=0)
            return g("Cast", g("Sub", counts, g.ints(1)), to=I32)
        last = g("Sub", self.extents.scalar("total"), g.index(1))
        return g("Cast", self.extents.expand(last, "batch"), to=I32)

    def _total(self) -> str:
        return self.g("Cast", self.extents.scalar("total"), to=I32)

    def packed(self, x: str) -> str:
        """`Attention` of ONNX Runtime, projections included."""
        g, sizes = self.g, self.sizes
        width = sizes.heads * sizes.size
        dtype = g.types[x]
        weights = g.weight(sizes.hidden, 3 * width, type=dtype)
        bias = g.weight(3 * width, type=dtype)
        mask = g.cast(self.masks.flat, I32) if self.masks.flat else ""
        inputs = [x, weights, bias, *([mask] if mask else [])]
        name = g.fresh("attended")
        attributes = {"num_heads": sizes.heads, "unidirectional": int(self.causal)}
        g.append("Attention", inputs, [name], domain=MICROSOFT, **attributes)
        return name
