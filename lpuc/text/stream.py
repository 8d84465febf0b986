"""Ids as text while they come, each piece as soon as it is whole."""

from __future__ import annotations

from collections.abc import Sequence

from lpuc.text.tokenizer import Tokenizer

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """What each new id adds to the text; bytes of a character wait until it is whole."""

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int]):
        self._tokenizer = tokenizer
        self._ids = list(prompt)
        self._shown = tokenizer.decode(self._ids)

    def push(self, token: int) -> str:
        """The text to show now, empty while a character is not whole."""
        self._tokenizer.require(token)
        self._ids.append(token)
        text = self._tokenizer.decode(self._ids)
        return "" if text.endswith(_UNFINISHED) else self._show(text)

    def rest(self) -> str:
        """The text of what never became whole."""
        return self._show(self._tokenizer.decode(self._ids))

    def _show(self, text: str) -> str:
        new = text.removeprefix(self._shown)
        self._shown = text
        return new
