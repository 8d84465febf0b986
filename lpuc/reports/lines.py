"""Facts as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable


def size(count: int) -> str:
    """A number of bytes for people: `1.5 MiB`, exact below 1 KiB."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Aligned lines of name and value."""
    return "\n".join(f"{name:13} {value}" for name, value in pairs)
