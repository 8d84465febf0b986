"""
The table of ONNX nodes that a printed module carries: its locations are keys into it.

```mlir
builtin.module attributes {lpu.nodes = #lpu.nodes<
  0: "embed/Gather",
  7: "layers.{0..47}.fc/MatMul",
  9: ("layers.{0..47}.q", "layers.{0..47}.k"), "node_{3,9,11}"
>} { ... loc("#7") ... }
```

A node of a layer that is rolled with others says its role once, and which layers: a range of
numbers, `{3..27:12}` with a step, or a list. Names in parentheses take turns: q and k of the first
layer, q and k of the next. A brace of a name itself is doubled. Keys begin with `#`; where there is
a table, every location is a key or made of keys, whatever the nodes are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.names import quoted

NODES = "lpu.nodes"
"""The attribute of a module that is its table."""
Turn = tuple[str, ...]
"""Patterns whose names take turns."""
Entry = tuple[Turn, ...]
LONGEST_TURN = 6
MOST_NAMES = 1 << 16
"""Of one entry: a range costs nothing to write."""

_KEY = re.compile("#(0|[1-9][0-9]*)")
_DIGITS = re.compile("([0-9]+)")
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])")
_RANGE = re.compile(r"(0|[1-9][0-9]*)\.\.(0|[1-9][0-9]*)(?::([1-9][0-9]*))?")
_LIST = re.compile("[0-9]+(?:,[0-9]+)*")


def key_of(number: int) -> str:
    """What a location is called that an entry stands for."""
    return f"#{number}"


def number_of(key: str) -> int | None:
    """The entry that a location is a key to, None if it is no key."""
    found = _KEY.fullmatch(key)
    return None if found is None else int(found[1])


def expanded(keys: Sequence[str], table: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The names that keys stand for, each once; KeyError for one that is not in the table."""
    found: dict[str, None] = {}
    for key in keys:
        number = number_of(key)
        if number is None or number not in table:
            raise KeyError(key)
        found.update(dict.fromkeys(table[number]))
    return tuple(found)


def written(names: Sequence[str]) -> Entry:
    """Names, each once, in order, as an entry."""
    bare = [_DIGITS.sub("0", name) for name in names]
    turns: list[Turn] = []
    at = 0
    while at < len(names):
        size, rounds = _longest(bare, at)
        stop = at + size * rounds
        turns.append(tuple(_pattern(names[at + k : stop : size]) for k in range(size)))
        at = stop
    return tuple(turns)


def _longest(bare: Sequence[str], at: int) -> tuple[int, int]:
    """How many names take turns from here on, and how often, so that most names are covered."""
    best = 1, 1
    for size in range(1, min(LONGEST_TURN, len(bare) - at) + 1):
        stop = at + size
        while stop < len(bare) and bare[stop] == bare[stop - size]:
            stop += 1
        rounds = (stop - at) // size
        if rounds > 1 and rounds * size > best[0] * best[1]:
            best = size, rounds
    return best


def _pattern(names: Sequence[str]) -> str:
    """Names that differ in numbers only, as one."""
    fields = list(zip(*(_DIGITS.split(name) for name in names), strict=True))
    return "".join([_field(values) for values in fields])


def _field(values: Sequence[str]) -> str:
    if len(set(values)) == 1:
        return values[0].replace("{", "{{").replace("}", "}}")
    numbers = [int(value) for value in values]
    step = numbers[1] - numbers[0]
    last = numbers[0] + step * (len(numbers) - 1)
    is_range = step > 0 and numbers == list(range(numbers[0], last + 1, step))
    if is_range and all(str(n) == value for n, value in zip(numbers, values, strict=True)):
        return f"{{{numbers[0]}..{last}{f':{step}' if step > 1 else ''}}}"
    return f"{{{','.join(values)}}}"


def names_of(entry: Entry) -> tuple[str, ...]:
    """The names that an entry stands for; ValueError says what is wrong with it."""
    return tuple(name for turn in entry for name in _turn(turn))


def _turn(turn: Turn) -> Iterator[str]:
    rows = [_named(pattern) for pattern in turn]
    if len({len(row) for row in rows}) != 1:
        raise ValueError("patterns that take turns stand for as many names each")
    return (name for names in zip(*rows, strict=True) for name in names)


def _named(pattern: str) -> list[str]:
    parts: list[str | list[str]] = []
    at = 0
    for hole in _HOLE.finditer(pattern):
        parts += (pattern[at : hole.start()], _values(hole))
        at = hole.end()
    parts.append(pattern[at:])
    counts = {len(part) for part in parts if isinstance(part, list)}
    if len(counts) > 1:
        raise ValueError(f"'{pattern}' has ranges of different lengths")
    count = counts.pop() if counts else 1
    columns = [part if isinstance(part, list) else [part] * count for part in parts]
    return ["".join(row) for row in zip(*columns, strict=True)]


def _values(hole: re.Match[str]) -> str | list[str]:
    text = hole[1]
    if hole[2] is not None:
        raise ValueError(f"a brace that stands alone: '{hole.string}'")
    if text is None:
        return hole[0][0]
    if _LIST.fullmatch(text):
        return text.split(",")
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{{{text}}}' is no range of numbers")
    values = range(int(found[1]), int(found[2]) + 1, int(found[3] or 1))
    if not 1 < len(values) <= MOST_NAMES:
        raise ValueError(f"'{{{text}}}' is no range of numbers")
    return [str(value) for value in values]


@irdl_attr_definition
class NodesAttr(Data[tuple[tuple[int, Entry], ...]]):
    """`#lpu.nodes<0: "x", ...>`: entries by number."""

    name = "lpu.nodes"

    @classmethod
    def of(cls, names: Mapping[int, Sequence[str]]) -> NodesAttr:
        """A table of the names that each number stands for."""
        return cls(tuple((number, written(given)) for number, given in names.items()))

    @cached_property
    def names(self) -> dict[int, tuple[str, ...]]:
        """The names that each number stands for."""
        return {number: names_of(entry) for number, entry in self.data}

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[tuple[int, Entry], ...]:
        table: dict[int, Entry] = {}
        with parser.in_angle_brackets():
            while (number := parser.parse_optional_integer(allow_boolean=False)) is not None:
                if number in table:
                    parser.raise_error(f"entry {number} stands twice")
                parser.parse_punctuation(":")
                table[number] = _parse_entry(parser)
        return tuple(table.items())

    def print_parameter(self, printer: Printer) -> None:
        entries = [(number, text_of(entry)) for number, entry in self.data]
        printer.print_string(table_of(entries), indent=0)


def text_of(entry: Entry) -> str:
    """An entry as it is printed."""
    return ", ".join(map(_shown, entry))


def table_of(entries: Sequence[tuple[int, str]]) -> str:
    """The texts of entries by number, as the parameter of the attribute."""
    lines = [f"\n  {number}: {text}" for number, text in entries]
    return f"<{','.join(lines)}\n>"


def _parse_entry(parser: AttrParser) -> Entry:
    turns: list[Turn] = []
    while (turn := _parse_turn(parser)) is not None:
        turns.append(turn)
        if not parser.parse_optional_punctuation(","):
            break
    entry = tuple(turns)
    try:
        names_of(entry)
    except ValueError as error:
        parser.raise_error(str(error))
    return entry


def _parse_turn(parser: AttrParser) -> Turn | None:
    """Patterns that take turns, None if something else follows: another entry, or the end."""
    if not parser.parse_optional_punctuation("("):
        text = parser.parse_optional_str_literal()
        return None if text is None else (text,)
    turn = [parser.parse_str_literal()]
    while parser.parse_optional_punctuation(","):
        turn.append(parser.parse_str_literal())
    parser.parse_punctuation(")")
    return tuple(turn)


def _shown(turn: Turn) -> str:
    texts = ", ".join(map(quoted, turn))
    return texts if len(turn) == 1 else f"({texts})"
