"""JSON that somebody else wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lpuc.errors import UserError

Pairs = list[tuple[str, object]]


def parsed(text: str, path: Path, what: str) -> object:
    """
    The JSON that a file holds; `what` is said of one that holds none.

    Of names that stand twice in an object the last counts: files that others write have such.
    """
    return _parsed(text, path, what, dict)


def parsed_distinct(text: str, path: Path, what: str) -> object:
    """The same of a file that a user edits, where a name that stands twice is a slip."""
    return _parsed(text, path, what, _distinct)


def _parsed(text: str, path: Path, what: str, table: Callable[[Pairs], object]) -> object:
    try:
        return json.loads(text, object_pairs_hook=table)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{what}: {error}", file=path) from None


def _distinct(pairs: Pairs) -> dict[str, object]:
    counts = Counter(name for name, _ in pairs)
    for name, count in counts.items():
        if count > 1:
            raise ValueError(f"'{name}' stands there {count} times")
    return dict(pairs)
