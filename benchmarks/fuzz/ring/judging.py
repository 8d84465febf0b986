"""
What becomes of one broken program: each check is asked alone, then it runs.

    invalid     refused without looking at several devices
    refused     by a rule that its kind of change may break; `other rule` by one that it may not
    unchanged   let pass; outputs, caches and tokens are those of the whole program
    trapped     let pass; ends with an error that is none of links
    WRONG       let pass; other numbers
    HANG        let pass; devices wait for each other, or take a message for another
    crash       the check fails, or the run does, with an error that is none of the project's own
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from benchmarks.fuzz.ring.changes import MEANT, Change, Changes, entry_of, made
from benchmarks.fuzz.ring.numbers import entries_of, numbers
from benchmarks.fuzz.ring.rules import ALLOWED
from runtime.errors import Error, Invalid
from runtime.program.program import Program
from runtime.ring.checks.compile import Unproved, prove
from runtime.ring.checks.load import Unsafe
from runtime.traps import Trap, TrapKind

VERDICTS = (
    "invalid", "refused", "unchanged", "trapped", "other rule", "WRONG", "HANG", "crash",
)  # fmt: skip
FAULTS = ("other rule", "WRONG", "HANG", "crash")
WAITING = (TrapKind.DEADLOCK, TrapKind.LINK)


@dataclass(frozen=True)
class Verdict:
    """What a check, and then a run, made of a program."""

    what: str
    detail: str = ""


def _by_prove(program: Program) -> str:
    try:
        prove(program)
    except Unproved as refused:
        return refused.rule.value
    return ""


def _by_load(program: Program) -> str:
    try:
        program.check_ring()
    except Unsafe as refused:
        return refused.rule
    return ""


CHECKS: dict[str, Callable[[Program], str]] = {"A": _by_prove, "B": _by_load}
"""The rule that refuses a program, or nothing."""


class Judge:
    """Judges what changes make of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @cached_property
    def changes(self) -> list[Change]:
        """All changes of the program."""
        return Changes(self.program).all()

    @cached_property
    def expected(self) -> dict[str, list[bytes]]:
        """What the whole program computes, by entry."""
        return {name: numbers(self.program, [name]) for name in entries_of(self.program)}

    def judged(self, change: Change, checks: Sequence[str] = tuple(CHECKS)) -> dict[str, Verdict]:
        """The verdict on a change for each check."""
        try:
            broken = made(self.program, change)
            broken.validate()
        except Invalid as refused:
            return dict.fromkeys(checks, Verdict("invalid", str(refused)))
        if change.kind not in MEANT:
            broken = replace(broken, meant={})
        found = {check: self._checked(check, change.kind, broken) for check in checks}
        if all(found.values()):
            return {check: verdict for check, verdict in found.items() if verdict}
        ran = self._ran(broken, entry_of(self.program, change))
        return {check: verdict or ran for check, verdict in found.items()}

    def _checked(self, check: str, kind: str, broken: Program) -> Verdict | None:
        """The verdict of a check that refuses, or fails."""
        try:
            rule = CHECKS[check](broken)
        except Exception as error:
            return Verdict("crash", f"{type(error).__name__}: {error}")
        if not rule:
            return None
        fits = rule in ALLOWED[check][kind]
        return Verdict("refused" if fits else "other rule", rule)

    def _ran(self, broken: Program, entries: Sequence[str]) -> Verdict:
        try:
            found = {name: numbers(broken, [name]) for name in entries}
        except Trap as trap:
            return Verdict("HANG" if trap.kind in WAITING else "trapped", str(trap)[:200])
        except Error as error:
            return Verdict("WRONG", f"{type(error).__name__}: {error}"[:200])
        except Exception as error:
            return Verdict("crash", f"{type(error).__name__}: {error}"[:200])
        same = all(found[name] == self.expected[name] for name in entries)
        return Verdict("unchanged" if same else "WRONG", "" if same else " ".join(entries))
