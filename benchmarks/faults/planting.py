"""
Plant a fault in a process that has imported the project: its functions get other code.

The project has compiled every setting before, so what it remembers, and what it did while it was
imported, is right.
What runs into the statement with the fault leaves a note: in which phase of the work it was, and
which operations or instructions the callers worked on at that moment. While a pass runs, these are
operations of the IR that it was given: what it makes of them is its own.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, cast

from benchmarks.faults.mutation import HIT, Fault, planted

ROOT = Path(__file__).parents[2]
PACKAGES = ("lpuc", "passes", "dialects", "runtime")
HOLDERS = ("builtin.module", "func.func")
"""Operations that only hold others."""
MOST_NOTES = 400
"""How often a phase is looked at when the fault is reached; stacks are not free."""

Worked = tuple[str, tuple[str, ...]]
"""The name of an operation and its nodes, or the mnemonic of an instruction."""


def module_of(file: str) -> str:
    """`passes/lpu/raise_norm.py` is `passes.lpu.raise_norm`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class Unplanted(Exception):
    """No function has the code that a fault changes."""


class Notes:
    """Where the fault was reached."""

    def __init__(self) -> None:
        self.phase = ""
        self.reached: defaultdict[str, int] = defaultdict(int)
        """How often, by phase."""
        self.given: frozenset[object] = frozenset()
        """The operations of the IR that the pass which runs was given; empty if none runs."""
        self.worked: defaultdict[str, set[Worked]] = defaultdict(set)
        """What was worked on, by phase."""

    def hit(self) -> None:
        """The statement with the fault is about to run."""
        self.reached[self.phase] += 1
        if self.reached[self.phase] <= MOST_NOTES:
            found = _worked_on(sys._getframe(1), self.given)
            self.worked[self.phase].update((_name(value), _nodes(value)) for value in found)


def _worked_on(frame: Any, given: frozenset[object]) -> list[object]:
    """What the innermost caller that works on operations or instructions works on."""
    nearest: list[object] = []
    while frame is not None:
        found = [value for value in frame.f_locals.values() if _name(value)]
        kept = [value for value in found if value in given] if given else found
        if kept:
            return kept
        nearest = nearest or found
        frame = frame.f_back
    return nearest


def _nodes(value: object) -> tuple[str, ...]:
    """The nodes of an operation."""
    from dialects.errors import node_names

    location = getattr(value, "location", None)
    return () if location is None else node_names(cast("Any", value))


def _name(value: object) -> str:
    """The name of an operation or the mnemonic of an instruction; empty for anything else."""
    name = getattr(value, "MNEMONIC", None)
    if isinstance(name, str):
        return name
    name = getattr(type(value), "name", None)
    is_operation = isinstance(name, str) and "." in name and hasattr(value, "operands")
    return str(name) if is_operation and name not in HOLDERS else ""


class Stock:
    """The functions of the project that exist, where faults are planted."""

    def __init__(self) -> None:
        self.by_file: defaultdict[str, list[FunctionType]] = defaultdict(list)
        prefixes = tuple(f"{ROOT / package}/" for package in PACKAGES)
        gc.unfreeze()  # what is frozen is not among the objects
        for function in gc.get_objects():
            if isinstance(function, FunctionType):
                file = function.__code__.co_filename
                if file.startswith(prefixes):
                    self.by_file[file].append(function)

    def plant(self, fault: Fault) -> Notes:
        """From now on the project has this fault; the notes of those who meet it."""
        path, notes = ROOT / fault.file, Notes()
        source = path.read_text(encoding="utf-8")
        before = _compiled(ast.parse(source), path)
        after = _compiled(planted(source, fault), path)
        changed = dict(_changed(before, after))
        if not self._exchange(str(path), changed):
            raise Unplanted(fault.name)
        sys.modules[module_of(fault.file)].__dict__[HIT] = notes.hit
        return notes

    def _exchange(self, file: str, changed: dict[CodeType, CodeType]) -> int:
        """Give functions other code; how many there are."""
        count = 0
        for function in self.by_file[file]:
            code = changed.get(function.__code__)
            if code is None:
                continue
            if code.co_freevars != function.__code__.co_freevars:
                raise Unplanted(function.__qualname__)
            function.__code__ = code
            count += 1
        return count


def _compiled(tree: ast.Module, path: Path) -> CodeType:
    return compile(tree, str(path), "exec", dont_inherit=True)


def _changed(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The code of each function that is not what it was, and what it is now."""
    olds, news = _inner(before), _inner(after)
    for key, old in olds.items():
        new = news.get(key, [])
        if len(old) == len(new):
            yield from ((a, b) for a, b in zip(old, new, strict=True) if a != b)


def _inner(code: CodeType) -> dict[tuple[str, int], list[CodeType]]:
    """All code within a module's, by name and first line."""
    found: defaultdict[tuple[str, int], list[CodeType]] = defaultdict(list)
    pending = [code]
    while pending:
        for inner in pending.pop().co_consts:
            if isinstance(inner, CodeType):
                found[inner.co_qualname, inner.co_firstlineno].append(inner)
                pending.append(inner)
    return found
