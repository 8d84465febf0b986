"""
Text of IR in which long lists and long constants are cut short, for people; it cannot be read back.

```mlir
lpu.constant <stack([file("w", 0, [2], f32), file("w", 8, [2], f32), ... 46 more])>
lpu_mem.fill "0000803f... 60 bytes more"
loc(fused["/layers.0/fc1", "/layers.1/fc1", ... 46 more])
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

DEFAULT = 16
"""How many elements are still printed in full where nobody says anything else."""
ELEMENT_BYTES = 4
"""What an element of a constant that is written as bytes counts as."""
KEPT = 2
"""How many elements stay of what is cut short."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]]|,|[^"\[\],]++|"')
_BYTES = re.compile(r'"(0x)?((?:[0-9A-Fa-f]{2})+)"')


def elided(text: str, larger: int) -> str:
    """Text of IR where nothing in brackets or quotes has more than `larger` elements."""
    shortest = 2 * larger  # fewer characters hold no list of more elements
    lines = text.split("\n")
    return "\n".join(_line(line, larger) if len(line) > shortest else line for line in lines)


def _line(line: str, larger: int) -> str:
    tokens = (_token(found[0], larger) for found in _TOKEN.finditer(line))
    return "".join(_nested(tokens, larger))


def _token(token: str, larger: int) -> str:
    found = _BYTES.fullmatch(token)
    if found is None or len(found[2]) <= 2 * ELEMENT_BYTES * larger:
        return token
    prefix, digits = found[1] or "", found[2]
    kept = digits[: 2 * ELEMENT_BYTES * KEPT]
    return f'"{prefix}{kept}... {(len(digits) - len(kept)) // 2} bytes more"'


def _nested(tokens: Iterator[str], larger: int) -> Iterator[str]:
    """The tokens up to a closing bracket; lists in there are one token each."""
    for token in tokens:
        if token == "[":
            yield _list(tokens, larger)
        else:
            yield token
            if token == "]":
                return


def _list(tokens: Iterator[str], larger: int) -> str:
    """A list behind its opening bracket, as text."""
    entries, closed = [""], False
    for token in _nested(tokens, larger):
        closed = token == "]"
        if token == ",":
            entries.append("")
        elif not closed:
            entries[-1] += token
    if len(entries) > larger:
        entries[KEPT:] = [f" ... {len(entries) - KEPT} more"]
    return f"[{','.join(entries)}{']' if closed else ''}"
