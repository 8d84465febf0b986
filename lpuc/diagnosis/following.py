"""Run passes one by one and keep what each did, up to where that breaks off."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.verification import forget, verify_module
from lpuc.diagnosis.failure import Failure, failure_of
from lpuc.diagnosis.judging.snapshots import Step, steps
from lpuc.diagnosis.limits import at_most

PASS_SECONDS = 20.0
"""After how long a pass hangs."""


def follow(
    module: ModuleOp, passes: Sequence[ModulePass], level: str, origin: str, done: list[Step]
) -> Failure | None:
    """
    Run passes over a module of a level, in place, and add what each did to `done`.

    How that breaks off, if it does: by what a pass raises, by a rule that the IR behind it breaks,
    or as it takes too long. The module itself comes from `origin`.
    """
    where, given, running = origin, None, steps(module, passes, level)
    try:
        verify_module(module)
        given = module.clone()
        for one in passes:
            where = one.name
            with at_most(PASS_SECONDS):
                step = next(running)
            verify_module(module)
            done.append(step)
            given = step.after.module
    except Exception as error:  # a pass may raise anything
        return failure_of(error, where, given)
    finally:
        forget()
    return None
