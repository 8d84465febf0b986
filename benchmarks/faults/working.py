"""
Compile and run a setting step by step, and say which step it is.

Steps have names: `importer`, the passes, `encoder` (what is written to a file and read from it
again), `fast` and `reference` (the two paths of the interpreter), `generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.planting import Notes
from benchmarks.faults.settings import NEW_TOKENS, PROMPTS, Arrays, Setting

Run = Callable[[Arrays], Arrays]

PROGRAM = Path("model.lpu")
LEVELS = ("onnx", "lpu", "mem")
"""Levels whose own semantics are run."""


def options_of(setting: Setting) -> Any:
    """The options of the compiler."""
    from lpuc.compiler.options import CompileOptions

    return CompileOptions(**setting.options)


def warm(settings: Iterable[Setting]) -> None:
    """Compile and run settings once, so that all modules are imported and classes are made."""
    notes = Notes()
    for setting in settings:
        *_, last = lowered(setting, notes)
        program = encoded(last.module, notes)
        path_of(program, "fast", notes)
        path_of(program, "reference", notes)
        tokens_of(program, notes)


@dataclass(frozen=True)
class Step:
    """One that is done: the IR, and whether it is the last of its level."""

    name: str
    level: str
    module: Any
    is_last: bool = False


def lowered(setting: Setting, notes: Notes) -> Iterator[Step]:
    """Each step up to the last pass."""
    notes.phase = "importer"
    from dialects.verification import forget, verify_module
    from lpuc.compiler import pipeline
    from lpuc.compiler.driver import load_module
    from lpuc.compiler.watching.checks import check_level

    module = load_module(setting.model, options_of(setting))
    yield Step("importer", "onnx", module)
    context = pipeline.make_context()
    for stage in pipeline.pipeline_of(setting.devices):
        passes = pipeline.stage_passes(stage)
        for one in passes:
            notes.phase, notes.given = one.name, frozenset(module.walk())
            one.apply(context, module)
            notes.given = frozenset()
            yield Step(one.name, stage.level, module, one is passes[-1])
        notes.phase = f"verifier of {stage.level}"
        check_level(module, stage.level, stage.dialects)
        verify_module(module)
        forget()


def encoded(module: Any, notes: Notes) -> Any:
    """The program that comes of a module, written and read again."""
    notes.phase = "encoder"
    from lpuc.compiler.driver import CompiledProgram
    from runtime.program.program import Program

    CompiledProgram(module, sources=()).save(PROGRAM)
    return Program.load(PROGRAM)


def path_of(program: Any, path: str, notes: Notes) -> Run:
    """What runs a program on one path of the interpreter."""
    from runtime.run.interpreter import Interpreter

    notes.phase = path
    interpreter = Interpreter(program, reference=path == "reference")

    def run(inputs: Arrays) -> Arrays:
        notes.phase = path
        return interpreter.run(inputs)

    return run


def level_of(level: str, module: Any, notes: Notes) -> Run:
    """What runs the IR of one level by its own semantics."""
    from lpuc.levels.execution import run_level

    module = module.clone()

    def run(inputs: Arrays) -> Arrays:
        notes.phase = f"semantics of {level}"
        return dict(run_level(level, module, inputs))

    return run


def tokens_of(program: Any, notes: Notes) -> list[list[int]] | None:
    """The greedy tokens behind each prompt; None if the program cannot generate."""
    from runtime.calling.loaded import Loaded
    from runtime.errors import Unserved

    notes.phase = "generate"
    loaded = Loaded(program)
    try:
        return [list(loaded.generate(list(p), max_new_tokens=NEW_TOKENS)) for p in PROMPTS]
    except Unserved:
        return None
