"""Ids as text while they come, each piece as soon as it is whole."""

from __future__ import annotations

from collections.abc import Sequence

from lpuc.text.tokenizer import Tokenizer

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """
    What each new id adds to the text; bytes of a character wait until it is whole.

    Decoders join tokens that they look at one by one, or bytes to a character. So only the last
    piece that was shown is decoded again with the ids behind it, and they tell whether a space or
    a word begins.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int]):
        self._tokenizer = tokenizer
        self._ids = list(prompt)
        """Those that are decoded again; the first `_old` of them were shown, as `_shown`."""
        self._old = len(self._ids)
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
        """What the text has behind what was shown, or what the new ids are by themselves."""
        shown, new = self._shown, self._ids[self._old :]
        alone = self._tokenizer.decode(new)
        self._shown = text
        if alone:
            self._ids, self._shown = new, alone
        self._old = len(self._ids)
        return text.removeprefix(shown) if text.startswith(shown) else alone
