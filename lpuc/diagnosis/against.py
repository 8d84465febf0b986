"""
Two compilations of one model that disagree: for each, the last IR that is right.

```python
found = compare(Path("model.onnx"), CompileOptions(), CompileOptions(devices=2))
found.sides[1].wrong    # "lpu-esl-partition": the first pass behind which numbers are wrong
```

Right is what ONNX Runtime computes, or where it cannot, the model as it was imported. What is found
behind the last right IR is the failure: the pass, operation and node that a search of the passes
names on the same case, or the first pass behind which the outputs are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dialects.errors import CompileError
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.checking import RESOLVED
from lpuc.diagnosis.failure import IMPORTER, INTERPRETER, Failure, failure_of
from lpuc.diagnosis.following import course_of, follow
from lpuc.diagnosis.judging.departures import ANYTHING, outputs_depart
from lpuc.diagnosis.judging.runs import Outputs, Runs
from lpuc.diagnosis.judging.snapshots import Snapshot, Step
from lpuc.diagnosis.search import Problem, Search
from lpuc.errors import UserError
from lpuc.levels.cases import Case, Cases
from lpuc.levels.onnx_runtime import Reference, Refusal
from lpuc.levels.subject import interface_above
from lpuc.levels.tolerance import tolerance_of

Array = np.ndarray[Any, np.dtype[Any]]

MODEL = "the model as it was imported"
PROGRAM = "the program"
PLACES = {MODEL: IMPORTER, PROGRAM: INTERPRETER}
"""What is to blame for stages that no pass has made."""
COMPILING = "compiling"


@dataclass(frozen=True)
class Side:
    """One of the compilations, on the case that shows how they disagree."""

    right: str | None
    """The pass behind which the last IR is right; None if none is."""
    wrong: str | None
    """The first pass, or part of the machine, behind which it is not; None if all is right."""
    failure: Failure | None


@dataclass(frozen=True)
class Comparison:
    """How two compilations disagree, if they do."""

    sides: tuple[Side, ...] = ()
    """None if they agree."""
    case: str = ""
    """What shows it."""
    cases: tuple[str, ...] = ()
    """All that both were run on."""
    notes: tuple[str, ...] = ()

    @property
    def failure(self) -> Failure | None:
        """What is wrong on the first side that is."""
        return next((side.failure for side in self.sides if side.failure is not None), None)


class Compilation:
    """One of them, as far as it comes."""

    def __init__(self, model: Path, options: CompileOptions) -> None:
        self.done: list[Step] = []
        try:
            module = load_module(model, options)
        except CompileError as error:
            raise UserError(str(error)) from error
        self.options = options
        self.broken = follow(module, course_of(options), "onnx", IMPORTER, self.done)
        self.tolerance = tolerance_of("mem", options.precision)
        self.search = Search(self.done, options.precision, self.tolerance)

    @cached_property
    def interface(self) -> Snapshot | None:
        """The IR that says what the model is called with."""
        return next((s.after for s in self.done if s.one.name == RESOLVED), None)

    def outputs(self, case: Case) -> Outputs:
        """What comes of it in the end: of the program, or of the last IR."""
        if self.search.is_whole:
            return self.search.fast(case)
        return Runs(self.done[-1].after, case).outputs

    def stages(self, case: Case) -> Iterator[tuple[str, Callable[[], Outputs]]]:
        """What runs each IR, then the program."""
        yield MODEL, lambda: Runs(self.done[0].before, case).outputs
        for step in (s for s in self.done if not s.is_idle):
            yield step.one.name, lambda step=step: Runs(step.after, case).outputs
        if self.search.is_whole:
            yield PROGRAM, lambda: self.search.fast(case)


def compare(
    model: Path, options: CompileOptions, others: CompileOptions, seed: int = 0
) -> Comparison:
    """How two compilations disagree; `UserError` if they cannot be called alike."""
    both = Compilation(model, options), Compilation(model, others)
    if any(one.broken for one in both):
        return Comparison(tuple(map(_broken, both)), COMPILING)
    notes, cases = list[str](), list(_cases(both, seed))
    reference = _reference(model, notes)
    for case in cases:
        if not _disagree(both, case):
            continue
        expected = _right(both[0], reference, case)
        sides = tuple(_side(one, case, expected) for one in both)
        names = tuple(c.name for c in cases)
        if all(side.failure is None for side in sides):
            notes.append(f"{case.name}: they disagree by more than both are off")
        return Comparison(sides, case.name, names, tuple(notes))
    return Comparison((), "", tuple(case.name for case in cases), tuple(notes))


def _broken(one: Compilation) -> Side:
    """One that broke off, or the other of which nothing is said."""
    right = one.done[-1].one.name if one.done else None
    return Side(right, None if one.broken is None else one.broken.where, one.broken)


def _cases(both: tuple[Compilation, Compilation], seed: int) -> Iterator[Case]:
    """Calls that both take."""
    found = [one.interface for one in both]
    if None in found:
        raise UserError(f"without the pass '{RESOLVED}' there is nothing to run")
    first, second = (interface_above(snapshot.module) for snapshot in found if snapshot)
    shapes = [{p.name: p.shape for p in side.inputs} for side in (first, second)]
    if shapes[0] != shapes[1]:
        raise UserError("the two sets of options give the model different inputs; fix --shape")
    shorter = min((first, second), key=lambda side: sum(side.greatest.values()))
    devices = max(one.options.devices for one in both)
    for case in Cases(shorter, seed, devices).thorough():
        if not case.carried:
            yield case


def _reference(model: Path, notes: list[str]) -> Reference | None:
    try:
        return Reference(model)
    except UserError as error:
        notes.append(f"right is {MODEL}: {error}")
        return None


def _right(one: Compilation, reference: Reference | None, case: Case) -> Mapping[str, Array]:
    if reference is not None:
        try:
            return reference(case.inputs)
        except Refusal:
            pass  # what cannot be run there is known from the model itself
    return Runs(one.done[0].before, case).outputs


def _disagree(both: tuple[Compilation, Compilation], case: Case) -> bool:
    """Whether outputs are further apart than both may be off together."""
    try:
        ours, theirs = (one.outputs(case) for one in both)
    except Exception:  # one of them breaks, which is looked for behind each pass
        return True
    return _departs(ours, theirs, sum(one.tolerance for one in both))


def _departs(got: Mapping[str, Array], expected: Mapping[str, Array], tolerance: float) -> bool:
    unbounded: dict[str, Array] = dict.fromkeys(expected, ANYTHING)
    return outputs_depart(got, expected, tolerance, unbounded) is not None


def _side(one: Compilation, case: Case, expected: Mapping[str, Array]) -> Side:
    """The last IR that is right, the first that is not, and why."""
    right: str | None = None
    for name, run in one.stages(case):
        try:
            is_off = _departs(run(), expected, one.tolerance)
            failure = Failure("numbers", PLACES.get(name, name), message=f"right behind {right}")
        except Exception as error:  # whatever a level raises is what is wrong with it
            is_off, failure = True, failure_of(error, PLACES.get(name, name))
        if is_off:
            return Side(right, name, _named(one, case) or failure)
        right = name
    return Side(right, None, None)


def _named(one: Compilation, case: Case) -> Failure | None:
    """What a search of the passes finds on the case."""
    try:
        one.search.passes([case])
        one.search.machine([case])
    except Problem as problem:
        return problem.failure
    return None
