"""Choose the next token from logits. This is the specification; the device computes the same bits.

Given are the logits `l` of the new token, the `tokens` of the whole text so far, prompt included,
and six numbers. All arithmetic on logits is f32, each operation rounded; of equal logits the one
with the lower id comes first.

Greedy choice, `sampled` = 0: the token is the first with the greatest logit. Otherwise:

1. Penalty: for the id of each token in `tokens`, once, `l = l / penalty if l > 0 else l * penalty`.
2. Temperature: `x = l / temperature`.
3. Rank: ids by descending `x`. The first `top_k` stay, all if it is 0; `x` is in this order below.
4. Weight: `p[i] = exp(x[i] - x[0])`, and `c[i] = p[0] + ... + p[i]`, summed from the left.
5. Nucleus: the first `n` ids stay, those whose sum of weights before them, `c[i - 1]` or 0 for the
   first, is below `top_p * c[last]`; at least one.
6. Draw: the first id with `c[i] > u * c[n - 1]`, the last of the `n` if there is none.

`u` depends on the seed and on the new token's place in the text alone, `position = len(tokens)`: a
text continued in two calls is the text of one. With i64 arithmetic that wraps and shifts that fill
with zeros, it is the output function of SplitMix64:

    z = seed + (position + 1) * 0x9E3779B97F4A7C15
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9
    z = (z ^ z >> 27) * 0x94D049BB133111EB
    u = (z ^ z >> 31) >> 40, times 2**-24

The six numbers are those of `Sampling.settings`, not those of the user: a temperature below 1e-5 is
greedy, where division could overflow, and a greedy choice with a penalty is temperature 1, top-k 1.
Logits that hold NaN choose no token: the device hands out -2, and who takes it over refuses it as
the host refuses the logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.errors import Unserved
from runtime.options import real, whole

Array = np.ndarray[Any, Any]

LEAST_TEMPERATURE = 1e-5
_WORD = (1 << 64) - 1


@dataclass(frozen=True)
class Settings:
    """The six numbers of the specification, in the types in which the device has them."""

    sampled: int
    temperature: np.float32
    top_p: np.float32
    penalty: np.float32
    top_k: int
    seed: int

    def floats(self) -> Array:
        """Temperature, top-p, penalty: the tensor of the role `sampler`."""
        return np.array([self.temperature, self.top_p, self.penalty], np.float32)

    def integers(self) -> Array:
        """Top-k and the seed, as i64: the tensor of the role `sampler_ints`."""
        return np.array([self.top_k, self.seed], np.uint64).view(np.int64)


@dataclass(frozen=True)
class Sampling:
    """How a user wants tokens chosen; temperature 0 takes the most likely one."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        real("temperature", self.temperature, 0, 1000)
        if self.top_k is not None:
            whole("top_k", self.top_k, 1)
        if self.top_p is not None:
            real("top_p", self.top_p, 0, 1, low_excluded=True)
        whole("seed", self.seed, 0, _WORD)
        real("repetition_penalty", self.repetition_penalty, 0.01, 100)

    def settings(self, vocabulary: int) -> Settings:
        """The numbers of the specification, for logits of `vocabulary` ids."""
        is_greedy = self.temperature < LEAST_TEMPERATURE
        top_p = 1.0 if self.top_p is None else max(self.top_p, np.finfo(np.float32).tiny)
        top_k = 0 if self.top_k is None or self.top_k >= vocabulary else self.top_k
        return Settings(
            sampled=int(not is_greedy or self.repetition_penalty != 1.0),
            temperature=np.float32(1.0 if is_greedy else self.temperature),
            top_p=np.float32(top_p),
            penalty=np.float32(self.repetition_penalty),
            top_k=1 if is_greedy else top_k,
            seed=self.seed & _WORD,
        )


def no_choice() -> Unserved:
    """The error for logits among which nothing can be chosen."""
    return Unserved("the logits hold NaN; no token can be chosen")


def uniform(seed: int, position: int) -> np.float32:
    """A number in [0, 1) that depends on the seed and a position alone."""
    z = (seed + (position + 1) * 0x9E3779B97F4A7C15) & _WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _WORD
    return np.float32(((z ^ z >> 31) >> 40) * 2.0**-24)


def choose(logits: Array, sampling: Sampling, tokens: Sequence[int]) -> int:
    """The id of the next token behind `tokens`."""
    if np.isnan(logits).any():
        raise no_choice()
    settings = sampling.settings(logits.size)
    scores = logits.astype(np.float32)
    if not settings.sampled:
        return int(np.argmax(scores))
    with np.errstate(all="ignore"):
        return _draw(_scaled(scores, settings, tokens), settings, len(tokens))


def _scaled(scores: Array, settings: Settings, tokens: Sequence[int]) -> Array:
    """Steps 1 and 2."""
    if settings.penalty != 1:
        seen = np.unique(np.asarray(tokens, np.int64))
        old = scores[seen]
        scores[seen] = np.where(old > 0, old / settings.penalty, old * settings.penalty)
    return scores / settings.temperature


def _draw(scaled: Array, settings: Settings, position: int) -> int:
    """Steps 3 to 6."""
    ranked: Array = np.argsort(-scaled, kind="stable")[: settings.top_k or None]
    weights = np.exp(scaled[ranked] - scaled[ranked[0]])
    sums: Array = np.cumsum(weights, dtype=np.float32)
    within = np.count_nonzero(sums[:-1] < settings.top_p * sums[-1])
    threshold = uniform(settings.seed, position) * sums[within]
    place = np.count_nonzero(sums[: within + 1] <= threshold)
    return int(ranked[min(place, within)])
