"""One compilation of a model, and what is found wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from dialects.errors import CompileError
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.checking import RESOLVED
from lpuc.diagnosis.earlier import called_by_types, earlier
from lpuc.diagnosis.failure import ENCODER, IMPORTER, UNKNOWN, Failed, Failure, Hang, failure_of
from lpuc.diagnosis.following import PASS_SECONDS, course_of, follow, until
from lpuc.diagnosis.judging.departures import outputs_depart
from lpuc.diagnosis.judging.importing import judge_import, judge_weights
from lpuc.diagnosis.judging.runs import ANYTHING, Outputs, Runs
from lpuc.diagnosis.judging.snapshots import Snapshot, Step
from lpuc.diagnosis.judging.structure import misbuilt
from lpuc.diagnosis.limits import at_most
from lpuc.diagnosis.reduction.inputs import SIZES, drawn
from lpuc.diagnosis.screening import screened
from lpuc.diagnosis.search import Problem, Search
from lpuc.errors import UserError
from lpuc.levels.cases import Case, Cases
from lpuc.levels.interface import interface_above
from lpuc.levels.onnx_runtime import Reference, Refusal
from lpuc.levels.prompts import Prompt, prompts_of
from lpuc.levels.texts import Host, greedy_cases
from lpuc.levels.tolerance import tolerance_of
from runtime.errors import BadOption
from runtime.generation.device import GENERATE

STANDARD = ("smallest", "short", "masked", "random")
"""Cases on which every pass is judged, whether the program is right on them or not."""
MOST_SUSPECTS = 2
COMPILING = "compiling"
"""What shows a failure that no case is needed for."""


@dataclass
class Variant:
    """A model, what it is compiled for, and what was seen on the way."""

    model: Path
    options: CompileOptions
    seed: int
    is_first: bool = True
    """Whether more than the program is looked at where nothing is wrong."""
    given: Sequence[Case] | None = None
    """What to run instead of the cases that are made for the model; nothing is run if empty."""
    sought: Failure | None = None
    """What it is known to fail with: whoever asks wants to know whether it still does."""
    cases: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    done: list[Step] = field(default_factory=list[Step])
    _start: Snapshot | None = None
    """The model as it was imported."""

    def failure(self) -> tuple[Failure | None, str]:
        """What is wrong, and the case that shows it."""
        broken = self._compile()
        if broken is not None:
            return self._before(broken)
        if self.given is None and self._resolved is None:
            self.notes.append(f"without the pass '{RESOLVED}' there is nothing to run")
            return None, ""
        try:
            if self.given is None:
                self._judge()
            else:
                self._judge_given(self.given)
        except Problem as problem:
            smaller = problem if self.given is not None else self._smallest(problem)
            return smaller.failure, smaller.case.name
        except Failed as failed:
            return failed.failure, COMPILING
        return None, ""

    def _before(self, broken: Failure) -> tuple[Failure, str]:
        """What a compilation breaks off with, unless something was wrong before."""
        is_sought = broken.same(self.sought) or (not self.is_first and broken.kind == "refusal")
        if self._start is None or broken.where == IMPORTER or is_sought:
            return broken, COMPILING
        problem = earlier(self._judge_earlier)
        return (broken, COMPILING) if problem is None else (problem.failure, problem.case.name)

    def _judge_earlier(self) -> None:
        """`Problem` for the first thing that was wrong before a pass broke off."""
        cases, resolved = self.given, self._resolved is not None
        if cases is None and resolved:
            cases = [case for case in self._made.quick() if case.name in STANDARD]
        if cases is None:
            shape = self.options.shape or {}
            cases = () if self._reference is None else called_by_types(self._reference, shape)
        self._import(cases)
        self._search.passes(cases if resolved else ())

    def _compile(self) -> Failure | None:
        """Run all passes; how that breaks off, if it does; what the importer made otherwise."""
        try:
            module = self._imported()
        except (BadOption, UserError, OSError):
            raise
        except (Exception, Hang) as error:  # the importer may raise anything
            return failure_of(error, IMPORTER)
        self._start = Snapshot.of(module, "onnx")
        misread = misbuilt(module)
        if misread is not None:
            return misread
        course = until(course_of(self.options), self.sought)
        return follow(module, course, "onnx", IMPORTER, self.done)

    def _imported(self) -> ModuleOp:
        """The model; a refusal is ours if ONNX Runtime takes it."""
        try:
            with at_most(PASS_SECONDS):
                return load_module(self.model, self.options)
        except CompileError as error:
            if self._reference is None:
                raise UserError(str(error)) from error
            raise

    @property
    def _resolved(self) -> Step | None:
        return next((s for s in self.done if s.one.name == RESOLVED), None)

    @property
    def _called(self) -> ModuleOp:
        """The IR that says how it is called."""
        assert self._resolved is not None
        return self._resolved.after.module

    @cached_property
    def _made(self) -> Cases:
        return Cases(interface_above(self._called), self.seed, self.options.devices)

    @cached_property
    def _reference(self) -> Reference | None:
        try:
            return Reference(self.model, self.options.input_value)
        except Refusal as error:
            self.notes.append(f"the importer is not judged: {error}")
            return None

    @cached_property
    def _search(self) -> Search:
        narrowest = "f32" if self._reference is None else self._reference.narrowest
        precision = self.options.precision
        return Search(self.done, precision, tolerance_of("mem", precision, narrowest))

    def _judge(self) -> None:
        """`Problem` for the first thing that is wrong."""
        search = self._search
        cases = {case.name: case for case in self._cases() if not case.carried}
        kept, suspects, broken = screened(search, self._reference, list(cases.values()), self.notes)
        self.cases += [case.name for case in kept]
        chosen = suspects[:MOST_SUSPECTS]
        chosen += [c for c in kept if c.name in STANDARD and c not in chosen]
        chosen = chosen if self.is_first else chosen[: max(1, len(suspects))]
        if broken is not None and not chosen:
            raise Failed(failure_of(broken, ENCODER))
        if not chosen:
            self.notes.append("ONNX Runtime can run none of the cases; numbers are not looked at")
            return
        self._import(chosen)
        for case, host in self._texts():
            search.host = host
            self.cases.append(case.name)
            chosen.append(case)
        prompts = prompts_of(self._made, self._called)
        for case in (prompt.case for prompt in prompts):
            self.cases.append(case.name)
            chosen.append(case)
        search.passes(chosen)
        self.notes += search.left()
        if broken is not None:
            raise Problem(failure_of(broken, ENCODER), chosen[0])
        search.machine(chosen)
        self._require_right(suspects, prompts)

    def _cases(self) -> list[Case]:
        """
        What the model is called with; `Failed` if what the IR says of its inputs fits none.

        The first pass behind which that is so is to blame.
        """
        try:
            return list(self._made.thorough())
        except Exception as error:  # what extents that are none lead to
            failure = failure_of(error, UNKNOWN)
            said = (s for s in self.done if _refused(s.after.module) == failure.message)
            first = next(said, None)
            where = UNKNOWN if first is None else first.one.name
            raise Failed(replace(failure, where=where)) from error

    def _judge_given(self, cases: Sequence[Case]) -> None:
        """The same for the given cases alone, as far as it can show what is sought."""
        search, sought = self._search, self.sought
        self.cases += [case.name for case in cases]
        among = [step for step in self.done if sought and step.one.name == sought.where]
        if not among:
            self._import(cases)
        search.passes(cases, among or None)
        if not among:
            search.machine(cases)

    def _require_right(self, suspects: Sequence[Case], prompts: Sequence[Prompt]) -> None:
        """`Problem` if the program is wrong though no pass is: where cannot be told."""
        reference, search = self._reference, self._search
        if reference is None:
            return
        right = [(case, reference(case.inputs)) for case in suspects]
        right += list(self._right(reference, prompts))
        for case, expected in right:
            unbounded = dict.fromkeys(expected, ANYTHING)
            found = outputs_depart(search.fast(case), expected, search.tolerance, unbounded)
            if found is not None:
                message = f"no pass departs, but output '{found.names[0]}': {found}"
                raise Problem(Failure("numbers", UNKNOWN, None, (), message), case)

    def _right(
        self, reference: Reference, prompts: Sequence[Prompt]
    ) -> Iterator[tuple[Case, Outputs]]:
        """What prompts give that the program takes, token by token, where that can be said."""
        for prompt in prompts if self._search.is_whole else ():
            if not self._search.ends_with(prompt.case):
                continue
            try:
                yield prompt.case, dict(prompt.right(reference))
            except Refusal as error:
                self.notes.append(f"{prompt.case.name}: {error}")

    def _import(self, cases: Sequence[Case]) -> None:
        """Judge the model as it was imported."""
        reference, first = self._reference, self._start
        if reference is None or first is None:
            return
        misread = judge_weights(first.module)
        if misread is not None and cases:
            raise Problem(misread, cases[0])
        tolerance = tolerance_of("onnx", "f32", reference.narrowest)
        for case in cases:
            try:
                expected = reference(case.inputs)
            except Refusal as error:  # what a cut model is given may fit it no more
                self.notes.append(f"{case.name}: {error}")
                continue
            runs = Runs(first, case)
            failure = judge_import(runs, reference, expected, tolerance, self._search.fast)
            if failure is not None:
                raise Problem(failure, case)

    def _texts(self) -> Iterator[tuple[Case, Host]]:
        """What is generated, and what the host chooses."""
        return iter(()) if self._reference is None else greedy_cases(self._made, self._reference)

    def _smallest(self, problem: Problem) -> Problem:
        """The same problem on a case with shorter caches, if one shows it."""
        step = problem.step
        case = problem.case
        if step is None or len(self._made.symbols) != 1 or case.entry == GENERATE or case.before:
            return problem
        (symbol,) = self._made.symbols
        for extent in range(symbol.lower, min(symbol.upper, symbol.lower + 4)):
            case = self._made.call(f"length {extent}", {symbol.name: extent})
            if _size(case) >= _size(problem.case):
                return problem
            try:
                self._search.step(step, case)
            except Problem as smaller:
                if smaller.failure.same(problem.failure):
                    return smaller
        return problem


def _refused(module: ModuleOp) -> str | None:
    """Why inputs of IR cannot be made, if they cannot."""
    try:
        for size in SIZES:
            drawn(module, size)
    except Exception as error:
        return failure_of(error, UNKNOWN).message
    return None


def _size(case: Case) -> int:
    """How many elements a case has."""
    return sum(array.size for array in case.inputs.values())
