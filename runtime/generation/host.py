"""Generate on the host: call the entry `step` of a program once for each token, and choose there.

This serves programs without an entry `generate`, and is what that entry is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runtime.generation.feeding import Feed
from runtime.generation.sampling import Sampling, choose


def tokens_of(feed: Feed, prompt: Sequence[int], count: int, sampling: Sampling) -> Iterator[int]:
    """Up to `count` new tokens after a prompt."""
    tokens, fed = list(prompt), list(prompt)
    for _ in range(count):
        logits = feed.last(fed)[0]
        fed = [choose(logits, sampling, tokens)]
        tokens += fed
        yield fed[0]
