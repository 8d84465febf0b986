"""Text to tokens and back, by a `tokenizer.json`; needs the package tokenizers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lpuc.errors import UserError, printable
from lpuc.files import read_text

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

    def stream(self, prompt: Sequence[int], new: Iterable[int]) -> Iterator[str]:
        """What each new id adds to the text; bytes of a character wait until it is whole."""
        ids = list(prompt)
        shown = self.decode(ids)
        for token in new:
            ids.append(token)
            text = self.decode(ids)
            if not text.endswith(_UNFINISHED):
                yield text.removeprefix(shown)
                shown = text
        rest = self.decode(ids)
        if rest != shown:
            yield rest.removeprefix(shown)
