"""What is compiled: a model, or IR that was dumped on the way. Both give programs, or IR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dialects.devices import devices_of
from lpuc.compiler.driver import CompiledProgram, compile_model, load_module, lower, passes_of
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import stages_until
from lpuc.compiler.plans import keeping
from lpuc.compiler.sources import source_ranges

if TYPE_CHECKING:
    from lpuc.compiler.resuming import Resumed


class Source(Protocol):
    """What is compiled."""

    @property
    def devices(self) -> int:
        """For how many devices the program is."""
        ...

    def compiled(self, watch: Instrumentation, plan_out: Path | None) -> CompiledProgram:
        """The program; the plan of several devices is written to `plan_out`."""
        ...

    def emitted(self, level: str, watch: Instrumentation, plan_out: Path | None) -> str:
        """The IR of a level, as text that can be fed back."""
        ...


class OfModel(NamedTuple):
    """A model."""

    path: Path
    options: CompileOptions

    @property
    def devices(self) -> int:
        return self.options.devices

    def compiled(self, watch: Instrumentation, plan_out: Path | None) -> CompiledProgram:
        return compile_model(self.path, self.options, watch, plan_out)

    def emitted(self, level: str, watch: Instrumentation, plan_out: Path | None) -> str:
        from lpuc.compiler.dumping.written import fed_back, standing_at

        options = self.options
        load = partial(load_module, self.path, options)
        module = load()
        with keeping(module, plan_out, (self.path, *source_ranges(module))):
            lower(module, options, level, watch, load)
        specs = [str(one.spec()) for one in passes_of(options)]
        stages = () if options.pipeline else stages_until(level, options.devices)
        done = sum(len(stage.passes) for stage in stages) or len(specs)
        return fed_back(module, standing_at(module, specs, done, options.weights))


@dataclass(frozen=True)
class OfDump:
    """The text of IR that was dumped, and its file; None for stdin."""

    text: str
    file: Path | None
    model_dir: Path | None = None
    pipeline: str | None = None
    weights: str | None = None

    @cached_property
    def _resumed(self) -> Resumed:
        from lpuc.compiler.resuming import resumed

        return resumed(self.text, self.file, self.pipeline, self.model_dir)

    @property
    def devices(self) -> int:
        return devices_of(self._resumed.module)

    def compiled(self, watch: Instrumentation, plan_out: Path | None) -> CompiledProgram:
        again = self._resumed
        with keeping(again.module, plan_out, self._inputs()):
            return again.compiled(watch, self.weights)

    def emitted(self, level: str, watch: Instrumentation, plan_out: Path | None) -> str:
        from lpuc.compiler.dumping.written import Standing, fed_back

        again = self._resumed
        with keeping(again.module, plan_out, self._inputs()):
            done = again.lower(watch, level)
        was = again.standing
        standing = Standing((was.behind, *was.rest)[done], was.rest[done:], was.weights, was.files)
        return fed_back(again.module, standing)

    def _inputs(self) -> tuple[Path, ...]:
        return () if self.file is None else (self.file,)
