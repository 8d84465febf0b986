"""JSON in one spelling, which is the only one that a program file may hold."""

import json

MOST_VALUES = 1 << 20


def to_text(data: object) -> str:
    """Canonical JSON, the only spelling that a program file may hold."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def from_text(text: str) -> object:
    """The data of JSON text; ValueError for anything else, and for half a surrogate pair.

    A value takes up to a hundred bytes here, and three in the text, so their number is bounded.
    """
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} values")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if "\\ud" in text.lower() and not _is_encodable(data):
        raise ValueError("a name holds half a surrogate pair, which no text does")
    return data


def _is_encodable(data: object) -> bool:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
