"""
Put a fault in front of the import system, in a process that has not imported the project yet.

What runs into the statement with the fault leaves a note: in which phase of the work it was, and
for which operations or instructions the callers worked at that moment.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.faults.mutation import HIT, Fault, planted

ROOT = Path(__file__).parents[2]
PACKAGES = ("lpuc", "passes", "dialects", "runtime")
MOST_NOTES = 400
"""How often a phase is looked at when the fault is reached; stacks are not free."""


def module_of(file: str) -> str:
    """`passes/lpu/raise_norm.py` is `passes.lpu.raise_norm`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_clean() -> bool:
    """Whether nothing of the project is imported yet."""
    return not any(name.partition(".")[0] in PACKAGES for name in sys.modules)


class Notes:
    """Where the fault was reached."""

    def __init__(self) -> None:
        self.phase = ""
        self.reached: defaultdict[str, int] = defaultdict(int)
        """How often, by phase."""
        self.subjects: defaultdict[str, set[str]] = defaultdict(set)
        """Names of operations and mnemonics of instructions that were worked on, by phase."""

    def hit(self) -> None:
        """The statement with the fault is about to run."""
        self.reached[self.phase] += 1
        if self.reached[self.phase] <= MOST_NOTES:
            self.subjects[self.phase] |= _subjects(sys._getframe(1))


def _subjects(frame: Any) -> set[str]:
    """What the innermost caller that works on operations or instructions works on."""
    while frame is not None:
        found = {name for value in frame.f_locals.values() for name in _named(value)}
        if found:
            return found
        frame = frame.f_back
    return set()


def _named(value: object) -> list[str]:
    """The name of an operation or instruction, if it is one."""
    name = getattr(value, "MNEMONIC", None)
    if isinstance(name, str):
        return [name]
    name = getattr(type(value), "name", None)
    is_operation = isinstance(name, str) and "." in name and hasattr(value, "operands")
    return [name] if is_operation and name not in ("builtin.module", "func.func") else []


class _Planting(MetaPathFinder, Loader):
    """Finds one module of the project, and makes it from a tree with a fault."""

    def __init__(self, fault: Fault, notes: Notes) -> None:
        self.fault, self.notes = fault, notes
        self.name = module_of(fault.file)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module with the fault, and no other."""
        del target
        if fullname != self.name:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None, fullname
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """A module as any other."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with the fault."""
        path = ROOT / self.fault.file
        tree = planted(path.read_text(encoding="utf-8"), self.fault)
        module.__dict__[HIT] = self.notes.hit
        exec(compile(tree, str(path), "exec"), module.__dict__)


def plant(fault: Fault | None) -> Notes:
    """From now on the project has this fault; the notes of those who meet it."""
    assert is_clean(), "the project is imported already"
    notes = Notes()
    if fault is not None:
        sys.meta_path.insert(0, _Planting(fault, notes))
    return notes
