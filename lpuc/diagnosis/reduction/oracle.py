"""
How a model or IR fails, found in this process: the first thing that is not right.

```python
ModelOracle(CompileOptions())(Path("model.onnx"), inputs)    # compiled, encoded, run
IrOracle(parse_passes("lpu-raise-norm"))(module)             # each pass on it
```

A pass that raises, breaks a rule, does not end or refuses is one; so is one behind which the IR
computes other numbers. Who knows what is `sought` looks no further than there, and at numbers only
around the pass that changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.verification import forget, verify_module
from lpuc.compiler.driver import CompiledProgram, load_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import (
    Stage,
    check_level,
    check_pipeline,
    make_context,
    parse_passes,
    pipeline_of,
    stage_passes,
)
from lpuc.compiler.plans import naming
from lpuc.diagnosis.failure import ENCODER, IMPORTER, INTERPRETER, Failure, failure_of
from lpuc.diagnosis.limits import at_most
from lpuc.diagnosis.reduction.inputs import drawn_or_none
from lpuc.diagnosis.reduction.numbers import Arrays, Run, departure, different, level_of
from lpuc.errors import UsageError
from lpuc.levels.onnx_runtime import Reference
from lpuc.levels.tolerance import TOLERANCES, tolerance_of
from runtime.errors import BadOption
from runtime.run.interpreter import Interpreter

Step = tuple[ModulePass, Stage | None]
"""A pass, and the stage that ends with it."""

READER = "reading"
"""The place of what is wrong with a file of IR before passes run."""


@dataclass
class Walk:
    """One way through passes; `where` is what runs, `run` what the IR computed last."""

    module: ModuleOp
    inputs: Arrays | None
    where: str
    sought: Failure | None = None
    run: Run | None = None

    def looks_at(self, where: str) -> bool:
        """Whether numbers matter around a place."""
        sought = self.sought
        return sought is None or (sought.kind == "numbers" and sought.where == where)

    def step(self, one: ModulePass, stage: Stage | None = None) -> Failure | None:
        """Run one pass, and look at what it leaves."""
        looks = self.looks_at(one.name)
        before = (self.run or self.executed()) if looks else None
        self.where = one.name
        one.apply(make_context(), self.module)
        verify_module(self.module)
        self.module.verify()
        if stage is not None:
            check_level(self.module, stage)
            forget()
        behind = self.executed() if looks else None
        self.run = behind or before
        if before is None or behind is None:
            return None
        return departure(one, self.module, before, behind)

    def executed(self) -> Run | None:
        """What the IR makes of the inputs; None if there are none yet."""
        return None if self.inputs is None else Run.of(self.module, self.inputs)

    def is_behind(self, one: ModulePass) -> bool:
        """Whether what is sought would have been found."""
        return self.sought is not None and self.sought.where == one.name


def found(walk: Walk, look: Callable[[], Failure | None], seconds: float | None) -> Failure | None:
    """What a look finds, or what it raises."""
    try:
        with at_most(seconds):
            return look()
    except (UsageError, BadOption):
        raise
    except Exception as error:  # whatever it is, it is what is looked for
        return failure_of(error, walk.where)


@dataclass(frozen=True)
class IrOracle:
    """How passes fail on IR in a file; IR that is wrong itself is no failure of theirs."""

    passes: Sequence[ModulePass]
    seconds: float | None = None
    sought: Failure | None = None
    runs: bool = True
    """Whether IR is run, to look at numbers: its weights may not be there."""

    def __call__(self, module: ModuleOp, inputs: Arrays | None = None) -> Failure | None:
        """What goes wrong with a module, which is changed."""
        given = (inputs or drawn_or_none(module)) if self.runs else None
        walk = Walk(module, given, READER, self.sought)

        def look() -> Failure | None:
            for one in self.passes:
                failure = walk.step(one)
                if failure is not None or walk.is_behind(one):
                    return failure
            return None

        return found(walk, look, self.seconds)


@dataclass(frozen=True)
class ModelOracle:
    """How the compilation of a model in a file fails, or the program that comes of it."""

    options: CompileOptions
    seconds: float | None = None
    sought: Failure | None = None

    def __call__(self, path: Path, inputs: Arrays | None = None) -> Failure | None:
        walk = Walk(ModuleOp([]), inputs, IMPORTER, self.sought)
        return found(walk, lambda: self._look(walk, path), self.seconds)

    def _look(self, walk: Walk, path: Path) -> Failure | None:
        walk.module = load_module(path, self.options)
        failure = self._read(walk, path)
        if failure is not None:
            return failure
        with naming(self.options.plan):
            for one, stage in self.steps():
                failure = walk.step(one, stage)
                if failure is not None or walk.is_behind(one):
                    return failure
        return self._encoded(walk)

    def steps(self) -> Iterator[Step]:
        """The passes of the compilation, in order."""
        if self.options.pipeline is not None:
            passes = parse_passes(self.options.pipeline)
            check_pipeline(passes, "onnx")
            yield from ((one, None) for one in passes)
            return
        for stage in pipeline_of(self.options.devices):
            *others, last = stage_passes(stage)
            yield from ((one, None) for one in others)
            yield last, stage

    def _read(self, walk: Walk, path: Path) -> Failure | None:
        """Numbers of the model as it was imported, against those of ONNX Runtime."""
        if walk.inputs is None or not walk.looks_at(IMPORTER):
            return None
        walk.run = run = Run.of(walk.module, walk.inputs)
        if run.outputs is None:
            assert run.error is not None
            return failure_of(run.error, f"semantics of {run.level}")
        reference = Reference(path)
        tolerance = tolerance_of("onnx", self.options.precision, reference.narrowest)
        message = different(reference(walk.inputs), run.outputs, tolerance)
        return None if message is None else Failure("numbers", IMPORTER, message=message)

    def _encoded(self, walk: Walk) -> Failure | None:
        """The program, and its numbers on both paths of the interpreter."""
        if self.options.pipeline is not None and level_of(walk.module) != "isa":
            return None
        walk.where = ENCODER
        program = CompiledProgram(walk.module, sources=()).in_memory
        if walk.inputs is None or not (walk.looks_at(INTERPRETER) or walk.looks_at(ENCODER)):
            return None
        walk.where = INTERPRETER
        specified = Interpreter(program, reference=True).run(walk.inputs)
        fast = Interpreter(program).run(walk.inputs)
        tolerance = TOLERANCES[self.options.precision]
        message = different(specified, fast, tolerance)
        if message is not None:
            return Failure("numbers", INTERPRETER, message=message)
        if walk.run is None or walk.run.outputs is None:
            return None
        message = different(walk.run.outputs, specified, tolerance)
        return None if message is None else Failure("numbers", ENCODER, message=message)
