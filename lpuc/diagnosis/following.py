"""Run passes one by one and keep what each did, up to where that breaks off."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.verification import forget, verify_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import Stage, parse_passes, pipeline_of, stage_passes
from lpuc.compiler.watching.checks import check_level, check_removed
from lpuc.diagnosis.failure import Failure, Hang, failure_of
from lpuc.diagnosis.judging.snapshots import Step, steps
from lpuc.diagnosis.limits import at_most

PASS_SECONDS = 20.0
"""After how long a pass hangs."""

Course = Sequence[tuple[ModulePass, Stage | None]]
"""Passes in order, each with the stage that ends with it."""


def course_of(options: CompileOptions) -> Course:
    """The passes of a compilation: those of the user, or the default ones."""
    if options.pipeline is not None:
        return unstaged(parse_passes(options.pipeline))
    found = list[tuple[ModulePass, Stage | None]]()
    for stage in pipeline_of(options.devices):
        *others, last = stage_passes(stage)
        found += [*unstaged(others), (last, stage)]
    return found


def unstaged(passes: Sequence[ModulePass]) -> Course:
    """Passes of which nobody says where a level ends."""
    return [(one, None) for one in passes]


def until(course: Course, sought: Failure | None) -> Course:
    """The passes up to the one that is at fault for what is sought; all if none is."""
    places = [at for at, (one, _) in enumerate(course) if sought and one.name == sought.where]
    return course[: places[-1] + 1] if places else course


def follow(
    module: ModuleOp, course: Course, level: str, origin: str, done: list[Step]
) -> Failure | None:
    """
    Run passes over a module of a level, in place, and add what each did to `done`.

    How that breaks off, if it does: by what a pass raises, by a rule that the IR behind it breaks,
    or as it takes too long. The module itself comes from `origin`.
    """
    where, given = origin, None
    running = steps(module, [one for one, _ in course], level)
    try:
        verify_module(module)
        given = module.clone()
        for number, (one, stage) in enumerate(course, 1):
            where = one.name
            with at_most(PASS_SECONDS):
                step = next(running)
            verify_module(module)
            check_removed(module, one)
            if stage is not None:
                check_level(module, stage.level, stage.dialects)
            done.append(step)
            given = step.after.module
            if stage is not None or number == len(course):
                broken = _first_broken(module, done)
                if broken is not None:
                    return broken
    except (Exception, Hang) as error:  # a pass may raise anything
        return failure_of(error, where, given)
    finally:
        forget()
    return None


def _first_broken(module: ModuleOp, done: Sequence[Step]) -> Failure | None:
    """The first pass that has broken a rule of xDSL's, which take as long as all passes to ask."""
    try:
        module.verify()
    except Exception as error:  # operations verify themselves as they like
        for step in done:
            try:
                step.after.module.verify()
            except Exception as first:  # the same
                return failure_of(first, step.one.name, step.before.module)
        return failure_of(error, done[-1].one.name, done[-1].before.module)
    return None
