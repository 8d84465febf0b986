"""
What the right compiler does with a setting: the lines it runs in each step, the form of the IR
behind each pass, and how far its numbers are from ONNX Runtime's.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.faults.forms import Form, Former
from benchmarks.faults.planting import PACKAGES, ROOT, Notes
from benchmarks.faults.settings import Answers, Setting, answers, apart
from benchmarks.faults.working import (
    LEVELS,
    PROGRAM,
    encoded,
    level_of,
    lowered,
    path_of,
    tokens_of,
)

TRACED_CALLS = 3
JUDGES = ("forms", "ground", "settings", "working")
"""Modules beside this one that enter what is kept."""
FEWEST = {"f32": 2e-6, "f16": 1e-3}
"""Noise that is assumed at least, by precision."""

Lines = dict[str, frozenset[int]]
"""The lines of functions that ran, by file."""


@dataclass
class Ground:
    """What holds of one setting without a fault."""

    setting: Setting
    answers: Answers
    lines: dict[str, Lines] = field(default_factory=dict[str, Lines])
    """By step."""
    forms: list[tuple[str, Form]] = field(default_factory=list[tuple[str, Form]])
    """Behind each step up to the last pass."""
    levels: dict[str, str] = field(default_factory=dict[str, str])
    """Of each step."""
    program: str = ""
    """A digest of the program's file."""
    noise: dict[str, float] = field(default_factory=dict[str, float])
    """How far each path, and each level, is from ONNX Runtime over all calls."""

    def limit(self, path: str) -> float:
        """How far a path may be off without a fault: ten times what it is."""
        return 10 * max(self.noise[path], FEWEST[self.setting.precision])


class _Trace:
    """Notes the lines of the project that run, by step."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.seen: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(
            lambda: defaultdict(set)
        )
        self.files: dict[str, str | None] = {}

    def _file(self, name: str) -> str | None:
        if name not in self.files:
            path = Path(name)
            inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES
            self.files[name] = path.relative_to(ROOT).as_posix() if inside else None
        return self.files[name]

    def __call__(self, frame: FrameType, *of_call: Any) -> Any:
        del of_call
        file = self._file(frame.f_code.co_filename)
        if file is None or frame.f_code.co_name == "<module>":
            return None
        lines = self.seen[self.notes.phase][file]
        add = lines.add

        def line(frame: FrameType, event: str, *argument: Any) -> Any:
            del argument
            if event == "line":
                add(frame.f_lineno)
            return line

        return line

    def lines(self) -> dict[str, Lines]:
        """What was seen."""
        return {
            step: {file: frozenset(lines) for file, lines in files.items()}
            for step, files in self.seen.items()
        }


@contextmanager
def _tracing(trace: _Trace) -> Iterator[None]:
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def digest_of_program() -> str:
    """A digest of the file that was written."""
    return hashlib.sha256(PROGRAM.read_bytes()).hexdigest()


def ground_of(setting: Setting) -> Ground:
    """Compile and run a setting twice: once watched line by line, once for its numbers."""
    ground = Ground(setting, answers(setting))
    notes = Notes()
    trace = _Trace(notes)
    with _tracing(trace):
        _traced(ground, notes)
    ground.lines = trace.lines()
    _measured(ground, notes)
    return ground


def _traced(ground: Ground, notes: Notes) -> None:
    module: Any = None
    calls = ground.answers.calls[:TRACED_CALLS]
    for step in lowered(ground.setting, notes):
        module = step.module
        if step.is_last and step.level in LEVELS:
            level_of(step.level, module, notes)(calls[0])
    program = encoded(module, notes)
    for path in ("fast", "reference"):
        run = path_of(program, path, notes)
        for inputs in calls:
            run(inputs)
    if ground.setting.generates:
        tokens_of(program, notes)


def _measured(ground: Ground, notes: Notes) -> None:
    former, found, module = Former(), ground.answers, None
    for step in lowered(ground.setting, notes):
        module = step.module
        ground.forms.append((step.name, former.form(module)))
        ground.levels[step.name] = step.level
        if step.is_last and step.level in LEVELS:
            run = level_of(step.level, module, notes)
            errors = [
                apart(run(i), e) for i, e in zip(found.calls[:20], found.expected, strict=False)
            ]
            ground.noise[f"semantics of {step.level}"] = max(errors)
    program = encoded(module, notes)
    ground.program = digest_of_program()
    for path in ("fast", "reference"):
        run = path_of(program, path, notes)
        errors = [apart(run(i), e) for i, e in zip(found.calls, found.expected, strict=True)]
        ground.noise[path] = max(errors)
        assert ground.noise[path] < 0.05, f"{ground.setting.name} is wrong without a fault"
    if ground.setting.generates:
        tokens = tokens_of(program, notes)
        assert tokens is not None
        for got, expected in zip(tokens, found.tokens, strict=True):
            assert got[: len(expected)] == expected, f"{ground.setting.name}: {got} {expected}"


def sources_digest() -> str:
    """A digest of the project and of what judges it."""
    digest = hashlib.sha256()
    ours = [ROOT / "benchmarks/faults" / f"{name}.py" for name in JUDGES]
    theirs = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    for path in (*ours, *theirs):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def load(path: Path) -> Ground | None:
    """A ground that was kept."""
    return pickle.loads(path.read_bytes()) if path.exists() else None


def keep(path: Path, ground: Ground) -> None:
    """Write a ground, whole or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(pickle.dumps(ground))
    temporary.replace(path)
