"""
What a text says will be wrong with it, in comments as `mlir-opt --verify-diagnostics` takes them.

```mlir
// expected-error @+1 {{expected 8 hex digits}}
%y = lpu.fill "00" : !lpu.tensor<[2], f32>
%z = lpu.fill "01" : !lpu.tensor<[2], f32> // expected-error-re {{expected {{[0-9]+}} hex}}
```

A comment speaks of its own line, of one `@+N` or `@-N` lines away, of the next `@above` or `@below`
that holds no such comment, or of what has no place, `@unknown`. The words are a part of the
message. Of what is expected and of what happens nothing may be left over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BEGIN = re.compile(r"//.*?\bexpected-(?:error|note|remark|warning)\b")
_WHOLE = re.compile(
    r"expected-(error|note|remark|warning)(-re)? *"
    r"(@([+-]\d+|above|below|unknown))? *\{\{(.*)\}\}\s*$"
)
_PATTERN = re.compile(r"\{\{(.*?)\}\}")


@dataclass(frozen=True)
class Diagnostic:
    """An error that was met; without a place if no operation of the text is at fault."""

    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Expected:
    """What one comment says; `line` is where it stands, `about` the line of which it speaks."""

    line: int
    about: int | None
    kind: str
    words: str
    pattern: re.Pattern[str] | None
    """What must be found in the message; None for a comment that cannot be read."""

    def is_met(self, found: Diagnostic) -> bool:
        """Whether it speaks of an error; nothing else than errors is ever met here."""
        if self.kind != "error" or self.pattern is None or found.line != self.about:
            return False
        return self.pattern.search(found.message) is not None

    def __str__(self) -> str:
        if self.pattern is None:
            return f"this cannot be read: {self.words}"
        where = "" if self.about == self.line else f" at line {self.about}"
        where = " without a place" if self.about is None else where
        return f'expected {self.kind} "{self.words}"{where} was not produced'


def expectations(text: str, first: int = 1) -> list[Expected]:
    """What the comments of a text, or of a part of one that starts at line `first`, say."""
    lines = text.split("\n")
    silent = [n for n, line in enumerate(lines, first) if _BEGIN.search(line) is None]
    return [
        _expected(line, number, silent)
        for number, line in enumerate(lines, first)
        if _BEGIN.search(line) is not None
    ]


def _expected(line: str, number: int, silent: Sequence[int]) -> Expected:
    found = _WHOLE.search(line)
    if found is None:
        return Expected(number, None, "error", line.strip(), None)
    kind, is_pattern, _, where, words = found.groups()
    try:
        pattern = re.compile(_as_pattern(words) if is_pattern else re.escape(words))
    except re.error:
        return Expected(number, None, kind, line.strip(), None)
    return Expected(number, _about(where, number, silent), kind, words, pattern)


def _as_pattern(words: str) -> str:
    """Words in which patterns stand in double braces."""
    parts = _PATTERN.split(words)
    return "".join(part if index % 2 else re.escape(part) for index, part in enumerate(parts))


def _about(where: str | None, number: int, silent: Sequence[int]) -> int | None:
    if where is None:
        return number
    if where == "unknown":
        return None
    if where == "above":
        return max((n for n in silent if n < number), default=number - 1)
    if where == "below":
        return min((n for n in silent if n > number), default=number + 1)
    return number + int(where)


def left_over(
    expected: Sequence[Expected], found: Sequence[Diagnostic]
) -> Iterator[tuple[int | None, int | None, str]]:
    """Line, column and words: for errors that no comment tells, and comments without one."""
    open_ = list(expected)
    for one in found:
        met = next((e for e in open_ if e.is_met(one)), None)
        if met is None:
            yield one.line, one.column, f"unexpected error: {one.message}"
        else:
            open_.remove(met)
    yield from ((e.line, None, str(e)) for e in open_)
