"""Text to tokens and back, by a `tokenizer.json`; needs the package tokenizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lpuc.errors import UserError
from lpuc.files.json_text import parsed
from lpuc.text.ends import MOST_BYTES, end_tokens
from lpuc.text.growth import check_growth
from runtime.files import read_text

T = TypeVar("T")

TOKENIZER = "tokenizer.json"


class Tokenizer:
    """A tokenizer of Hugging Face's format; `ends` are the tokens that end a text, if known."""

    def __init__(self, inner: Any, file: Path, ends: frozenset[int] = frozenset()):
        self._inner, self._file, self.ends = inner, file, ends

    @staticmethod
    def load(path: Path) -> Tokenizer:
        """Read a `tokenizer.json`, or a folder that has one and may name the end token."""
        try:
            import tokenizers
        except ImportError:
            raise UserError(
                "text needs the package tokenizers: pip install 'lpuc[text]'", file=path
            ) from None
        folder = path if path.is_dir() else None
        file = path / TOKENIZER if path.is_dir() else path
        content = read_text(file, MOST_BYTES)
        check_growth(parsed(content, file, "is not a tokenizer"), file)
        inner = _guarded(file, "is not a tokenizer", lambda: tokenizers.Tokenizer.from_str(content))
        inner.no_padding()
        inner.no_truncation()
        made = Tokenizer(inner, file)
        return made if folder is None else Tokenizer(inner, file, end_tokens(folder, made.id_of))

    def id_of(self, token: str) -> int | None:
        """The id of a token by its spelling."""
        return self._inner.token_to_id(token)

    def check(self, vocabulary: int) -> None:
        """Refuse to serve a model that does not know each of the tokens."""
        greatest = max(self._inner.get_vocab(with_added_tokens=True).values(), default=-1)
        if greatest >= vocabulary:
            raise UserError(
                f"has ids up to {greatest}, the model {vocabulary}: it belongs to another model",
                file=self._file,
            )

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text, with the special tokens that the tokenizer adds."""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UserError("the prompt is not valid text") from None
        encoded = _guarded(self._file, "cannot encode the prompt", lambda: self._inner.encode(text))
        return tuple(encoded.ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        return _guarded(
            self._file,
            "cannot decode",
            lambda: self._inner.decode(list(ids), skip_special_tokens=True),
        )

    def require(self, token: int) -> None:
        """Refuse a token of a model that the tokenizer does not know."""
        if self._inner.id_to_token(token) is None:
            raise UserError(
                f"does not know token {token}: it belongs to another model", file=self._file
            )


def _guarded(file: Path, what: str, work: Callable[[], T]) -> T:
    """Foreign code: its panics are no `Exception`."""
    try:
        return work()
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, OSError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise UserError(f"{what}: {error}", file=file) from error
