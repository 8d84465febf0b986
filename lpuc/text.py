"""Text to tokens and back, by a `tokenizer.json`; needs the package tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpuc.errors import UserError, printable
from lpuc.files.disk import read_text

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


def printable_text(text: str) -> str:
    """Text for a terminal: control characters other than line breaks and tabs appear as escapes."""
    return "".join(c if c in "\n\t" else printable(c) for c in text)


class Tokenizer:
    """A tokenizer of Hugging Face's format."""

    def __init__(self, inner: Any):
        self._inner = inner

    @staticmethod
    def load(path: Path) -> Tokenizer:
        """Read a `tokenizer.json`."""
        try:
            import tokenizers
        except ImportError:
            raise UserError(
                "--prompt needs the package tokenizers: pip install 'lpuc[text]'", file=path
            ) from None
        text = read_text(path)
        try:
            return Tokenizer(tokenizers.Tokenizer.from_str(text))
        except Exception as error:
            raise UserError(f"is not a tokenizer: {error}", file=path) from error

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text, with the special tokens that the tokenizer adds."""
        try:
            return tuple(self._inner.encode(text).ids)
        except UnicodeEncodeError:
            raise UserError("the prompt is not valid text") from None

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        return self._inner.decode(list(ids), skip_special_tokens=True)


class TextStream:
    """What each new id adds to the text; bytes of a character wait until it is whole."""

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int]):
        self._tokenizer = tokenizer
        self._ids = list(prompt)
        self._shown = tokenizer.decode(self._ids)

    def push(self, token: int) -> str:
        """The text to show now, empty while a character is not whole."""
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
