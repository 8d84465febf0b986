"""
From a model file to a program: import, pipeline, emit.

```python
compiled = compile_model(Path("model.onnx"), CompileOptions(max_context=256))
compiled.save(Path("model.lpu"))
```
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr

from dialects.errors import CompileError
from dialects.lpu_esl.plans import PLAN
from dialects.names import unescape
from lpuc.compiler.dumping.course import Course
from lpuc.compiler.emit import emit_parameters, emit_program, emit_references, program_in_memory
from lpuc.compiler.instrument import Instrumentation, emitting
from lpuc.compiler.options import MOST_DEVICES, WEIGHTS, CompileOptions
from lpuc.compiler.pipeline import (
    PIPELINE,
    by_level,
    check_pipeline,
    parse_passes,
    pipeline_of,
    run_pipeline,
    run_stages,
    stage_passes,
    stages_until,
)
from lpuc.compiler.plans import keeping, naming, plan_attribute
from lpuc.compiler.progress import at_work
from lpuc.compiler.sources import UNSTAMPED, Stamps, source_ranges, summing
from lpuc.compiler.watching.reproducer import ANYWHERE, Place
from lpuc.errors import InternalError
from lpuc.files.disk import replacing
from lpuc.files.kinds import MODEL, require
from lpuc.onnx_import import Budgets, import_model
from lpuc.text.ends import end_tokens
from passes.analysis.functions import model_folder, step_function
from passes.lpu_mem.allocate import Overfull
from passes.rewriting.kernel import set_attribute
from runtime.errors import BadOption
from runtime.files import noting
from runtime.options import one_of
from runtime.program.program import Program
from runtime.weights.source_files import Sums

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

    from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, np.dtype[Any]]

REMARKS = {
    "not_rolled": "no layer loop",
    "no_generate": "no generate",
    "no_chunk": "no chunk",
}
"""Attributes that passes leave on a function, and what a summary calls them."""


@dataclass(frozen=True)
class CompiledProgram:
    """A module at level `isa`: a program whose parameters are still where the model keeps them."""

    module: ModuleOp
    sources: tuple[Path, ...]
    """The files that were read, the first of them the model."""
    weights: str = WEIGHTS[0]
    """How a file of the program has its weights unless something else is asked for."""
    sums: Sums | None = None
    """What is known of the weights already, where the program will refer to them."""
    stamps: Stamps = UNSTAMPED
    """The files as they were when compiling began: weights are read later, from the same files."""
    reproducer: Place = ANYWHERE
    """Where a bug met while encoding is written."""

    @property
    def program(self) -> Program:
        """The program without its parameters."""
        return self._program

    @property
    def in_memory(self) -> Program:
        """The program with its parameters."""
        return self._in_memory

    @cached_property
    def _program(self) -> Program:
        with self._emitting("program"):
            return emit_program(self.module, model_folder(self.module))[0]

    @cached_property
    def _in_memory(self) -> Program:
        with self._emitting("parameters"), self._unchanged():
            return program_in_memory(self.module, model_folder(self.module))

    @cached_property
    def interpreter(self) -> Interpreter:
        """What runs the program on the fast path."""
        from runtime.run.interpreter import Interpreter  # a compile runs nothing

        return Interpreter(self.in_memory)

    def _emitting(self, what: str) -> AbstractContextManager[None]:
        return emitting(self.module, what, self.reproducer)

    @contextmanager
    def _unchanged(self) -> Generator[None]:
        """Weights are read in here: Unlinked if their files changed, before or meanwhile."""
        self.stamps.require_unchanged()
        yield
        self.stamps.require_unchanged()

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call of the model's interface, names as in its graph."""
        return self.interpreter.run(inputs)

    @property
    def end_tokens(self) -> frozenset[int]:
        """The tokens that end a text, as the files beside the model say."""
        return end_tokens(model_folder(self.module))

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """What was left out, and why: the layer loop, the entry `generate`."""
        attributes = step_function(self.module).attributes
        reasons = ((name, attributes.get(f"lpu.{key}")) for key, name in REMARKS.items())
        return [(name, unescape(r.data)) for name, r in reasons if isinstance(r, StringAttr)]

    def save(self, path: Path, weights: str | None = None) -> None:
        """Write the program file, whole or not at all; `weights` is one of `options.WEIGHTS`."""
        form = self.weights if weights is None else one_of("weights", weights, WEIGHTS)
        if self.weights == "none" != form:
            raise BadOption("weights", "the model was compiled without; compile it anew")
        folder = model_folder(self.module)
        program = self.program
        with at_work("write"), replacing(path, self.sources) as temporary, self._unchanged():
            if form == "reference":
                with self._emitting("references"):
                    references = emit_references(self.module, folder, temporary.parent, self.sums)
                program = replace(program, references=references)
            embedded = emit_parameters(self.module, folder) if form == "embed" else None
            with self._emitting("parameters"):
                program.write(temporary, embedded)


def load_module(model: Path, options: CompileOptions) -> ModuleOp:
    """The model at level `onnx`, with the options that passes read."""
    require(model, MODEL)
    plan = None if options.plan is None else plan_attribute(options.plan)
    with at_work("import"):
        budgets = Budgets(**options.budgets)
        absent_ok = options.weights == "none"
        given = options.input_value
        module = import_model(model, given=given, budgets=budgets, absent_ok=absent_ok)
    set_attribute(module, "lpu.options", options.attribute())
    set_attribute(module, PLAN, plan)
    return module


def lower(
    module: ModuleOp,
    options: CompileOptions,
    level: str,
    instrumentation: Instrumentation,
    again: Callable[[], ModuleOp] | None = None,
    is_whole: bool = False,
) -> ModuleOp:
    """
    Take a module down to a level, in place; a pipeline of the user's is run as it is.

    Where a program is to come of it, that pipeline `is_whole`; `UsageError` if it is not.
    `again` loads the module anew, to show a bug; without it, the module is copied at once.
    """
    course = _course(options, instrumentation)
    with instrumentation.watching(module, again, course), naming(options.plan):
        if options.pipeline is not None:
            passes = _users_passes(options.pipeline, options.devices if is_whole else None)
            with instrumentation.judging("the pipeline", module):
                run_pipeline(module, passes, instrumentation)
        else:
            for _ in run_stages(module, stages_until(level, options.devices), instrumentation):
                pass
    return module


def lower_by_levels(
    module: ModuleOp, options: CompileOptions, instrumentation: Instrumentation
) -> Generator[str]:
    """Take a module down all levels, in place; the name of each as it is reached whole."""
    course = _course(options, instrumentation)
    with instrumentation.watching(module, course=course), naming(options.plan):
        if options.pipeline is None:
            for stage in run_stages(module, pipeline_of(options.devices), instrumentation):
                yield stage.level
            return
        passes = _users_passes(options.pipeline, options.devices)
        for level, group in by_level(passes).items():
            with instrumentation.judging("the pipeline", module):
                run_pipeline(module, group, instrumentation)
            yield level


def passes_of(options: CompileOptions) -> tuple[ModulePass, ...]:
    """All passes of a compilation: those of the user, or the default ones."""
    if options.pipeline is not None:
        return parse_passes(options.pipeline)
    stages = pipeline_of(options.devices)
    return tuple(one for stage in stages for one in stage_passes(stage))


def _course(options: CompileOptions, instrumentation: Instrumentation) -> Course | None:
    """What is dumped, if anything is."""
    is_dumped = instrumentation.watch.dump_dir is not None
    return Course.of(passes_of(options), options) if is_dumped else None


def _users_passes(pipeline: str, devices: int | None) -> tuple[ModulePass, ...]:
    """The passes of a user's pipeline; a program for so many devices, if any, comes of them."""
    passes = parse_passes(pipeline)
    ends = () if devices is None else ("registers",) if devices == 1 else ("exchanges", "registers")
    check_pipeline(passes, "onnx", ends)
    return passes


def compile_model(
    model: Path,
    options: CompileOptions,
    instrumentation: Instrumentation | None = None,
    plan_out: Path | None = None,
) -> CompiledProgram:
    """Compile a model; `CompileError` if it is at fault. The plan is written to `plan_out`."""
    load = partial(load_module, model, options)
    stamps = Stamps.of([model])
    sums = Sums(threads=1) if options.weights == "reference" else None
    with noting() as read:
        module = load()
        ranges = source_ranges(module)
        stamps += Stamps.of(ranges)
        with summing(sums, ranges), keeping(module, plan_out, (model, *ranges)):
            level, watch = PIPELINE[-1].level, instrumentation or Instrumentation()
            with _advising(model, options):
                lower(module, options, level, watch, load, is_whole=True)
    sources = tuple(dict.fromkeys((model, *ranges, *read)))
    return CompiledProgram(module, sources, options.weights, sums, stamps, watch.place)


@contextmanager
def _advising(model: Path, options: CompileOptions) -> Generator[None]:
    """A model that is too large is compiled for more devices, to say how many have room for it."""
    try:
        yield
    except Overfull as error:
        try:
            count = None if options.pipeline else _smallest_ring(model, options, error)
        except InternalError as bug:
            error.hint = f"{error.hint}; on more devices lpuc has a bug: {bug}"
            raise error from bug
        if count is not None:
            error.hint = f"--devices {count} has room; {error.hint}"
        raise


def _smallest_ring(model: Path, options: CompileOptions, error: Overfull) -> int | None:
    """How many devices, more than there are, hold a model; None if none do, or it is refused."""
    if error.activations >= error.room:
        return None
    least = max(options.devices + 1, error.divisible / error.room)
    for count in (1 << bit for bit in range(MOST_DEVICES.bit_length())):
        if count < least:
            continue
        trial = replace(options, devices=count, plan=None)
        try:
            lower(load_module(model, trial), trial, "mem", Instrumentation())
        except Overfull:
            continue
        except CompileError:
            return None
        return count
    return None
