"""
Every level on every case, against the reference.

What a level raises is a difference of that level: the table goes on, with the failure below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from dialects.errors import node_names
from lpuc.diagnosis.failure import Failure
from lpuc.levels.cases import Case, Text, logits_of
from lpuc.levels.initializers import misread
from lpuc.levels.onnx_runtime import Arrays, Refusal, Runner
from lpuc.levels.subject import Stopped, Subject, failure_at
from lpuc.levels.texts import Host, by_host, off_by, steps_of
from lpuc.levels.tolerance import departure, tolerance_of
from runtime.errors import Unlinked

Table = dict[str, dict[str, float]]
"""Largest `departure` by output and level; what the level broke on is infinite."""

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
    worst: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """In which case the largest difference was."""
    cases: list[str] = field(default_factory=list[str])
    breakdowns: list[Breakdown] = field(default_factory=list[Breakdown])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def tolerance(self, level: str) -> float:
        """What the numbers of a level may be off."""
        return tolerance_of(level, self.precision, self.narrowest)

    def add(self, output: str, level: str, case: str, error: float) -> None:
        """Keep the largest difference; NaN is none that may be."""
        row, names = self.table.setdefault(output, {}), self.worst.setdefault(output, {})
        if level not in row or not error <= row[level]:
            row[level], names[level] = error, case

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
    last = {level: dict[str, Arrays]() for level in (*subject.runners, "")}
    for case in cases:
        name = f"{prefix}{case.name}"
        try:
            expected = reference(_carried(case, last[""]).inputs)
        except (Refusal, KeyError) as error:
            judgement.left_out.append(LeftOut(name, _first_line(error)))
            continue
        last[""] = {"": expected}
        judgement.cases.append(name)
        for level, run in subject.runners.items():
            if case.carried and not last[level]:
                continue
            try:
                given = _carried(case, last[level])
                got = run(given.inputs, given.entry, given.values)
                errors = {n: departure(got[n], expected[n]) for n in outputs}
            except Exception as error:
                last[level] = {}
                judgement.broke(level, name, outputs, error)
                continue
            last[level] = {"": got}
            for output, error in errors.items():
                judgement.add(output, level, name, error)


def _carried(case: Case, last: dict[str, Arrays]) -> Case:
    """A case with what the one before it left; KeyError if that was left out."""
    if not case.carried:
        return case
    before = last[""]
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
                _judge_text(judgement, subject, level, host, name)


def judge_prompts(
    judgement: Judgement, subject: Subject, reference: Runner, prompts: Sequence[Text], prefix: str
) -> None:
    """Take prompts in chunks at all levels, where the subject does; compare what a step gives."""
    outputs, prompted = [port.name for port in subject.interface.outputs], subject.prompted
    assert prompted is not None, "the subject takes no prompts in chunks"
    for prompt in prompts:
        name = f"{prefix}{prompt.name}"
        try:
            *_, expected = steps_of(reference, subject.interface, prompt.prompt)
        except (Refusal, KeyError) as error:
            judgement.left_out.append(LeftOut(name, _first_line(error)))
            continue
        judgement.cases.append(name)
        for level in subject.runners:
            if level == "onnx":
                continue
            try:
                got = prompted.outputs(level, prompt.prompt)
                errors = {n: departure(got[n], expected[n]) for n in outputs}
            except Exception as error:
                judgement.broke(level, name, outputs, error)
                continue
            for output, error in errors.items():
                judgement.add(output, level, name, error)


def _judge_text(judgement: Judgement, subject: Subject, level: str, host: Host, name: str) -> None:
    tokens = subject.tokens(level, host.logits[0].size)
    try:
        error = off_by(tokens, host, judgement.tolerance(level))
    except Exception as raised:
        judgement.broke(level, name, [TOKENS], raised)
        return
    judgement.add(TOKENS, level, name, error)


def _first_line(error: Exception) -> str:
    text = "the step before it was left out" if isinstance(error, KeyError) else str(error)
    line = text.partition("\n")[0].removeprefix("ONNX Runtime cannot run the model: ")
    return line.rpartition("Status Message: ")[2][:300]
