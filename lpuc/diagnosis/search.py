"""
Search all passes of a compilation for the first that makes numbers wrong, case by case.

Each snapshot runs once per case; what a pass is judged by is the run of the IR before it, so that
only what it did itself is found, and small faults are not hidden by what is rounded elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lpuc.compiler.driver import CompiledProgram
from lpuc.diagnosis.failure import (
    ENCODER,
    INTERPRETER,
    Failed,
    Failure,
    failure_of,
    part_of_machine,
)
from lpuc.diagnosis.judging.departures import Departure, outputs_depart
from lpuc.diagnosis.judging.isa.pairing import Compared
from lpuc.diagnosis.judging.machine import is_encoded_otherwise, of_host, unproved
from lpuc.diagnosis.judging.mem.contents import of_instructions, parted, place_of, written_by
from lpuc.diagnosis.judging.passes import judge, judge_outputs
from lpuc.diagnosis.judging.reuse import Reuse
from lpuc.diagnosis.judging.runs import LEVELS, TOKENS, TRACED, Outputs, Runs
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.judging.tensors.effects import handed_over
from lpuc.diagnosis.limits import run_machine
from lpuc.levels.calls import takes
from lpuc.levels.cases import Case
from lpuc.levels.contracts import ROUNDOFF
from lpuc.levels.execution import STEP
from lpuc.levels.texts import Host, off_by, tokens_by
from runtime.numerics.elements import ElementType
from runtime.program.program import Program
from runtime.ring.checks.compile import Unproved
from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, np.dtype[Any]]

SEMANTICS_OF_MEM = "semantics of mem"
"""A place whose operations are not those that a pass was given."""
NEARNESS = {"f32": 2e-5, "f16": 5e-3, "bf16": 4e-2}
"""How near what nodes compute must be at two levels, relative to the largest, to be the same."""


class Problem(Failed):
    """A failure, and what shows it."""

    def __init__(self, failure: Failure, case: Case, step: Step | None = None) -> None:
        super().__init__(failure)
        self.case, self.step = case, step


@dataclass
class Search:
    """The passes that were run, and what is known of the cases behind the last that was judged."""

    steps: Sequence[Step]
    precision: str
    tolerance: float
    host: Host | None = None
    """What a loop on the host generates behind the prompt of the case `generate`."""
    compared: dict[str, Compared] = field(default_factory=dict[str, Compared])
    """By passes to and on instructions: how much could be compared of what these write."""
    _latest: dict[int, Runs] = field(default_factory=dict[int, Runs])
    _memo: Reuse = field(default_factory=Reuse)

    def passes(self, cases: Sequence[Case], among: Sequence[Step] | None = None) -> None:
        """Judge each pass, or some, on each case; `Problem` for the first that is wrong."""
        for step in (s for s in (self.steps if among is None else among) if not s.is_idle):
            for case in cases:
                self.step(step, case)

    def step(self, step: Step, case: Case, is_whole: bool = True) -> None:
        """Judge one pass on one case, by all its values or by what comes out."""
        if not takes(step.after.module, case):
            return
        memo = self._memo if is_whole else None
        is_known = takes(step.before.module, case) or case.before
        before = self._before(step, case, memo) if is_known else None
        if memo is not None:
            memo.look_at(step)
        after = Runs(step.after, case, None if before is None else _basis(before), memo)
        try:
            found = self._judged(step, before, after, is_whole)
        except Exception as error:  # whatever a level raises is what is wrong with it
            raise self._broken(step, before, case, error) from error
        if after.compared is not None:
            known = self.compared.get(step.one.name, Compared())
            self.compared[step.one.name] = known + after.compared
        if found is not None:
            raise Problem(self._blame(step, before, after, found), case, step)
        self._latest[id(case)] = after

    def left(self) -> list[str]:
        """What could not be compared, by pass."""
        return [f"{name}: {one}" for name, one in self.compared.items() if one.left]

    def _before(self, step: Step, case: Case, memo: Reuse | None) -> Runs:
        known = self._latest.get(id(case))
        if known is not None and known.snapshot is step.before:
            return known
        return Runs(step.before, case, self._traced(step, case), memo)

    def _traced(self, step: Step, case: Case) -> Runs | None:
        """The last IR before a pass whose values are recorded."""
        earlier = takewhile(lambda one: one is not step, self.steps)
        traced = [one.after for one in earlier if one.after.level in TRACED]
        return Runs(traced[-1], case) if traced else None

    def _judged(
        self, step: Step, before: Runs | None, after: Runs, is_whole: bool
    ) -> Departure | None:
        found = None
        if before is not None and is_whole:
            found = judge(step, before, after, self.tolerance)
        elif before is not None and after.case.entry == STEP:
            found = judge_outputs(
                before, after, self.tolerance, ROUNDOFF[ElementType(self.precision)]
            )
        if found is not None or after.case.entry == STEP or self.host is None:
            return found
        if before is not None and np.array_equal(before.tokens, after.tokens):
            return None
        return self._tokens_depart(after)

    def _tokens_depart(self, after: Runs) -> Departure | None:
        """Whether tokens are others than the host's though their logits are not near."""
        host = self.host
        assert host is not None

        def tokens(case: Case) -> list[int]:
            runs = after if case is after.case else Runs(after.snapshot, case)
            return runs.tokens.tolist()

        gap = off_by(tokens_by(tokens, after.case, host), host, self.tolerance)
        if gap <= self.tolerance:
            return None
        return Departure(None, (TOKENS,), (), gap, 0.0, self.tolerance)

    def _broken(self, step: Step, before: Runs | None, case: Case, error: Exception) -> Problem:
        """What a level, or the machine, raises when it runs the IR behind a pass."""
        if isinstance(error, Unproved):
            return Problem(unproved(self.steps, step, error), case)
        host = of_host(step, before, case)
        if host is not None:
            return Problem(host, case, step)
        level = step.after.level
        part = part_of_machine(error) if level == "lpu_isa" else None
        where = part or self._culprit(step, before, None, case)
        failure = failure_of(error, where)
        if before is not None and where == step.one.name and level in ("lpu_mem", "lpu_isa"):
            place = place_of(before, Runs(step.after, case), NEARNESS[self.precision])
            if place is not None:
                failure = replace(failure, operation=place[0], nodes=place[1])
        return Problem(failure, case, step)

    def _blame(self, step: Step, before: Runs | None, after: Runs, found: Departure) -> Failure:
        """Numbers that depart behind a pass."""
        host = of_host(step, before, after.case)
        if host is not None:
            return host
        where = self._culprit(step, before, after, after.case)
        operation, names = found.operation, found.names
        message = str(found) if operation else f"output '{names[0]}': {found}"
        names = names if operation else ()
        handed = None if before is None else handed_over(step, before, after, found)
        if handed is not None:
            operation, names = handed
        elif operation is None or where == SEMANTICS_OF_MEM:
            place = None if before is None else place_of(before, after, NEARNESS[self.precision])
            operation, names = place or (operation, names)
        elif where == INTERPRETER:
            operation = found.instruction or operation
        return Failure("numbers", where, operation, names, message)

    def _culprit(self, step: Step, before: Runs | None, after: Runs | None, case: Case) -> str:
        """
        The pass, unless the program computes what the IR before it does: then what runs the IR
        behind it is wrong.
        """
        level = step.after.level
        if level == "lpu_isa" and is_encoded_otherwise(step.after):
            return ENCODER
        if before is None or not self._program_agrees(before, after, case):
            return step.one.name
        if level != "lpu_isa":
            return f"semantics of {LEVELS[level]}"
        return INTERPRETER

    def _program_agrees(self, before: Runs, after: Runs | None, case: Case) -> bool:
        """Whether the fast path has the outputs of a run, which another one has not."""
        try:
            got = self.fast(case)
        except Exception:  # it agrees with nothing
            return False
        if outputs_depart(got, before.outputs, self.tolerance, before.spread) is not None:
            return False
        return after is None or self._visible(before, after)

    def _visible(self, before: Runs, after: Runs) -> bool:
        if after.broken is not None:
            return True
        off = outputs_depart(after.outputs, before.outputs, self.tolerance, before.spread)
        return off is not None

    @property
    def is_whole(self) -> bool:
        """Whether the passes lead to a program."""
        return bool(self.steps) and self.steps[-1].after.level == "lpu_isa"

    def ends_with(self, case: Case) -> bool:
        """Whether what the passes lead to has all that a case calls."""
        return takes(self.steps[-1].after.module, case)

    def fast(self, case: Case) -> Outputs:
        """What the finished program computes on the fast path."""
        return _called(self._machines[1], case)

    @cached_property
    def program(self) -> Program:
        """What the passes lead to, as it is read from a file."""
        compiled = CompiledProgram(self.steps[-1].after.module, sources=())
        file = Path(self._folder.name) / "program.lpu"
        compiled.save(file)
        return Program.load(file)

    @cached_property
    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory()

    @cached_property
    def _machines(self) -> tuple[Interpreter, Interpreter]:
        """The reference path, and the fast one."""
        return Interpreter(self.program, reference=True), Interpreter(self.program)

    def machine(self, cases: Sequence[Case]) -> None:
        """
        Judge the program, if there is one, against its instructions, then the fast path against the
        reference. `Failed` if it cannot be encoded.
        """
        if not self.is_whole:
            return
        reference, fast = self._encoded()
        for case in cases:
            if not self.ends_with(case):
                continue
            last = self._latest[id(case)]
            for where, machine, spread in (
                (ENCODER, reference, {}),
                (INTERPRETER, fast, last.spread),
            ):
                self._machine(where, machine, last, spread)

    def _encoded(self) -> tuple[Interpreter, Interpreter]:
        try:
            return self._machines
        except Exception as error:  # whatever emission raises
            raise Failed(failure_of(error, ENCODER)) from error

    def _machine(
        self, where: str, machine: Interpreter, last: Runs, spread: dict[str, Array]
    ) -> None:
        try:
            got = _called(machine, last.case)
        except Exception as error:
            failure = failure_of(error, part_of_machine(error) or where)
            raise Problem(failure, last.case) from error
        found = outputs_depart(got, last.outputs, self.tolerance, spread)
        if found is None:
            return
        place = None
        if where == INTERPRETER:
            fast = of_instructions(last.snapshot, last.case, is_fast=True)
            place = parted(written_by(last), fast, NEARNESS[self.precision])
        operation, names = place or (None, ())
        message = f"output '{found.names[0]}': {found}"
        raise Problem(Failure("numbers", where, operation, names, message), last.case)


def _basis(before: Runs) -> Runs | None:
    return before if before.is_traced else before.basis


def _called(machine: Interpreter, case: Case) -> Outputs:
    tokens: list[int] = []
    found = dict(run_machine(machine, case, tokens.append))
    return found if case.entry == STEP else found | {TOKENS: np.array(tokens, np.int64)}
