"""
Run a model at every level on the same inputs, and compare with ONNX Runtime.

Each level is executed by its own semantics, so the first column of the table that is off names the
stage whose passes are at fault. `program` is the reference path of the interpreter, which traps on
reading what nobody wrote, `fast` the path that `run` and `generate` take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dialects.errors import CompileError
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.errors import UserError
from lpuc.files.npz import Inputs, inputs_of
from lpuc.levels.cases import EXTENTS, Case, Cases
from lpuc.levels.onnx_runtime import Reference, Refusal
from lpuc.levels.tolerance import TOLERANCES, difference, tolerance_of
from lpuc.reports.data import plain
from lpuc.verification.judgement import (
    Breakdown,
    Judgement,
    LeftOut,
    Table,
    judge,
    judge_prompts,
    judge_texts,
    judge_weights,
)
from lpuc.verification.subject import SEVERAL, Subject, subject
from lpuc.verification.values import Value, judge_values
from runtime.options import whole
from runtime.program.interface import device_symbols

__all__ = [
    "TOLERANCES", "Subject", "Table", "Verification", "difference", "mismatches", "subject",
    "verified",
]  # fmt: skip


def mismatches(table: Table, tolerance: float | Mapping[str, float]) -> list[tuple[str, str]]:
    """(output, level) wherever the difference is above the tolerance, the upper levels first."""
    allowed = tolerance if isinstance(tolerance, Mapping) else dict.fromkeys(SEVERAL, tolerance)
    return [
        (name, level)
        for level in SEVERAL
        for name, row in table.items()
        if level in row and not row[level] <= allowed[level]
    ]


@dataclass(frozen=True)
class Verification:
    """How far each level is from ONNX Runtime."""

    table: Table
    """
    Largest difference by output and level, of the largest number of its row where that is above 1.
    In the row `tokens` it is by how much logits must be off to explain the tokens of `generate`.
    """
    cases: tuple[str, ...]
    """What the inputs were."""
    tolerance: float
    """What the numbers of a program may be off at most; those of a level: `tolerances`."""
    tolerances: dict[str, float]
    excess: Table
    """
    How many times as far as it may be each output is off: `spread.FACTOR` times the spread
    of runs in which products round otherwise, never more than the tolerance.
    """
    worst: dict[str, dict[str, str]]
    """In which case that is most."""
    breakdowns: tuple[Breakdown, ...] = ()
    """What levels broke on; the differences of such a level are infinite."""
    left_out: tuple[LeftOut, ...] = ()
    """Cases that nothing is said about, and why."""
    notes: tuple[str, ...] = ()
    """How the reference was held to what the file says."""
    values: tuple[Value, ...] = ()
    """The values between inputs and outputs, at levels `onnx`, `lpu` and `esl`, if asked for."""

    @property
    def mismatches(self) -> list[tuple[str, str]]:
        """(output, level) wherever something is further off than it may be, upper levels first."""
        return mismatches(self.excess, 1.0)

    @property
    def is_right(self) -> bool:
        """Whether every level agrees, and no value departs."""
        return not self.mismatches and not self.departing

    @property
    def departing(self) -> list[Value]:
        """The values that are off, in the order in which the model computes them."""
        return [value for value in self.values if value.verdict == "departs"]

    def broke(self, level: str) -> bool:
        """Whether a level broke in some case."""
        return any(b.level == level for b in self.breakdowns)

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON holds it."""
        return plain(self) | {"is_right": self.is_right, "mismatches": plain(self.mismatches)}


def verified(
    model: Path,
    options: CompileOptions,
    inputs: Inputs | None,
    seed: int,
    instrumentation: Instrumentation | None = None,
    thorough: bool = False,
    values: bool = False,
) -> Verification:
    """
    Compile a model, run every level on the same inputs, compare with ONNX Runtime.

    `thorough` compiles a decoder for several new tokens and a batch, too, and tries more inputs.
    `values` compares what is between inputs and outputs, too.
    """
    number = whole("seed", seed, 0, 2**32 - 1)
    compiled = subject(model, options, instrumentation or Instrumentation())
    given = None if inputs is None else _given(inputs, compiled, options)
    reference = Reference(model, options.input_value)
    found = Judgement(options.precision, reference.narrowest)
    judge_weights(found, compiled)
    if given is not None:
        judge(found, compiled, reference, [given], "")
    else:
        _judge_all(found, compiled, reference, options, number, thorough)
    if thorough and given is None:
        _judge_variants(found, compiled, reference, model, options, number)
    if not found.cases:
        raise Refusal(f"ONNX Runtime cannot run the model: {found.left_out[0].reason}")
    inner: Sequence[Value] = ()
    if values:
        tried = Cases(compiled.interface, number, options.devices, reference).quick()
        cases = [given] if given is not None else [c for c in tried if c.name in found.cases]
        tolerances = {level: found.tolerance(level) for level in compiled.runners}
        inner = judge_values(compiled, reference, cases, tolerances)
    return replace(_verification(found, compiled, reference), values=tuple(inner))


def _given(inputs: Inputs, compiled: Subject, options: CompileOptions) -> Case:
    """The inputs of the user, which must fit."""
    interface = compiled.interface
    arrays = inputs_of(inputs, interface)
    interface.bind(arrays, device_symbols(interface, 0, options.devices))
    return Case("given" if isinstance(inputs, Mapping) else Path(inputs).name, arrays)


def _judge_all(
    found: Judgement, compiled: Subject, reference: Reference, options: CompileOptions,
    seed: int, thorough: bool, prefix: str = "",
) -> None:  # fmt: skip
    """The cases of one compilation, and its texts."""
    cases = Cases(compiled.interface, seed, options.devices, reference)
    chosen = cases.thorough() if thorough else cases.quick()
    judge(found, compiled, reference, chosen, prefix)
    if compiled.generate:
        room, draws = compiled.generate["total"][1], compiled.generate["sampled"][1] > 0
        texts = list(cases.texts(room, is_drawn=thorough and draws))
        judge_texts(found, compiled, reference, texts, prefix)
    if compiled.prompted is not None:
        width, decoder = compiled.prompted.chunks.width, compiled.prompted.decoder
        prompts = list(cases.prompts(width, decoder.room, thorough))
        judge_prompts(found, compiled, reference, prompts, prefix)


def _judge_variants(
    found: Judgement, compiled: Subject, reference: Reference, model: Path,
    options: CompileOptions, seed: int,
) -> None:  # fmt: skip
    """The same model for more new tokens and for a batch, where it is a decoder and may be."""
    if not any(port.role == "ids" for port in compiled.interface.inputs):
        return
    fixed = dict(options.shape or {})
    for name, extents in EXTENTS:
        if options.pipeline is not None or extents.keys() & fixed.keys():
            continue
        variant = replace(options, shape=fixed | dict(extents), plan=None)
        try:
            more = subject(model, variant, Instrumentation())
        except (CompileError, UserError) as error:
            found.left_out.append(LeftOut(name.rstrip(": "), str(error).partition("\n")[0]))
            continue
        _judge_all(found, more, reference, variant, seed, True, name)


def _verification(found: Judgement, compiled: Subject, reference: Reference) -> Verification:
    notes = list(reference.notes)
    if found.narrowest != "f32":
        notes.append(
            f"the file rounds to {found.narrowest} itself; "
            f"every level may be off by {TOLERANCES[found.narrowest]:.0e}"
        )
    is_decoder = any(port.role == "ids" for port in compiled.interface.inputs)
    remarks = compiled.remarks if is_decoder else ()
    left_out = [LeftOut("generate", why) for what, why in remarks if "generate" in what]
    return Verification(
        found.table,
        tuple(found.cases),
        tolerance_of("program", found.precision, found.narrowest),
        {level: found.tolerance(level) for level in compiled.runners},
        found.excess,
        found.worst,
        tuple(found.breakdowns),
        (*found.left_out, *left_out),
        tuple(notes),
    )
