"""How large a decoder is: the sizes that the families share, and those of known models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Extents of a decoder: `kv_heads` are those of the cache, `hidden` is inside an MLP."""

    family: str
    layers: int
    width: int
    heads: int
    hidden: int
    vocabulary: int
    kv_heads: int = 0
    positions: int = 2048
    """Rows of the table of positions; 0 rows are needed where they are rotated."""
    dtype: str = "f32"
    lanes: int = 0
    """Of a head, 0 where it is `width / heads`; only Llama and Mixtral may have others."""
    experts: int = 0
    """Feed-forward parts to choose from, 0 where there is no choice; each token takes two."""
    norms_behind: bool = False
    """Norms of what a layer adds instead of what it reads, and of queries and keys over all their
    heads, as in OLMo 2; only of Llama and Mixtral."""

    parallel: bool = False
    """Feed-forward reads what attention reads, and both are added to it, as in GPT-J and Falcon;
    only of Llama and Mixtral."""
    merged: bool = False
    """Queries, keys and values are one product; only of Llama and Mixtral."""

    @property
    def head(self) -> int:
        """Lanes of a head."""
        return self.lanes or self.width // self.heads

    @property
    def cached(self) -> int:
        """Heads of the cache."""
        return self.kv_heads or self.heads


SHAPES = {
    "gpt2": Shape("gpt2", 12, 768, 12, 3072, 50257),
    "gpt2-tiny": Shape("gpt2", 2, 32, 4, 64, 96, positions=64),
    "llama": Shape("llama", 4, 512, 8, 1408, 4096, kv_heads=4),
    "llama-tiny": Shape("llama", 2, 32, 4, 64, 96, kv_heads=2, positions=0),
    "mixtral": Shape("mixtral", 4, 512, 8, 1408, 4096, kv_heads=4, positions=0, experts=8),
    "mixtral-tiny": Shape("mixtral", 2, 32, 4, 24, 96, kv_heads=2, positions=0, experts=4),
    "gpt2-345m": Shape("gpt2", 24, 1024, 16, 4096, 50257, dtype="f16"),
    "gpt2-1.5b": Shape("gpt2", 48, 1600, 25, 6400, 50257, dtype="f16"),
    "gpt3-20b": Shape("opt", 44, 6144, 48, 24576, 51200, dtype="f16"),
    "llama-110m": Shape("llama", 12, 768, 12, 2048, 32000, positions=0),
    "llama-7b": Shape("llama", 32, 4096, 32, 11008, 32000, positions=0, dtype="f16"),
    "llama-70b": Shape("llama", 80, 8192, 64, 28672, 32000, kv_heads=8, positions=0, dtype="f16"),
    "opt-1.3b": Shape("opt", 24, 2048, 32, 8192, 50272, dtype="f16"),
    "opt-6.7b": Shape("opt", 32, 4096, 32, 16384, 50272, dtype="f16"),
    "opt-13b": Shape("opt", 40, 5120, 40, 20480, 50272, dtype="f16"),
    "opt-30b": Shape("opt", 48, 7168, 56, 28672, 50272, dtype="f16"),
    "opt-66b": Shape("opt", 64, 9216, 72, 36864, 50272, dtype="f16"),
    "opt-tiny": Shape("opt", 2, 32, 4, 64, 96, positions=64, dtype="f16"),
}
"""By name. GPT-2 has 1024 positions; 2048 let it be measured with 1024 tokens in the cache.

Of those with a size in the name the extents are published with the models; of GPT-3 20B, which is a
shape and no model, they are NVIDIA's, from memory. GPT-2 1.5B has 25 heads; DFX gave it 24.
"""
