"""
Run a model at every level on the same inputs, and compare with ONNX Runtime.

Each level is executed by its own semantics, so the first column of the table that is off names the
stage whose passes are at fault. `program` is the reference path of the interpreter, which traps on
reading what nobody wrote, `fast` the path that `run` and `generate` take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from lpuc.compiler.driver import CompiledProgram, load_module, lower_by_levels
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.errors import InternalError
from lpuc.files.npz import inputs_of
from lpuc.levels.execution import run_level
from lpuc.levels.onnx_runtime import Runner, onnx_runtime
from lpuc.reports.data import plain
from runtime.options import whole
from runtime.program.interface import Interface, Port, call_symbols, device_symbols
from runtime.run.interpreter import Interpreter

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
Inputs = Mapping[str, Any] | str | PathLike[str]

TOLERANCES = {"f32": 5e-5, "f16": 2e-2, "bf16": 2e-1}
"""Largest difference by precision, absolute for numbers up to 1 and relative above."""


@dataclass(frozen=True)
class Case:
    """One set of inputs and what it is."""

    name: str
    inputs: Arrays


def difference(got: Array, expected: Array) -> float:
    """How far an output is off; infinite where shapes, integers, NaN or infinities differ."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    if not np.issubdtype(expected.dtype, np.floating):
        return 0.0 if np.array_equal(got, expected) else float("inf")
    a, b = got.astype(np.float64), expected.astype(np.float64)
    special = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[special], b[special], equal_nan=True):
        return float("inf")
    a, b = a[~special], b[~special]
    error = np.abs(a - b) / np.maximum(np.abs(b), 1.0)
    return float(error.max(initial=0.0))


def _tensor(port: Port, symbols: Mapping[str, int], rng: np.random.Generator) -> Array:
    shape, dtype = port.extents(symbols), port.dtype.dtype
    if port.role == "mask":
        return np.ones(shape, dtype)
    if port.role == "positions":
        first = sum(symbols.values())
        return np.broadcast_to(np.arange(first, first + shape[-1]), shape).astype(dtype)
    if port.dtype.is_float:
        return rng.standard_normal(shape).astype(dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.integers(0, min(port.limit or 8, 1 << 16), shape).astype(dtype)


def random_cases(interface: Interface, seed: int = 0, devices: int = 1) -> Iterator[Case]:
    """Inputs with small, empty and full extents, and a mask with zeros where there is a mask."""
    rng = np.random.default_rng(seed)
    symbols_of_call = call_symbols(interface, devices)
    names = [s.name for s in symbols_of_call]
    sizes = {
        "short": [min(s.upper, max(s.lower, 5)) for s in symbols_of_call],
        "smallest": [s.lower for s in symbols_of_call],
        "masked": [min(s.upper, max(s.lower, 9)) for s in symbols_of_call],
    }
    for name in sizes if names else ("random",):
        symbols = dict(zip(names, sizes.get(name, []), strict=True))
        inputs = {port.name: _tensor(port, symbols, rng) for port in interface.inputs}
        if name == "masked" and not _mask_some(interface, inputs, rng):
            continue
        yield Case(name, inputs)


def _mask_some(interface: Interface, inputs: Arrays, rng: np.random.Generator) -> bool:
    """Zero a part of each mask, never its last column; whether there is one."""
    masks = [port for port in interface.inputs if port.role == "mask"]
    for port in masks:
        mask = inputs[port.name]
        mask[..., :-1] = rng.integers(0, 2, mask[..., :-1].shape).astype(mask.dtype)
    return bool(masks)


def _level_runner(level: str, module: ModuleOp) -> Runner:
    def run(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        try:
            return run_level(level, module, inputs)
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise InternalError(f"level {level} cannot be executed: {what}") from error

    return run


@dataclass(frozen=True)
class Subject:
    """A model compiled, with what runs it at each level."""

    interface: Interface
    runners: Mapping[str, Runner]


def subject(model: Path, options: CompileOptions, instrumentation: Instrumentation) -> Subject:
    """Compile a model and keep the IR of each level; `onnx` is the model as it was imported."""
    module = load_module(model, options)
    runners = {"onnx": _level_runner("onnx", module.clone())}
    for level in lower_by_levels(module, options, instrumentation):
        if level in ("lpu", "esl", "mem"):
            runners[level] = _level_runner(level, module.clone())
    compiled = CompiledProgram(module, sources=())
    runners["program"] = Interpreter(compiled.in_memory, reference=True).run
    runners["fast"] = compiled.run
    return Subject(compiled.program.interface, runners)


Table = dict[str, dict[str, float]]
"""Largest difference by output and level."""


def compare(subject: Subject, reference: Runner, cases: Sequence[Case]) -> Table:
    """The largest difference of each output at each level, over all cases."""
    table: Table = {port.name: {} for port in subject.interface.outputs}
    for case in cases:
        expected = reference(case.inputs)
        for level, run in subject.runners.items():
            got = run(case.inputs)
            for name, row in table.items():
                row[level] = max(row.get(level, 0.0), difference(got[name], expected[name]))
    return table


def mismatches(table: Table, tolerance: float) -> list[tuple[str, str]]:
    """(output, level) wherever the difference is above the tolerance."""
    return [
        (name, level)
        for name, row in table.items()
        for level, error in row.items()
        if not error <= tolerance
    ]


@dataclass(frozen=True)
class Verification:
    """How far each level is from ONNX Runtime."""

    table: Table
    """Largest difference by output and level, absolute for numbers up to 1 and relative above."""
    cases: tuple[str, ...]
    """What the inputs were."""
    tolerance: float

    @property
    def mismatches(self) -> list[tuple[str, str]]:
        """(output, level) wherever the difference is above the tolerance."""
        return mismatches(self.table, self.tolerance)

    @property
    def is_right(self) -> bool:
        """Whether every level agrees."""
        return not self.mismatches

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON holds it."""
        return plain(self) | {"is_right": self.is_right, "mismatches": plain(self.mismatches)}


def verified(
    model: Path,
    options: CompileOptions,
    inputs: Inputs | None,
    seed: int,
    instrumentation: Instrumentation | None = None,
) -> Verification:
    """Compile a model, run every level on the same inputs, compare with ONNX Runtime."""
    compiled = subject(model, options, instrumentation or Instrumentation())
    interface = compiled.interface
    if inputs is None:
        number = whole("seed", seed, 0, 2**32 - 1)
        cases = list(random_cases(interface, number, options.devices))
    else:
        arrays = inputs_of(inputs, interface)
        interface.bind(arrays, device_symbols(interface, 0, options.devices))
        cases = [Case("given" if isinstance(inputs, Mapping) else Path(inputs).name, arrays)]
    table = compare(compiled, onnx_runtime(model), cases)
    names = tuple(case.name for case in cases)
    return Verification(table, names, TOLERANCES[options.precision])
