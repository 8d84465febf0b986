"""The tokens that end a text, as the files of a model's folder say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from lpuc.files.json_text import parsed
from runtime.files import read_text

MOST_BYTES = 1 << 27
"""Of a tokenizer; the largest in use, with 262 144 tokens, have a quarter of it."""


def end_tokens(folder: Path, id_of: Callable[[str], int | None] = lambda _: None) -> frozenset[int]:
    """The tokens that end a text, by the first file of a model's folder that names any."""
    for name in ("generation_config.json", "config.json"):
        if ids := _ids(_table(folder / name).get("eos_token_id")):
            return ids
    token = _table(folder / "tokenizer_config.json").get("eos_token")
    if isinstance(token, dict):
        token = cast("dict[str, object]", token).get("content")
    found = id_of(token) if isinstance(token, str) else None
    return frozenset() if found is None else frozenset({found})


def _ids(value: object) -> frozenset[int]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return frozenset(v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0)


def _table(path: Path) -> dict[str, object]:
    """A JSON object, empty if there is no such file."""
    if not path.exists():
        return {}
    data = parsed(read_text(path, MOST_BYTES), path, "is not JSON")
    return cast("dict[str, object]", data) if isinstance(data, dict) else {}
