"""The families of decoders by name, and the one way to write a model."""

from __future__ import annotations

from pathlib import Path

from benchmarks.decoders import gpt2, llama, mixtral, opt
from benchmarks.decoders.graph import Graph
from benchmarks.decoders.shape import Shape

FAMILIES = {"gpt2": gpt2.write, "llama": llama.write, "mixtral": mixtral.write, "opt": opt.write}


def write_decoder(path: Path, shape: Shape, seed: int = 0, has_data: bool = True) -> None:
    """Write a decoder to a file, its weights to `<file>.data` beside it, or nowhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    FAMILIES[shape.family](Graph(path, seed, shape.dtype, has_data), shape)
