"""
A random decoder that takes one token a step and prompts in chunks, and what becomes of it.

ONNX Runtime is fed token by token. Most decoders of `benchmarks.fuzz.decoders` have no chunk: they
have no cache, or one that moves, a batch, or inputs without a role. Those are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fuzz.command import Case
from benchmarks.fuzz.decoders import cases
from benchmarks.fuzz.judging import failure
from benchmarks.fuzz.outcome import Outcome
from lpuc.compiler.instrument import Instrumentation
from lpuc.levels.cases import Cases
from lpuc.levels.onnx_runtime import Reference
from lpuc.verification.judgement import Judgement, judge_prompts
from lpuc.verification.subject import Subject, subject

WIDTHS = (3, 4, 8)
"""Tokens of a chunk; contexts are 9 to 33."""


def make(seed: int, number: int) -> Case:
    """The decoder of these numbers, for one token a step."""
    case = cases.make(seed, number)
    shape = {name: extent for name, extent in case.settings.shape.items() if name != "seq"}
    settings = replace(
        case.settings, shape=shape, prompt_chunk=WIDTHS[number % len(WIDTHS)], with_summary=False
    )
    return replace(case, settings=settings)


def judge(case: Case) -> Outcome:
    """What becomes of prompts of a chunk that is not full, a full one, and two that overlap."""
    with TemporaryDirectory(prefix="lpuc-fuzz-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(case.model.SerializeToString())
        try:
            compiled = subject(path, case.settings.options(), Instrumentation())
            if compiled.prompted is None:
                return Outcome("uncounted", _why_not(compiled), "compile")
            found = _judged(compiled, Reference(path), case.settings.precision)
        except Exception as error:
            return failure(error, "compile")
    if not found.cases:
        return Outcome("uncounted", found.left_out[0].reason, "reference")
    return _outcome(found, case.settings.tolerance)


def _why_not(compiled: Subject) -> str:
    remarks = [why for what, why in compiled.remarks if "chunk" in what]
    return remarks[0] if remarks else "it is no decoder with a cache"


def _judged(compiled: Subject, reference: Reference, precision: str) -> Judgement:
    assert compiled.prompted is not None
    width, room = compiled.prompted.chunks.width, compiled.prompted.decoder.room
    prompts = list(Cases(compiled.interface, 0, 1, reference).prompts(width, room, True))
    found = Judgement(precision, reference.narrowest)
    judge_prompts(found, compiled, reference, prompts, "")
    return found


def _outcome(found: Judgement, tolerance: float) -> Outcome:
    if found.breakdowns:
        broken = found.breakdowns[0]
        return Outcome("crash", f"{broken.case}: {broken.failure}", broken.level)
    worst = max(error for _, _, error in _errors(found))
    for output, level, error in _errors(found):
        if not error <= tolerance:
            where = f"{output} behind {found.worst[output][level]}"
            return Outcome("wrong", f"{where} is off by {error:.1e}", level, error)
    return Outcome("right", error=worst)


def _errors(found: Judgement) -> Iterator[tuple[str, str, float]]:
    for output, row in found.table.items():
        for level, error in row.items():
            yield output, level, error
