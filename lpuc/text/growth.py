"""
Limits of what a tokenizer makes of a text, checked before foreign code gets the file.

A short file can ask for replacements of replacements, or for an array of a size that it merely
states. The library follows, until memory is gone and the process with it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, cast

from lpuc.errors import UserError

Part = dict[str, Any]

PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
MOST_GROWTH = 1 << 16
"""By how much replacements may lengthen a text; those in use put a character or two for one."""
MOST_SPECIAL = 1 << 16
"""Characters and tokens that are put around a text."""


def check_growth(tokenizer: object, file: Path) -> None:
    """Refuse the contents of a `tokenizer.json` with which a text would grow beyond all limits."""
    if not isinstance(tokenizer, dict):
        return
    table = cast("Part", tokenizer)
    for name in PARTS:
        found = list(_parts(table.get(name)))
        growth = prod(map(_growth, _of(found, "Replace")))
        added = sum(len(_text(part, "prepend")) for part in _of(found, "Prepend"))
        special = sum(map(_special_tokens, _of(found, "TemplateProcessing")))
        if growth > MOST_GROWTH or added + special > MOST_SPECIAL:
            raise UserError(f"its {name} lengthens texts too much", file=file)
        if not all(map(_is_whole, _of(found, "Precompiled"))):
            raise UserError(f"its {name} has a damaged table of characters", file=file)


def _parts(data: object) -> Iterator[Part]:
    """All objects in a part of a tokenizer."""
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield cast("Part", one)
            waiting += cast("Part", one).values()
        elif isinstance(one, list):
            waiting += cast("list[object]", one)


def _of(parts: list[Part], kind: str) -> list[Part]:
    return [part for part in parts if part.get("type") == kind]


def _text(part: Part, name: str) -> str:
    value = part.get(name)
    return value if isinstance(value, str) else ""


def _growth(replacement: Part) -> int:
    """How many characters stand for one; a pattern may match between characters, too."""
    size = len(_text(replacement, "content"))
    pattern = replacement.get("pattern")
    is_plain = isinstance(pattern, dict) and bool(_text(cast("Part", pattern), "String"))
    return max(1, size) if is_plain else 1 + size


def _special_tokens(template: Part) -> int:
    """How many tokens a template puts around a text, at most."""
    known = template.get("special_tokens")
    table = cast("Part", known) if isinstance(known, dict) else {}
    longest = max((len(str(token)) for token in table.values()), default=0)
    pieces = template.get("single")
    return longest * len(cast("list[object]", pieces)) if isinstance(pieces, list) else 0


def _is_whole(part: Part) -> bool:
    """Whether a table of characters has the size that it begins with."""
    try:
        data = base64.b64decode(_text(part, "precompiled_charsmap"))
    except binascii.Error:
        return True
    return not data or int.from_bytes(data[:4], "little") <= len(data) - 4
