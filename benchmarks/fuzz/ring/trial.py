"""One change of one program, judged in a process of its own."""

from __future__ import annotations

import resource
from functools import cache
from pathlib import Path

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.ring.bases import Base, read_base
from benchmarks.fuzz.ring.judging import CHECKS, FAULTS, Judge
from runtime.program.program import Program

Key = tuple[Base, int]
SEPARATOR = "\t"
ADDRESS_BYTES = 4 << 30


@cache
def judge_of(folder: Path, base: Base) -> Judge:
    """The judge of a program, which knows what the whole one computes."""
    return Judge(read_base(folder, base))


def run_key(folder: Path, key: Key) -> Result:
    """The kind of a change, and what each check made of it, between tabs; wrong if a check is."""
    base, number = key
    judge = judge_of(folder, base)
    change = judge.changes[number]
    verdicts = judge.judged(change)
    faults = [f"{c}: {v.what} {v.detail}" for c, v in verdicts.items() if v.what in FAULTS]
    outcome = Outcome("wrong", ", ".join(faults), change.kind) if faults else Outcome("right")
    labels = (SEPARATOR.join((check, v.what, v.detail)) for check, v in verdicts.items())
    return Result(outcome, f"{base.name} {number}", (change.kind, *labels))


def run_limited(folder: Path, key: Key) -> Result:
    """The same in a process of its own, which may have so much memory and no more."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    return run_key(folder, key)


def accepted(program: Program) -> list[str]:
    """Which checks refuse a program that is whole, and by which rule."""
    found = {check: ask(program) for check, ask in CHECKS.items()}
    return [f"{check} refuses by {rule}" for check, rule in found.items() if rule]
