"""The first token behind a prompt: chunks, the tokens that they leave, and the one that is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.generation.prompt import Chunks
from runtime.program.interface import call_symbols
from runtime.program.interface_json import CHUNK, STEP
from runtime.program.program import Program
from runtime.timing import predict

PROMPT = 1024
"""Tokens, or as many as fit."""
SEEN = 5
"""Runs of one kind that are predicted; those between two of them lie on a line."""


@dataclass(frozen=True)
class FirstToken:
    """
    Seconds from an empty cache to the first token behind a prompt.

    `tokens` are taken one by one by `step`, behind `chunks` of `width` tokens. `limit` is the time
    of the products, None where they are not known.
    """

    prompt: int
    seconds: float
    chunks: int
    width: int
    tokens: int
    limit: float | None


def first_token(
    program: Program, products: Callable[[int], int] | None = None, prompt: int = PROMPT
) -> FirstToken | None:
    """
    The first token of a decoder; None where `step` is not one token behind a cache.

    `products` gives the MACs of a prompt of so many tokens: each token sees those before it, and of
    the last alone logits are made.
    """
    symbols = call_symbols(program.interface, program.devices)
    chunks = Chunks.of(program)
    if len(symbols) != 1 or not any(p.role == "past" for p in program.interface.inputs):
        return None
    (past,) = symbols
    prompt = min(prompt, past.upper + 1)
    starts = () if chunks is None else chunks.starts(0, prompt - 1)
    fed = 0 if chunks is None else chunks.reached(0, prompt - 1)
    seconds = _sum(program, STEP, past.name, range(fed, prompt))
    if chunks is not None:
        seconds += _sum(program, CHUNK, chunks.past, starts)
    limit = None if products is None else _multiplying(products(prompt), program)
    width = 0 if chunks is None else chunks.width
    return FirstToken(prompt, seconds, len(starts), width, prompt - fed, limit)


def _multiplying(macs: int, program: Program) -> float:
    """Seconds in which all trees multiply in every cycle."""
    target = program.target
    return macs / (target.mac_trees * target.vector_lanes * target.clock_hz * program.devices)


def _sum(program: Program, entry: str, symbol: str, values: Sequence[int]) -> float:
    """Seconds of runs for ascending values of a symbol."""
    if not values:
        return 0.0
    places = np.unique(np.linspace(0, len(values) - 1, SEEN).round().astype(int))
    seen = [values[int(place)] for place in places]
    times = [predict(program, {symbol: value}, entry=entry).seconds for value in seen]
    return float(np.interp(values, seen, times).sum())
