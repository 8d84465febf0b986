"""
Measure a decoder: a model, which is compiled first, or a program.

    result = measured(Path("model.onnx"), options, Wanted(plan))
    print(result.as_dict()["ratios"])
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lpuc.bench.likeness import (
    Model,
    Subject,
    Unlike,
    refuse_other_logits,
    refuse_other_run,
    refuse_unlike,
)
from lpuc.bench.plan import PROFILED, SETTLED, Plan, fitted
from lpuc.bench.processes import Process
from lpuc.bench.result import Machine, Result, Samples, SideResult
from lpuc.bench.sides.classes import Share
from lpuc.bench.spread import Spread
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.progress import at_work
from lpuc.compiler.sources import Stamps
from lpuc.errors import UserError
from lpuc.files.programs import is_program, read_program
from lpuc.reports.data import plain
from runtime.generation.decoder import Decoder
from runtime.program.interface_json import to_json
from runtime.program.program import Program

OURS, THEIRS = "lpuc", "ONNX Runtime"
PROBES = 4
"""How often memory is read in each round, about."""
COMPARED = 8
"""Tokens of the text behind which both sides must have the same logits."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: `against` is None for ONNX Runtime where it can be, or what must be."""

    plan: Plan
    context: int | None = None
    model: Path | None = None
    against: str | None = None
    unlike: bool = False
    baseline: Mapping[str, Any] | None = None


@dataclass
class Measuring:
    """Both processes, and what they took so far."""

    plan: Plan
    vocabulary: int
    sides: dict[str, Process]
    samples: dict[str, Samples] = field(init=False)
    reads: dict[int, list[float]] = field(default_factory=dict)
    same: list[int] = field(default_factory=lambda: [0, 0])

    def __post_init__(self) -> None:
        self.samples = {name: Samples() for name in self.sides}

    def round(self, turn: int) -> None:
        """A prompt and tokens on each side in turn; who comes first changes."""
        counted = turn >= self.plan.warm_up
        order = list(self.sides.items())[:: -1 if turn % 2 else 1]
        prompt = self.plan.prompt(self.vocabulary, turn)
        texts: dict[str, list[int]] = {name: [] for name in self.sides}
        for name, side in order:
            timing = side.ask("prompt", prompt, self.plan.more)
            texts[name].append(timing["token"])
            if counted:
                self.samples[name].prompts.append(timing)
        for step in range(SETTLED + self.plan.tokens):
            for name, side in order:
                timing = side.ask("step")
                texts[name].append(timing["token"])
                if counted and step >= SETTLED:
                    self.samples[name].steps.append(timing)
            if counted and step % max(1, self.plan.tokens // PROBES) == 0:
                self._read()
        self._compare(list(texts.values()))

    def _read(self) -> None:
        for threads in {1, self.plan.threads}:
            self.reads.setdefault(threads, []).append(self.sides[OURS].ask("read", threads))

    def _compare(self, texts: list[list[int]]) -> None:
        if len(texts) == 2:
            pairs = [a == b for a, b in zip(*texts, strict=True)]
            self.same[0] += pairs.index(False) if False in pairs else len(pairs)
            self.same[1] += len(pairs)


def measured(file: Path, options: CompileOptions, wanted: Wanted) -> Result:
    """Measure; UserError or `Unlike` before anything is timed, where that can be told."""
    with ExitStack() as stack:
        path, program, stamps = stack.enter_context(_program(file, options))
        decoder = Decoder.of(program.interface)
        if decoder.given:
            raise UserError(
                f"has an input '{decoder.given[0].name}', and bench measures text alone"
            )
        plan = fitted(wanted.plan, wanted.context, decoder)
        subject, machine = Subject.of(program), Machine.here()
        if wanted.baseline is not None:
            facts = {"machine": machine, "subject": subject, "plan": plan}
            refuse_other_run(wanted.baseline, plain(facts))
        model, reason = _model(file, subject, wanted)
        sides = {OURS: stack.enter_context(Process(OURS, plan.threads))}
        sides[OURS].ask("ours", str(path.resolve()))
        if model is not None:
            stamps += Stamps.of(model.files)
            sides[THEIRS] = stack.enter_context(Process(THEIRS, plan.threads))
            interface = to_json(program.interface)
            sides[THEIRS].ask("onnxruntime", str(model.files[0].resolve()), interface)
            _require_like(plan, decoder, sides, (subject.precision, model.precision))
        state = Measuring(plan, decoder.vocabulary, sides)
        peaks, profile = _measure(state)
        stamps.require_unchanged()
        results = {
            name: SideResult.of(side.ask("about"), state.samples[name], plan, peaks[name])
            for name, side in sides.items()
        }
    return Result(
        str(file), machine, subject, plan, results[OURS],
        {name: Share(**share) for name, share in profile["classes"].items()},
        profile["seconds"], max(0.0, profile["outside"]),
        {threads: Spread.of(rates) for threads, rates in sorted(state.reads.items())},
        results.get(THEIRS), reason, tuple(state.same), wanted.baseline,
    )  # fmt: skip


@contextmanager
def _program(file: Path, options: CompileOptions) -> Generator[tuple[Path, Program, Stamps]]:
    """A program file; that of a model is made for the time of the block."""
    if is_program(file):
        yield file, read_program(file).program, Stamps.of([file])
        return
    compiled = compile_model(file, options)
    with tempfile.TemporaryDirectory(prefix="lpuc-bench-") as folder:
        path = Path(folder) / "bench.lpu"
        compiled.save(path, "embed")
        yield path, compiled.program, compiled.stamps


def _model(file: Path, subject: Subject, wanted: Wanted) -> tuple[Model | None, str]:
    """The model that ONNX Runtime runs beside it, or None and why there is none."""
    try:
        if wanted.against == "none":
            return None, "was not asked for"
        path = wanted.model or (None if is_program(file) else file)
        if path is None:
            raise UserError("needs the model that the program was compiled from: --model FILE")
        if find_spec("onnxruntime") is None:
            raise UserError("is not installed: pip install 'lpuc[verify]'")
        model = Model.read(path)
        refuse_unlike(subject, model, may_differ=wanted.unlike)
    except UserError as error:
        if error.file is not None:
            raise
        if wanted.against is not None or (wanted.model and not isinstance(error, Unlike)):
            raise UserError(f"no comparison with ONNX Runtime: {error}") from None
        return None, str(error)
    return model, ""


def _require_like(
    plan: Plan, decoder: Decoder, sides: Mapping[str, Process], precisions: tuple[str, str]
) -> None:
    """`Unlike` unless both sides give the same logits behind a short text."""
    text = plan.prompt(decoder.vocabulary, plan.rounds + plan.warm_up)[:COMPARED]
    ours, theirs = (sides[name].ask("logits", text) for name in (OURS, THEIRS))
    refuse_other_logits(ours, theirs, precisions)


def _measure(state: Measuring) -> tuple[dict[str, int], dict[str, Any]]:
    """All rounds; the peaks of memory, without that of the probe, and instructions by class."""
    plan, peaks = state.plan, dict[str, int]()
    for turn in range(plan.warm_up + plan.rounds):
        with at_work(f"round {turn + 1} of {plan.warm_up + plan.rounds}"):
            state.round(turn)
        if turn + 1 == plan.warm_up:
            peaks = {name: side.ask("peak") for name, side in state.sides.items()}
    return peaks, state.sides[OURS].ask("profile", PROFILED)
