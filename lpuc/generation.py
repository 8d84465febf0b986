"""What is generated, while it is: ids or pieces of text, and how fast they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from lpuc.text.stream import TextStream
from lpuc.text.tokenizer import Tokenizer

T = TypeVar("T")


class Generation(Iterator[T], Generic[T]):
    """
    An iterator of token ids, or of pieces of text that join to the whole.

    `tokens` are the ids so far. A piece of text can be several tokens: a character shows when it is
    whole.
    """

    def __init__(self, tokens: Iterator[int], show: Callable[[Iterator[int]], Iterator[T]]) -> None:
        self.tokens: list[int] = []
        self.seconds_to_first: float | None = None
        """From the first call of `next` to the first token; None before it."""
        self.seconds = 0.0
        """From the first call of `next` to the last token so far."""
        self._shown = show(self._watched(tokens))

    def __next__(self) -> T:
        return next(self._shown)

    @property
    def tokens_per_second(self) -> float | None:
        """The rate behind the first token; None before there are two."""
        if len(self.tokens) < 2 or self.seconds_to_first is None:
            return None
        return (len(self.tokens) - 1) / max(self.seconds - self.seconds_to_first, 1e-9)

    def _watched(self, tokens: Iterator[int]) -> Iterator[int]:
        began = time.perf_counter()
        for token in tokens:
            self.seconds = time.perf_counter() - began
            if self.seconds_to_first is None:
                self.seconds_to_first = self.seconds
            self.tokens.append(token)
            yield token


def ids(tokens: Iterator[int]) -> Generation[int]:
    """The tokens as they are."""
    return Generation(tokens, lambda new: new)


def text(tokens: Iterator[int], words: Tokenizer, prompt: Sequence[int]) -> Generation[str]:
    """The tokens as text behind a prompt."""
    return Generation(tokens, lambda new: _pieces(new, TextStream(words, prompt)))


def _pieces(tokens: Iterator[int], stream: TextStream) -> Iterator[str]:
    for token in tokens:
        if piece := stream.push(token):
            yield piece
    if piece := stream.rest():
        yield piece
