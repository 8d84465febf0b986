"""Bisect the passes that are to come behind a dump, or those that somebody names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from lpuc.compiler.pipeline import parse_passes
from lpuc.compiler.resuming import resumed
from lpuc.diagnosis.bisection import Bisection
from lpuc.diagnosis.following import follow
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.reduction.inputs import SIZES, drawn_or_none
from lpuc.diagnosis.search import Problem, Search
from lpuc.diagnosis.variant import COMPILING
from lpuc.errors import UserError
from lpuc.levels.cases import Case
from lpuc.levels.tolerance import tolerance_of
from passes.analysis.functions import options
from passes.analysis.levels import level_of

READER = "reading"


def bisect_ir(text: str, file: Path | None, pipeline: str | None = None) -> Bisection:
    """
    The first pass behind IR in a file that goes wrong; `UserError` for what is no such IR.

    The IR itself is taken for right: what it computes is what the passes must keep.
    """
    read = resumed(text, file, pipeline)
    module, done = read.module, list[Step]()
    passes = parse_passes(",".join(read.standing.rest))
    if not passes:
        raise UserError("no passes are to come; name some: --pipeline")
    cases = list(_cases(module))
    failure = follow(module, passes, level_of(module), READER, done)
    if failure is not None:
        return Bisection(failure, COMPILING)
    names = tuple(case.name for case in cases)
    if not cases:
        return Bisection(None, notes=("nobody can tell what the function 'step' takes",))
    precision = getattr(options(module).get("precision"), "data", "f32")
    search = Search(done, precision, tolerance_of("mem", precision))
    try:
        search.passes(cases)
        if done[-1].after.level == "lpu_isa":
            search.machine(cases)
    except Problem as problem:
        return Bisection(problem.failure, problem.case.name, names)
    return Bisection(None, "", names)


def _cases(module: ModuleOp) -> Iterator[Case]:
    """Inputs by what each of them is, for extents of several sizes, each once."""
    seen = set[tuple[tuple[int, ...], ...]]()
    for size in sorted(SIZES):
        inputs = drawn_or_none(module, size)
        shapes = () if inputs is None else tuple(array.shape for array in inputs.values())
        if inputs is not None and shapes not in seen:
            seen.add(shapes)
            yield Case(f"size {size}", dict(inputs))
