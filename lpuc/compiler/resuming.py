"""
Go on from IR that was dumped: it says which passes are to come.

```python
compiled = resumed(Path("dump/07-lpu-drop-dead.mlir")).compiled(Instrumentation())
compiled.save(Path("model.lpu"))  # the bytes of a compilation of the model
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xdsl.dialects.builtin import ModuleOp

from dialects.devices import devices_of
from lpuc.compiler.driver import CompiledProgram
from lpuc.compiler.dumping.course import Course
from lpuc.compiler.dumping.reading import find_weights, standing_of
from lpuc.compiler.dumping.written import Standing
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.located import parse_module
from lpuc.compiler.options import WEIGHTS
from lpuc.compiler.pipeline import (
    LEVELS,
    Stage,
    check_pipeline,
    parse_passes,
    pipeline_of,
    run_pipeline,
    run_stages,
)
from lpuc.compiler.sources import Stamps, source_ranges
from lpuc.errors import UsageError, UserError
from passes.analysis.levels import level_of
from passes.rewriting.kernel import set_attribute
from passes.rewriting.standing import DUMP
from runtime.options import one_of

if TYPE_CHECKING:
    from xdsl.passes import ModulePass


class Resumed(NamedTuple):
    """A module that was read, its file, what it says of itself, and how to read it again."""

    module: ModuleOp
    file: Path | None
    standing: Standing
    again: Callable[[], ModuleOp]

    def lower(self, instrumentation: Instrumentation, level: str = LEVELS[-1]) -> int:
        """Run the passes to come, until a level is reached; how many these were."""
        rest = parse_passes(",".join(self.standing.rest))
        course = Course(self.standing.rest, self.standing.weights)
        with instrumentation.watching(self.module, self.again, course):
            stages = self._stages(rest, level)
            if stages is None:
                check_pipeline(rest, level_of(self.module))
                with instrumentation.judging("the pipeline", self.module):
                    run_pipeline(self.module, rest, instrumentation)
                return len(rest)
            reached = run_stages(self.module, stages, instrumentation)
            return sum(len(stage.passes) for stage in reached)

    def compiled(
        self, instrumentation: Instrumentation, weights: str | None = None
    ) -> CompiledProgram:
        """The program; its file has the weights as that of the compilation, or as is said here."""
        form = one_of("weights", weights or self.standing.weights, WEIGHTS)
        if self.standing.weights == "none" != form:
            raise UsageError("--weights: the IR was made without weights; compile the model anew")
        ranges = source_ranges(self.module)
        stamps = Stamps.of(ranges)
        self.lower(instrumentation)
        if level_of(self.module) != "lpu_isa":
            raise UsageError("the passes to come do not lead to a program; name others: --pipeline")
        files = (self.file, *ranges) if self.file else tuple(ranges)
        return CompiledProgram(self.module, files, form, stamps=stamps)

    def _stages(self, rest: Sequence[ModulePass], level: str) -> list[Stage] | None:
        """What is left of the default stages, if the passes to come are that."""
        left, found = len(rest), list[Stage]()
        stages = pipeline_of(devices_of(self.module))
        for stage in reversed(stages):
            count = min(left, len(stage.passes))
            left -= count
            found.append(replace(stage, passes=stage.passes[len(stage.passes) - count :]))
        names = [name for stage in found[::-1] for name in stage.passes]
        if names != [str(one.spec()) for one in rest]:
            return None
        return _until(level, [stage for stage in found[::-1] if stage.passes]) if rest else []


def _until(level: str, stages: list[Stage]) -> list[Stage]:
    levels = [stage.level for stage in stages]
    if level not in levels:
        ways = ", ".join(levels) or "no level"
        raise UsageError(f"--emit {level}: the passes to come lead to {ways}")
    return stages[: levels.index(level) + 1]


def resumed(
    text: str, file: Path | None, pipeline: str | None = None, model_dir: Path | None = None
) -> Resumed:
    """
    IR to go on from, with the passes that it names, or with those of `pipeline`.

    `file` is None for text from stdin; `model_dir` is the folder of the model's files, if they are
    not where they were. UserError for text that is no IR, or does not say where it stands.
    """

    def read() -> tuple[ModuleOp, Standing]:
        module = parse_module(text, str(file or "<stdin>"))
        find_weights(module, file, model_dir)
        standing = standing_of(module)
        set_attribute(module, DUMP, None)
        if standing is None and pipeline is None:
            raise UserError("does not say which passes are to come; name them: --pipeline")
        standing = standing or Standing()
        if pipeline is not None:
            rest = tuple(str(one.spec()) for one in parse_passes(pipeline))
            standing = replace(standing, rest=rest)
        return module, standing

    module, standing = read()
    return Resumed(module, file, standing, lambda: read()[0])
