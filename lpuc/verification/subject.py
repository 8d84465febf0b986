"""
A model compiled, with what runs it at each level.

A level that a pass does not reach, or that cannot be encoded, has a runner that says so: what the
compiler breaks on is a difference of that level, and the levels above it can still be judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from dialects.lpu.interface import symbols_of
from dialects.observing import Observer
from lpuc.compiler.driver import CompiledProgram, load_module, lower_by_levels
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.failure import ENCODER, Failure, failure_of
from lpuc.errors import InternalError
from lpuc.levels.execution import STEP, Arrays, OnToken, entries_of, run_level
from lpuc.levels.interface import interface_above
from lpuc.levels.texts import Tokens, filled, request
from runtime.generation.calls import DeviceCache
from runtime.generation.decoder import Decoder
from runtime.generation.device import GENERATE
from runtime.generation.prompt import Chunks
from runtime.generation.sampling import Sampling
from runtime.program.interface import Interface
from runtime.program.interface_json import CHUNK
from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, Any]

ONE_DEVICE = ("onnx", "lpu", "mem", "program", "fast")
SEVERAL = ("onnx", "lpu", "esl", "mem", "program", "fast")
"""The levels in order; `program` is the reference path of the interpreter, `fast` the other."""
EXECUTED = frozenset({"lpu", "esl", "mem"})
"""Levels of IR whose modules are kept while a model is lowered."""


class Runner(Protocol):
    """Runs an entry at one level; raises whatever goes wrong."""

    def __call__(
        self,
        inputs: Arrays,
        entry: str = ...,
        values: Mapping[str, int] | None = ...,
        on_token: OnToken | None = ...,
    ) -> Arrays: ...


@dataclass(frozen=True)
class Prompted:
    """A prompt in chunks at every level, then steps: what they see of the cache shows in these."""

    chunks: Chunks
    decoder: Decoder
    modules: Mapping[str, ModuleOp]
    machines: Mapping[str, Interpreter]

    def outputs(self, level: str, text: Sequence[int], observer: Observer | None = None) -> Arrays:
        """What `step` gives for the last token of a text, the cache included."""
        if level in self.machines:
            return self._on_machine(self.machines[level], text)
        module, end, kept = self.modules[level], len(text) - 1, dict[str, Any]()
        for start in self.chunks.starts(0, end):
            inputs, values = self.chunks.inputs(text, start), {self.chunks.past: start}
            run_level(level, module, inputs, CHUNK, values, observer=observer, kept=kept)
        outputs: Arrays = {}
        for past in range(self.chunks.reached(0, end), len(text)):
            inputs, values = self._step(text, past)
            outputs = run_level(level, module, inputs, STEP, values, observer=observer, kept=kept)
        return outputs

    def _on_machine(self, machine: Interpreter, text: Sequence[int]) -> Arrays:
        cache = DeviceCache(self.decoder, machine, self.chunks)
        with closing(cache):
            *others, last = range(cache.fill(text, 0, len(text) - 1), len(text))
            for past in others:
                cache.call(*self._step(text, past))
            return cache.call(*self._step(text, last)).outputs()

    def _step(self, text: Sequence[int], past: int) -> tuple[Arrays, dict[str, int]]:
        ports = (p for p in self.decoder.interface.inputs if p not in self.decoder.past)
        inputs = {port.name: filled(port, text, past) for port in ports}
        return inputs, {str(self.decoder.past_symbol): past}


@dataclass(frozen=True)
class Subject:
    """A model compiled, with what runs it at each level."""

    interface: Interface
    runners: Mapping[str, Runner]
    modules: Mapping[str, ModuleOp] = field(default_factory=dict[str, ModuleOp])
    """The IR at each level that has some."""
    generate: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """The ranges of the symbols of the entry `generate`; empty if there is none."""
    remarks: tuple[tuple[str, str], ...] = ()
    """What was left out, and why."""
    prompted: Prompted | None = None
    """How prompts are taken in chunks, if they are."""

    def tokens(self, level: str, ids: int, given: Arrays) -> Tokens:
        """What `generate` hands out at a level, of a model with so many ids."""

        def run(prompt: Sequence[int], count: int, sampling: Sampling) -> Sequence[int]:
            inputs, values = request(prompt, count, sampling, ids, given)
            found: list[int] = []
            self.runners[level](inputs, GENERATE, values, found.append)
            return found

        return run


class Stopped(Exception):
    """A level that is not there, because of a failure on the way."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def failure_at(level: str, error: Exception) -> Failure:
    """What went wrong when a level was run, whoever's fault it is."""
    if isinstance(error, Stopped):
        return error.failure
    where = "interpreter" if level in ("program", "fast") else f"semantics of {level}"
    return failure_of(error, where)


def levels_of(devices: int) -> tuple[str, ...]:
    """The levels of a compilation for so many devices, in order."""
    return ONE_DEVICE if devices == 1 else SEVERAL


def subject(model: Path, options: CompileOptions, instrumentation: Instrumentation) -> Subject:
    """
    Compile a model and keep the IR of each level; `onnx` is the model as it was imported.

    What is wrong with the model is raised. A bug of the compiler behind level `onnx` is left to the
    runners of the levels that it concerns.
    """
    module = load_module(model, options)
    modules, interface = {"onnx": module.clone()}, None
    compiled, machines = CompiledProgram(module, sources=()), dict[str, Runner]()
    interpreters = dict[str, Interpreter]()
    try:
        for level in lower_by_levels(module, options, instrumentation):
            interface = interface or interface_above(module)
            if level in EXECUTED:
                modules[level] = module.clone()
        interpreters = {
            name: Interpreter(compiled.in_memory, reference=name == "program")
            for name in ("program", "fast")
        }
        machines = {name: machine.run for name, machine in interpreters.items()}
        interface = compiled.program.interface
    except InternalError as bug:
        if interface is None:
            raise
        machines = dict.fromkeys(levels_of(options.devices), _stopped(bug))
    runners = machines | {name: _level(name, kept) for name, kept in modules.items()}
    assert interface is not None, "a pipeline has a stage"
    return Subject(
        interface,
        {level: runners[level] for level in SEVERAL if level in runners},
        modules,
        _generate_ranges(modules),
        tuple(compiled.remarks),
        _prompted(interpreters, modules),
    )


def _prompted(
    machines: Mapping[str, Interpreter], modules: Mapping[str, ModuleOp]
) -> Prompted | None:
    """How prompts are taken; None where no program is, or none that takes many tokens."""
    program = machines["fast"].program if machines else None
    chunks = None if program is None else Chunks.of(program)
    if program is None or chunks is None:
        return None
    return Prompted(chunks, Decoder.of(program.interface), modules, machines)


def _level(level: str, module: ModuleOp) -> Runner:
    """The semantics of a level."""
    return partial(run_level, level, module)


def _stopped(bug: InternalError) -> Runner:
    """What a level does that the compiler did not get to."""
    failure = failure_of(bug, bug.where or ENCODER)

    def run(*_given: object, **_named: object) -> Arrays:
        raise Stopped(failure)

    return run


def _generate_ranges(modules: Mapping[str, ModuleOp]) -> dict[str, tuple[int, int]]:
    """The ranges of the symbols of `generate`, where level `lpu` has it."""
    found = entries_of(modules["lpu"]).get(GENERATE) if "lpu" in modules else None
    return {} if found is None else dict(symbols_of(found).ranges)
