"""What a reproducer does when it is run: it fails as it did, unless the bug is gone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.pipeline import ESL, PIPELINE, Stage, run_pipeline
from lpuc.compiler.reading.pipelines import parse_passes
from lpuc.compiler.watching.checks import check_level
from lpuc.compiler.watching.failures import EMITTED, emit_again
from lpuc.compiler.watching.reproducer import Recipe
from lpuc.errors import UserError, printable

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass


def replay(module: ModuleOp, recipe: Recipe, file: Path, watch: Watch) -> None:
    """
    Do with the module of a reproducer, in place, what is known to fail.

    Each pass is judged, as is the one that is named in the report of a stage.
    """
    passes, stage = parse_passes(recipe.pipeline), _stage(recipe.level)
    if recipe.emit is not None and recipe.emit not in EMITTED:
        raise UserError(f"this is no reproducer: '{recipe.emit}' is nothing that can be encoded")
    instrumentation = Instrumentation(replace(watch, verify_each=True), replayed=file)
    with instrumentation.watching(module):
        _run(module, passes, stage, instrumentation)
    if recipe.emit is not None:
        emit_again(module, recipe.emit, instrumentation.place)
    _note_success(recipe)


def _run(
    module: ModuleOp, passes: Sequence[ModulePass], stage: Stage | None, watch: Instrumentation
) -> None:
    run_pipeline(module, passes, watch)
    if stage is not None:
        with watch.judging(f"stage '{stage.level}'", module, stage.level):
            check_level(module, stage.level, stage.dialects)


def _stage(level: str | None) -> Stage | None:
    stages = {stage.level: stage for stage in (*PIPELINE, ESL)}
    if level is not None and level not in stages:
        raise UserError(f"this is no reproducer: there is no level '{level}'")
    return None if level is None else stages[level]


def _note_success(recipe: Recipe) -> None:
    if not recipe.failure:
        return
    changed = recipe.stale
    because = f"; it was found with {changed}" if changed else ""
    print(
        printable(f"note: this does not fail any more: {recipe.failure}{because}"), file=sys.stderr
    )
