"""
Two compilations of one model that disagree: for each, the last IR that is right.

```python
found = compare(Path("model.onnx"), CompileOptions(), CompileOptions(devices=2))
found.sides[1].wrong    # "lpu-esl-partition": the first pass behind which numbers are wrong
```

Right is what ONNX Runtime computes, or where it cannot, the model as it was imported. What is found
behind the last right IR is the failure: the pass, operation and node that a search of the passes
names on the same case, or the first pass behind which the outputs are wrong. Where all calls agree,
the tokens of `generate` are compared, and right is what a loop on the host chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from dialects.errors import CompileError
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.checking import RESOLVED
from lpuc.diagnosis.failure import IMPORTER, INTERPRETER, Failed, Failure, failure_of
from lpuc.diagnosis.following import course_of, follow
from lpuc.diagnosis.judging.departures import outputs_depart
from lpuc.diagnosis.judging.runs import ANYTHING, TOKENS, Outputs, run
from lpuc.diagnosis.judging.snapshots import Snapshot, Step
from lpuc.diagnosis.search import Search
from lpuc.errors import UserError
from lpuc.levels.cases import Case, Cases
from lpuc.levels.execution import STEP, entries_of
from lpuc.levels.interface import interface_above
from lpuc.levels.onnx_runtime import Reference, Refusal
from lpuc.levels.texts import Host, greedy_cases, off_by, tokens_by
from lpuc.levels.tolerance import tolerance_of
from runtime.generation.device import GENERATE

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

    def __init__(self, model: Path, options: CompileOptions, narrowest: str) -> None:
        self.done: list[Step] = []
        try:
            module = load_module(model, options)
        except CompileError as error:
            raise UserError(str(error)) from error
        self.options = options
        self.broken = follow(module, course_of(options), "onnx", IMPORTER, self.done)
        self.tolerance = tolerance_of("mem", options.precision, narrowest)
        self.search = Search(self.done, options.precision, self.tolerance)

    @cached_property
    def interface(self) -> Snapshot | None:
        """The IR that says what the model is called with."""
        return next((s.after for s in self.done if s.one.name == RESOLVED), None)

    def outputs(self, case: Case) -> Outputs:
        """What comes of it in the end: of the program, or of the last IR."""
        if self.search.is_whole:
            return self.search.fast(case)
        return run(self.done[-1].after, case)

    def takes(self, entry: str) -> bool:
        """Whether what comes of it in the end has an entry."""
        return entry in entries_of(self.done[-1].after.module)

    def stages(self, entry: str) -> Iterator[tuple[str, Callable[[Case], Outputs]]]:
        """What runs each IR that has an entry, then the program."""
        if entry == STEP:
            yield MODEL, partial(run, self.done[0].before)
        for step in (s for s in self.done if not s.is_idle):
            if entry in entries_of(step.after.module):
                yield step.one.name, partial(run, step.after)
        if self.search.is_whole:
            yield PROGRAM, self.search.fast


Both = tuple[Compilation, ...]


def compare(
    model: Path, options: CompileOptions, others: CompileOptions, seed: int = 0
) -> Comparison:
    """How two compilations disagree; `UserError` if they cannot be called alike."""
    notes = list[str]()
    reference = _reference(model, options, notes)
    narrowest = "f32" if reference is None else reference.narrowest
    both = tuple(Compilation(model, one, narrowest) for one in (options, others))
    if any(one.broken for one in both):
        return Comparison(tuple(map(_broken, both)), COMPILING)
    names = list[str]()
    for case, is_right, is_same in _judged(both, reference, seed):
        names.append(case.name)
        if is_same():
            continue
        sides = tuple(_side(one, case, is_right) for one in both)
        if all(side.failure is None for side in sides):
            notes.append(f"{case.name}: they disagree by more than both are off")
        return Comparison(sides, case.name, tuple(names), tuple(notes))
    return Comparison((), "", tuple(names), tuple(notes))


Judged = tuple[Case, "IsRight", Callable[[], bool]]
"""A case, what is right about it, and whether both compilations do the same."""
IsRight = Callable[[Callable[[Case], Outputs], float], bool]
"""Whether what runs a case gives what it should, within a tolerance."""


def _judged(both: Both, reference: Reference | None, seed: int) -> Iterator[Judged]:
    """Calls, then texts."""
    made = _made(both, seed)
    for case in made.thorough():
        if not case.carried:
            is_right = partial(_call_is_right, case, _right(both[0], reference, case))
            yield case, is_right, partial(_agree, both, case)
    if reference is None or not all(one.takes(GENERATE) for one in both):
        return
    for case, host in greedy_cases(made, reference):
        for one in both:
            one.search.host = host
        yield case, partial(_text_is_right, case, host), partial(_agree, both, case)


def _call_is_right(
    case: Case, right: Callable[[], Outputs], run_case: Callable[[Case], Outputs], tolerance: float
) -> bool:
    return not _departs(run_case(case), right(), tolerance)


def _text_is_right(
    case: Case, host: Host, run_case: Callable[[Case], Outputs], tolerance: float
) -> bool:
    tokens = tokens_by(lambda one: run_case(one)[TOKENS].tolist(), case, host)
    return off_by(tokens, host, tolerance) <= tolerance


def _broken(one: Compilation) -> Side:
    """One that broke off, or the other of which nothing is said."""
    right = one.done[-1].one.name if one.done else None
    return Side(right, None if one.broken is None else one.broken.where, one.broken)


def _made(both: Both, seed: int) -> Cases:
    """What makes calls that both take."""
    found = [one.interface for one in both]
    if None in found:
        raise UserError(f"without the pass '{RESOLVED}' there is nothing to run")
    first, second = (interface_above(snapshot.module) for snapshot in found if snapshot)
    shapes = [{p.name: p.shape for p in side.inputs} for side in (first, second)]
    if shapes[0] != shapes[1]:
        raise UserError("the two sets of options give the model different inputs; fix --shape")
    shorter = min((first, second), key=lambda side: sum(side.greatest.values()))
    return Cases(shorter, seed, max(one.options.devices for one in both))


def _reference(model: Path, options: CompileOptions, notes: list[str]) -> Reference | None:
    try:
        return Reference(model, options.input_value)
    except UserError as error:
        notes.append(f"right is {MODEL}: {error}")
        return None


def _right(one: Compilation, reference: Reference | None, case: Case) -> Callable[[], Outputs]:
    """What computes the right outputs, once."""

    @cache
    def right() -> Outputs:
        if reference is not None:
            try:
                return dict(reference(case.inputs))
            except Refusal:
                pass  # what cannot be run there is known from the model itself
        return run(one.done[0].before, case)

    return right


def _agree(both: Both, case: Case) -> bool:
    """Whether outputs are no further apart than both may be off together, and tokens equal."""
    try:
        ours, theirs = (one.outputs(case) for one in both)
    except Exception:  # one of them breaks, which is looked for behind each pass
        return False
    if case.entry == GENERATE:
        return np.array_equal(ours[TOKENS], theirs[TOKENS])
    return not _departs(ours, theirs, sum(one.tolerance for one in both))


def _departs(got: Mapping[str, Array], expected: Mapping[str, Array], tolerance: float) -> bool:
    unbounded: dict[str, Array] = dict.fromkeys(expected, ANYTHING)
    return outputs_depart(got, expected, tolerance, unbounded) is not None


def _side(one: Compilation, case: Case, is_right: IsRight) -> Side:
    """The last IR that is right, the first that is not, and why."""
    right: str | None = None
    for name, run_case in one.stages(case.entry):
        failure = Failure("numbers", PLACES.get(name, name), message=f"right behind {right}")
        try:
            is_off = not is_right(run_case, one.tolerance)
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
    except Failed as failed:
        return failed.failure
    return None
