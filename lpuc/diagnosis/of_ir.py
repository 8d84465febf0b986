"""Bisect the passes that are to come behind a dump, or those that somebody names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from lpuc.compiler.pipeline import parse_passes
from lpuc.compiler.resuming import resumed
from lpuc.diagnosis.bisection import Bisection
from lpuc.diagnosis.earlier import earlier
from lpuc.diagnosis.failure import Failed
from lpuc.diagnosis.following import follow, unstaged
from lpuc.diagnosis.judging.runs import run
from lpuc.diagnosis.judging.snapshots import Snapshot, Step, narrowest
from lpuc.diagnosis.reduction.inputs import SIZES, drawn_or_none, prompts_or_none
from lpuc.diagnosis.search import Problem, Search
from lpuc.diagnosis.variant import COMPILING
from lpuc.errors import UserError
from lpuc.levels.cases import Case
from lpuc.levels.tolerance import tolerance_of
from passes.analysis.functions import options
from passes.analysis.levels import level_of
from runtime.errors import Unlinked, Unreadable

READER = "reading"
"""The place of what is wrong with IR before passes run."""


def bisect_ir(text: str, file: Path | None, pipeline: str | None = None) -> Bisection:
    """
    The first pass behind IR in a file that goes wrong; `UserError` for what is no such IR.

    The IR itself is taken for right: what it computes is what the passes must keep.
    """
    read = resumed(text, file, pipeline)
    passes = parse_passes(",".join(read.standing.rest))
    if not passes:
        raise UserError("no passes are to come; name some: --pipeline")
    return judged(read.module, passes)


def judged(
    module: ModuleOp,
    passes: Sequence[ModulePass],
    sizes: Sequence[int] = SIZES,
    has_prompts: bool = True,
) -> Bisection:
    """
    What goes wrong when passes run over a module, in place.

    It is run with extents of several sizes, where it says what it takes and can be run, and with a
    prompt in chunks if it has some and `has_prompts`. `UserError` if its weights cannot be read.
    """
    level, done, notes = level_of(module), list[Step](), list[str]()
    first, drawn = Snapshot.of(module, level), list(_cases(module, sizes))
    prompts = prompts_or_none(module) if has_prompts else []
    failure = follow(module, unstaged(passes), level, READER, done)
    if not drawn and sizes:
        notes.append("nobody can tell what the function 'step' takes")
    tried = (*drawn, *prompts) if failure is None or done else ()
    cases = [case for case in tried if _runs(first, case, notes)]
    names = tuple(case.name for case in cases)
    precision = getattr(options(module).get("precision"), "data", "f32")
    shortest = narrowest(first.module)
    search = Search(done, precision, tolerance_of("mem", precision, shortest))
    if failure is not None:
        problem = earlier(lambda: search.passes(cases)) if done else None
        shown = (failure, COMPILING) if problem is None else (problem.failure, problem.case.name)
        return Bisection(*shown, names, tuple(notes))
    try:
        search.passes(cases)
        notes += search.left()
        search.machine(cases)
    except Problem as problem:
        return Bisection(problem.failure, problem.case.name, names, tuple(notes))
    except Failed as failed:
        return Bisection(failed.failure, COMPILING, names, tuple(notes))
    return Bisection(None, "", names, tuple(notes))


def _runs(first: Snapshot, case: Case, notes: list[str]) -> bool:
    """Whether IR that is taken for right can be run on a case, by which its passes are judged."""
    try:
        run(first, case)
    except (OSError, Unreadable, Unlinked) as error:
        raise UserError(f"weights cannot be read: {error}") from error
    except Exception as error:  # semantics raise what they meet
        notes.append(f"{case.name}: the IR cannot be run: {type(error).__name__}: {error}")
        return False
    return True


def _cases(module: ModuleOp, sizes: Sequence[int]) -> Iterator[Case]:
    """Inputs by what each of them is, for extents of several sizes, each once."""
    seen = set[tuple[tuple[int, ...], ...]]()
    for size in sorted(sizes):
        inputs = drawn_or_none(module, size)
        shapes = () if inputs is None else tuple(array.shape for array in inputs.values())
        if inputs is not None and shapes not in seen:
            seen.add(shapes)
            yield Case(f"size {size}", dict(inputs))
