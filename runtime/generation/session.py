"""A text that a caller feeds token by token, with the cache on the device."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

import numpy as np

from runtime.errors import Misuse
from runtime.generation.feeding import Feed
from runtime.options import Tokens, one_of, token_ids

Array = np.ndarray[Any, Any]

LOGITS = ("all", "last")
"""Of which tokens a session gives logits."""


class Session:
    """Feeds tokens to a decoder, which remembers them until `reset` or `close`.

    A session belongs to the thread that made it; any number of sessions of one program can be open,
    each with devices of its own.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._thread = threading.get_ident()
        self._is_open = True

    @property
    def position(self) -> int:
        """How many tokens were fed."""
        return self._feed.position

    @property
    def room(self) -> int:
        """How many tokens can be fed in all."""
        return self._feed.decoder.room

    def step(self, tokens: Tokens, *, logits: str = "all") -> Array:
        """Feed tokens; their logits as an array [len(tokens), vocabulary].

        With `logits="last"`, those of the last token alone, [1, vocabulary]: then a program with
        an entry `prompt_chunk` takes the others many at a time. A model that gives logits of its
        last token alone gives one row for each of its steps.
        """
        self._check()
        ids = token_ids("tokens", tokens)
        is_last = one_of("logits", logits, LOGITS) == "last"
        return self._feed.last(ids) if is_last else self._feed.step(ids)

    def reset(self) -> None:
        """Forget all tokens."""
        self._check()
        self._feed.reset()

    def close(self) -> None:
        """Let go of the devices; nothing can be fed any more."""
        if self._is_open:
            self._check()
            self._feed.cache.close()
        self._is_open = False

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def _check(self) -> None:
        if threading.get_ident() != self._thread:
            raise Misuse("a session belongs to the thread that made it, and another one uses it")
        if not self._is_open:
            raise Misuse("the session is closed")
