"""
Every level on every case, against the reference.

What a level raises is a difference of that level: the table goes on, with the failure below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from dialects.errors import node_names
from lpuc.diagnosis.failure import Failure
from lpuc.levels.cases import Case, Text
from lpuc.levels.decoder import logits_of
from lpuc.levels.initializers import misread
from lpuc.levels.onnx_runtime import Arrays, Refusal, Runner
from lpuc.levels.texts import Host, by_host, off_by, steps_of
from lpuc.levels.tolerance import tolerance_of
from lpuc.verification.allowed import Allowed, AllowedOfText
from lpuc.verification.subject import Stopped, Subject, failure_at
from runtime.errors import Unlinked

Table = dict[str, dict[str, float]]
"""Largest `departure` by output and level; what the level broke on is infinite."""

Errors = Mapping[str, tuple[float, float | None]]
"""How far each output is off, and how many times as far as it may be, if not by the tolerance."""

TOKENS = "tokens"
"""The row of what `generate` hands out."""
NOT_OURS = (MemoryError, OSError, Unlinked)
"""What is no difference of a level: the machine, or a file that has changed."""


@dataclass(frozen=True)
class Breakdown:
    """What a level broke on, in which case."""

    level: str
    case: str
    failure: Failure


@dataclass(frozen=True)
class LeftOut:
    """A case that nothing is said about, and why."""

    name: str
    reason: str


@dataclass
class Judgement:
    """What came of all cases so far."""

    precision: str
    narrowest: str = "f32"
    table: Table = field(default_factory=Table)
    excess: Table = field(default_factory=Table)
    """How many times as far as they may be outputs are off, where that is most."""
    worst: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """In which case that was."""
    margins: dict[str, Callable[[], float]] = field(default_factory=dict[str, Callable[[], float]])
    """How far logits may be off, of the largest of their row, by what the model is compiled for."""
    cases: list[str] = field(default_factory=list[str])
    breakdowns: list[Breakdown] = field(default_factory=list[Breakdown])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def tolerance(self, level: str) -> float:
        """What the numbers of a level may be off."""
        return tolerance_of(level, self.precision, self.narrowest)

    def add(
        self, output: str, level: str, case: str, error: float, excess: float | None = None
    ) -> None:
        """Keep the largest difference; NaN is none that may be."""
        over = error / self.tolerance(level) if excess is None else excess
        for table, number in ((self.table, error), (self.excess, over)):
            row = table.setdefault(output, {})
            if level not in row or not number <= row[level]:
                row[level] = number
                if table is self.excess:
                    self.worst.setdefault(output, {})[level] = case

    def judged(
        self, level: str, case: str, outputs: Iterable[str], errors: Callable[[], Errors]
    ) -> None:
        """Keep how far a level is off in a case, or what it broke on: whatever it may raise."""
        try:
            found = errors()
        except Exception as error:
            self.broke(level, case, outputs, error)
            return
        for output, (error, excess) in found.items():
            self.add(output, level, case, error, excess)

    def broke(self, level: str, case: str, outputs: Iterable[str], error: Exception) -> None:
        """A level raised something, once for each thing that it raises."""
        if isinstance(error, NOT_OURS):
            raise error
        failure = failure_at(level, error)
        known = ((b.level, b.failure) for b in self.breakdowns)
        if (level, failure) not in known:
            self.breakdowns.append(Breakdown(level, case, failure))
        for output in outputs:
            self.add(output, level, case, float("inf"))


def judge_weights(judgement: Judgement, subject: Subject) -> None:
    """What the importer notes of weights, against the file; a fault is one of level `onnx`."""
    outputs = [port.name for port in subject.interface.outputs]
    for op, what in misread(subject.modules["onnx"]):
        failure = Failure("numbers", "importer", op.name, node_names(op), what)
        judgement.broke("onnx", "weights", outputs, Stopped(failure))


def judge(
    judgement: Judgement, subject: Subject, reference: Runner, cases: Iterable[Case], prefix: str
) -> None:
    """Run all cases; those that the reference refuses are left out."""
    outputs = [port.name for port in subject.interface.outputs]
    for output in outputs:
        judgement.table.setdefault(output, {})
    last, logits = dict[str, Arrays](), logits_of(subject.interface)
    allowed = Allowed(subject.modules, judgement.precision, logits, judgement.narrowest)

    def errors(level: str, case: Case, expected: Arrays) -> Errors:
        given = _carried(case, last.pop(level, {}))
        got = subject.runners[level](given.inputs, given.entry, given.values)
        right = {name: expected[name] for name in outputs}
        found = allowed.errors(level, got, right, judgement.tolerance(level))
        last[level] = got
        return found

    for case in cases:
        name = f"{prefix}{case.name}"
        try:
            right = _carried(case, last.pop("", {}))
            last[""] = expected = reference(right.inputs)
        except (Refusal, KeyError) as error:
            judgement.left_out.append(LeftOut(name, _first_line(error)))
            continue
        judgement.cases.append(name)
        allowed.begin(right)
        for level in subject.runners:
            if not case.carried or level in last:
                judgement.judged(level, name, outputs, partial(errors, level, case, expected))
    judgement.margins[prefix] = allowed.margin


def _carried(case: Case, before: Arrays) -> Case:
    """A case with what the one before it left; KeyError if that was left out."""
    more = {name: before[output] for name, output in case.carried.items()}
    return replace(case, inputs=case.inputs | more)


def judge_texts(
    judgement: Judgement, subject: Subject, reference: Runner, texts: Sequence[Text], prefix: str
) -> None:
    """Generate at all levels that can, and compare with the choice of the host."""
    logits = logits_of(subject.interface)
    for text in texts if logits is not None else ():
        name = f"{prefix}generate {text.name}"
        try:
            host = by_host(reference, subject.interface, text)
        except Refusal as error:
            judgement.left_out.append(LeftOut(name, _first_line(error)))
            continue
        judgement.cases.append(name)
        for level in subject.runners:
            if level != "onnx":
                _judge_text(judgement, subject, level, host, (prefix, text.name))


def judge_prompts(
    judgement: Judgement, subject: Subject, reference: Runner, prompts: Sequence[Text], prefix: str
) -> None:
    """Take prompts in chunks at all levels, where the subject does; compare what a step gives."""
    outputs, prompted = [port.name for port in subject.interface.outputs], subject.prompted
    assert prompted is not None, "the subject takes no prompts in chunks"

    def errors(level: str, allowed: AllowedOfText, expected: Arrays) -> Errors:
        got = prompted.outputs(level, allowed.text)
        right = {name: expected[name] for name in outputs}
        return allowed.errors(got, right, judgement.tolerance(level))

    for prompt in prompts:
        name = f"{prefix}{prompt.name}"
        try:
            *_, expected = steps_of(reference, subject.interface, prompt.prompt)
        except (Refusal, KeyError) as error:
            judgement.left_out.append(LeftOut(name, _first_line(error)))
            continue
        judgement.cases.append(name)
        allowed = AllowedOfText(prompted, prompt.prompt, judgement.precision)
        for level in (one for one in subject.runners if one != "onnx"):
            judgement.judged(level, name, outputs, partial(errors, level, allowed, expected))


def _judge_text(
    judgement: Judgement, subject: Subject, level: str, host: Host, named: tuple[str, str]
) -> None:
    prefix, text = named
    tokens = subject.tokens(level, host.logits[0].size, host.given)

    def errors() -> Errors:
        if off_by(tokens, host, 0.0) == 0:
            return {TOKENS: (0.0, 0.0)}
        most = judgement.margins[prefix]() if prefix in judgement.margins else 0.0
        margin = min(judgement.tolerance(level), most or float("inf"))
        error = off_by(tokens, host, margin)
        return {TOKENS: (error, error / margin)}

    judgement.judged(level, f"{prefix}generate {text}", [TOKENS], errors)


def _first_line(error: Exception) -> str:
    text = "the step before it was left out" if isinstance(error, KeyError) else str(error)
    line = text.partition("\n")[0].removeprefix("ONNX Runtime cannot run the model: ")
    return line.rpartition("Status Message: ")[2][:300]
