"""
Whether a fault can show, by the numbers alone, and what is known about it.

What is shown first decides: a crash, a refusal, a hang, then numbers. The truth about a fault is
the first step behind which the IR is not what the right compiler makes, with the operations that
differ; if there is none, it lies in the encoder or the interpreter. What the project worked on when
it ran into the fault is noted in each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.faults.forms import Former, changed
from benchmarks.faults.ground import Ground, digest_of_program
from benchmarks.faults.mutation import Fault
from benchmarks.faults.planting import Notes, Stock
from benchmarks.faults.settings import Arrays, apart
from benchmarks.faults.working import LEVELS, Run, encoded, level_of, lowered, path_of, tokens_of

LIMIT_SECONDS = 60.0
REFERENCE_CALLS = 40
"""Calls on the reference path for faults that lie elsewhere; those of the machine get all."""
LEVEL_CALLS = 20
MACHINE = ("reference path", "fast path", "run")
"""Areas whose faults the same program can show."""

News = dict[str, Any]
"""A part of what is known of a fault; later parts add to earlier ones."""


class Shown(Exception):
    """The numbers are wrong."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


def shown(stock: Stock, ground: Ground, fault: Fault, area: str, is_level: bool) -> Iterator[News]:
    """What becomes of a setting with a fault; `show` is empty if nothing does."""
    yield {"show": "", "phase": "planting"}
    notes = stock.plant(fault)
    try:
        yield from _worked(ground, notes, area, is_level)
    except Shown as error:
        yield error.news
    except Exception as error:
        yield {"show": _kind(error, notes.phase), "detail": _text(error), "phase": notes.phase}
    yield {
        "reached": dict(notes.reached),
        "worked": {step: sorted(found) for step, found in notes.worked.items()},
    }


def _kind(error: Exception, phase: str) -> str:
    from dialects.errors import CompileError
    from lpuc.errors import UserError
    from runtime.errors import RuntimeFault
    from runtime.traps import Trap

    if isinstance(error, Trap):
        return "trap"
    if isinstance(error, RuntimeFault) and phase != "encoder":
        return "refusal"
    return "refusal" if isinstance(error, CompileError | UserError) else "crash"


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _worked(ground: Ground, notes: Notes, area: str, is_level: bool) -> Iterator[News]:
    module, former, same = None, Former(), True
    for at, step in enumerate(lowered(ground.setting, notes)):
        module = step.module
        if same and notes.reached:
            news = _compared(ground, at, step.name, module, former)
            same = not news
            yield news
        if is_level and step.is_last and step.level in LEVELS:
            run = level_of(step.level, module, notes)
            _run(ground, f"semantics of {step.level}", run, LEVEL_CALLS)
        yield {"phase": notes.phase}
    program = encoded(module, notes)
    is_machine = area in MACHINE
    is_same = digest_of_program() == ground.program
    yield {"same_program": is_same}
    if is_same and not is_machine:
        return
    yield {"phase": "fast"}
    _run(ground, "fast", path_of(program, "fast", notes), len(ground.answers.calls))
    yield {"phase": "generate"}
    yield _generated(ground, program, notes)
    yield {"phase": "reference"}
    count = len(ground.answers.calls) if area == "reference path" else REFERENCE_CALLS
    _run(ground, "reference", path_of(program, "reference", notes), count)


def _compared(ground: Ground, at: int, step: str, module: Any, former: Former) -> News:
    """What is not as it should be behind a step."""
    form, (name, right) = former.form(module), ground.forms[at]
    if step == name and form.digest == right.digest:
        return {}
    found = changed(form, right)
    return {
        "first": step,
        "changed": sorted(found),
    }


def _run(ground: Ground, path: str, run: Run, count: int) -> None:
    limit, found = ground.limit(path), ground.answers
    for number, (inputs, expected) in enumerate(zip(found.calls, found.expected, strict=True)):
        if number == count:
            return
        got: Arrays = run(inputs)
        off = apart(got, expected)
        if not off <= limit:
            raise Shown({"show": "numbers", "phase": path, "call": number, "apart": off})


def _generated(ground: Ground, program: Any, notes: Notes) -> News:
    if not ground.setting.generates:
        return {}
    tokens = tokens_of(program, notes)
    if tokens is None:
        return {"loses_generate": True}
    for got, expected in zip(tokens, ground.answers.tokens, strict=True):
        if got[: len(expected)] != expected:
            raise Shown({"show": "tokens", "phase": "generate", "detail": f"{got}, {expected}"})
    return {}
