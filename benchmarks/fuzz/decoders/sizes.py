"""What a decoder is: extents, which of them are known, caches, and how it is compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

WIDTHS = (3, 4, 4, 5, 6, 6, 8, 8, 10, 16)
"""Head sizes; odd ones are not rotated."""
VOCABULARIES = (17, 31, 32, 50, 64)
CONTEXTS = (9, 16, 24, 33)


@dataclass(frozen=True)
class Sizes:
    """The extents of one decoder."""

    core: str
    """What attends: `spelled`, or an operator: `Attention`, `GroupQueryAttention`, `packed`."""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    size: int
    """Of a head."""
    inner: int
    """Of the feed-forward part."""
    vocabulary: int
    batch: int
    new: int
    cache: str
    """`dynamic`, `fixed` or `none`."""
    past: int
    """Of a fixed cache."""
    context: int
    """The most tokens, cache included."""
    dynamic_batch: bool
    dynamic_new: bool

    @property
    def batch_dim(self) -> int | str:
        """The batch as a dimension of an input."""
        return "batch_size" if self.dynamic_batch else self.batch

    @property
    def new_dim(self) -> int | str:
        """The new tokens as a dimension of an input."""
        return "sequence_length" if self.dynamic_new else self.new

    @property
    def past_dim(self) -> int | str:
        """The cached tokens as a dimension of an input."""
        return "past_sequence_length" if self.cache == "dynamic" else self.past

    @property
    def total_dim(self) -> int | str:
        """Cached and new tokens as a dimension of an input."""
        if self.cache == "none":
            return self.new_dim
        if self.cache == "dynamic" or self.dynamic_new:
            return "total_sequence_length"
        return self.past + self.new

    @property
    def shape(self) -> dict[str, int]:
        """What the compiler is told of the dimensions."""
        known: dict[str, int] = {}
        if self.dynamic_batch:
            known["batch"] = self.batch
        if self.dynamic_new:
            known["seq"] = self.new
        return known


CORES = ("spelled",) * 13 + ("GroupQueryAttention",) * 3 + ("packed",)
NEW_CORES = ("spelled",) * 9 + ("Attention",) * 5 + ("GroupQueryAttention",) * 2 + ("packed",)
"""Since opset 23."""
CACHES = ("dynamic",) * 12 + ("fixed",) * 4 + ("none",) * 5


def draw_sizes(rng: np.random.Generator, opset: int) -> Sizes:
    """Small extents, odd ones among them."""
    core = _pick(rng, NEW_CORES if opset >= 23 else CORES)
    cache = "none" if core == "packed" else _pick(rng, CACHES)
    kv_heads = _pick(rng, (1, 1, 2, 2, 3))
    heads = kv_heads * (1 if core == "packed" else _pick(rng, (1, 1, 2, 3)))
    size = 16 if core == "GroupQueryAttention" else _pick(rng, WIDTHS)
    hidden = heads * size if rng.random() < 0.5 else _pick(rng, (15, 16, 24, 21))
    new = _pick(rng, (1, 1, 1, 2, 3, 5) if cache != "none" else (1, 2, 3, 5, 7))
    only_one = core == "GroupQueryAttention" and cache != "none" and new > 1
    return Sizes(
        core=core,
        layers=_pick(rng, (1, 2, 2, 3)),
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        size=size,
        inner=_pick(rng, (13, 16, 32, hidden * 2)),
        vocabulary=_pick(rng, VOCABULARIES),
        batch=1 if only_one else _pick(rng, (1, 1, 1, 2, 3)),
        new=new,
        cache=cache,
        past=_pick(rng, (0, 1, 4, 7)) if cache == "fixed" else 0,
        context=_pick(rng, CONTEXTS),
        dynamic_batch=bool(rng.random() < 0.5),
        dynamic_new=bool(rng.random() < 0.5),
    )


def _pick(rng: np.random.Generator, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]
