"""
Choose the next token from logits.

The order is: temperature, top-k, top-p, draw. Tokens are ranked by logit, equal ones by id. A draw
uses one number of Philox 4x64-10 with the seed as key and the index of the token as counter, so
that a token depends on nothing but its logits, the seed and its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lpuc.errors import UserError

Logits = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sampling:
    """How to choose; temperature 0 takes the most likely token."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0


def uniform(seed: int, index: int) -> float:
    """A number in [0, 1) that depends on seed and index alone."""
    raw = np.random.Philox(key=seed, counter=index).random_raw()
    return (int(raw) >> 11) * 2.0**-53


def choose(logits: Logits, sampling: Sampling, index: int) -> int:
    """The id of the next token; `index` counts the tokens chosen so far."""
    if np.isnan(logits).any():
        raise UserError("the logits hold NaN; no token can be chosen")
    if sampling.temperature == 0.0:
        return int(np.argmax(logits))
    scaled = logits.astype(np.float64) / sampling.temperature
    ranked: Logits = np.argsort(-scaled, kind="stable")[: sampling.top_k]
    weights = np.exp(scaled[ranked] - scaled[ranked[0]])
    kept = _nucleus(weights, sampling.top_p)
    cumulative: Logits = np.cumsum(weights[:kept])
    threshold = uniform(sampling.seed, index) * cumulative[-1]
    place = np.count_nonzero(cumulative <= threshold)
    return int(ranked[min(place, kept - 1)])


def _nucleus(weights: Logits, top_p: float | None) -> int:
    """How many of the ranked tokens hold the probability `top_p` together."""
    if top_p is None:
        return weights.size
    cumulative: Logits = np.cumsum(weights)
    below = int(np.count_nonzero(cumulative < top_p * cumulative[-1]))
    return min(below + 1, weights.size)
