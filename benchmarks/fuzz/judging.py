"""
What becomes of one model: right, refused, wrong, crash, or not counted.

```python
expected, why_not = reference(model, inputs)
outcome = judge(model, inputs, expected) if expected else Outcome("uncounted", why_not)
```

The model is compiled in this process by the code behind `lpuc compile` and run by the interpreter.
A refusal is a sentence for the user (the exceptions that end a command with exit code 1); anything
else that is raised is a crash, and so is a trap that only a wrong program meets.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ml_dtypes
import numpy as np
import onnx

from benchmarks.fuzz.outcome import Outcome
from dialects.errors import CompileError
from lpuc.compiler.driver import CompiledProgram, compile_model
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.errors import InternalError, UsageError, UserError
from lpuc.levels.onnx_runtime import session_of
from lpuc.reports.program import program_rows
from runtime.errors import Unlinkable
from runtime.run.interpreter import Interpreter
from runtime.traps import Trap, TrapKind

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

TOLERANCE = 5e-5
ROUNDINGS = {np.dtype(np.float16): 2e-3, np.dtype(ml_dtypes.bfloat16): 1.6e-2}
"""Outputs of a narrow type may differ by two of its last places."""
USERS_TRAPS = (TrapKind.INDEX, TrapKind.DIVIDE_BY_ZERO)
"""Traps that the values of an input can cause; the others are met by wrong programs alone."""
ROOT = Path(__file__).parents[2]
PACKAGES = ("lpuc", "passes", "dialects", "runtime")


@dataclass(frozen=True)
class Settings:
    """How a model is compiled, on what it is run, and how far it may be off."""

    precision: str = "f32"
    max_context: int | None = None
    shape: Mapping[str, int] = field(default_factory=dict[str, int])
    pipeline: str | None = None
    target: str = "lpu-4nm"
    tolerance: float = TOLERANCE
    reference_path: bool = False
    """Whether to run the path of the interpreter that knows what was written, too."""
    prompt_chunk: int | None = None
    with_summary: bool = False
    """Whether to make the summary, with its prediction of times, too."""

    def options(self) -> CompileOptions:
        """The options of the compiler."""
        return CompileOptions(
            self.target,
            self.precision,
            self.max_context,
            dict(self.shape),
            pipeline=self.pipeline,
            prompt_chunk=self.prompt_chunk,
        )


@dataclass(frozen=True)
class Call:
    """One call of a model and what the reference makes of it."""

    inputs: Arrays
    expected: Arrays


def references(
    model: onnx.ModelProto, inputs: Sequence[Arrays]
) -> tuple[list[dict[str, Array]] | None, str]:
    """What ONNX Runtime makes of each call, or None and its message if it rejects one."""
    try:
        runner = session_of(model.SerializeToString())
        names = [output.name for output in runner.get_outputs()]
        results = [runner.run(names, dict(one)) for one in inputs]
    except Exception as error:  # those of ONNX Runtime have no other common base
        return None, f"{type(error).__name__}: {error}"
    arrays = [[np.asarray(value) for value in result] for result in results]
    return [dict(zip(names, result, strict=True)) for result in arrays], ""


def reference(model: onnx.ModelProto, inputs: Arrays) -> tuple[dict[str, Array] | None, str]:
    """What ONNX Runtime makes of one call, or None and its message if it rejects the model."""
    results, why_not = references(model, [inputs])
    return (results[0] if results else None), why_not


def judge(model: onnx.ModelProto, inputs: Arrays, expected: Arrays, **settings: Any) -> Outcome:
    """Compile a model and run it once; `settings` are those of `Settings`."""
    return judge_calls(model, [Call(inputs, expected)], Settings(**settings))


def judge_calls(
    model: onnx.ModelProto,
    calls: Sequence[Call],
    settings: Settings | None = None,
    comparing: Callable[[Arrays, Arrays], Outcome] | None = None,
    look: Callable[[CompiledProgram], None] | None = None,
) -> Outcome:
    """
    Compile a model once and run every call; the first call that is not right decides.

    `comparing` stands for `compare` with the tolerance of the settings, `look` is given the program
    once it is found right.
    """
    settings = settings or Settings()
    comparing = comparing or partial(compare, tolerance=settings.tolerance)
    with TemporaryDirectory(prefix="lpuc-fuzz-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            compiled = _compile(path, settings)
        except Exception as error:
            return failure(error, "compile")
        outcome = _run_calls(compiled, calls, settings, comparing)
        if look is not None and outcome.verdict == "right":
            look(compiled)
        return outcome


def _compile(path: Path, settings: Settings) -> CompiledProgram:
    """A program with its weights in memory, as `lpuc compile` makes it."""
    instrumentation = Instrumentation(reproducer=path.with_suffix(".mlir"))
    compiled = compile_model(path, settings.options(), instrumentation)
    if settings.with_summary:
        program_rows(compiled.program)
    assert compiled.in_memory is not None
    return compiled


def _run_calls(
    compiled: CompiledProgram,
    calls: Sequence[Call],
    settings: Settings,
    comparing: Callable[[Arrays, Arrays], Outcome],
) -> Outcome:
    runners = {"fast": compiled.run}
    worst = 0.0
    try:
        if settings.reference_path:
            runners["reference"] = Interpreter(compiled.in_memory, reference=True).run
    except Exception as error:
        return failure(error, "reference")
    for path, run in runners.items():
        for number, call in enumerate(calls):
            try:
                got = run(call.inputs)
            except Exception as error:
                return failure(error, path)
            found = comparing(got, call.expected)
            worst = max(worst, found.error)
            if found.verdict != "right":
                where = f"call {number}: " if len(calls) > 1 else ""
                return Outcome("wrong", f"{where}{found.detail}", path, found.error)
    return Outcome("right", error=worst)


def compare(got: Arrays, expected: Arrays, tolerance: float = TOLERANCE) -> Outcome:
    """Compare all outputs by name; the worst one is named."""
    if set(got) != set(expected):
        return Outcome("wrong", f"outputs {sorted(got)}, expected {sorted(expected)}")
    found = [_compare_one(name, got[name], want, tolerance) for name, want in expected.items()]
    faults = [outcome for outcome in found if outcome.verdict == "wrong"]
    return max(faults or found, key=lambda o: o.error, default=Outcome("right"))


def _compare_one(name: str, got: Array, want: Array, tolerance: float) -> Outcome:
    if got.shape != want.shape:
        return _wrong(f"{name}: shape {got.shape}, expected {want.shape}")
    if got.dtype != want.dtype:
        return _wrong(f"{name}: type {got.dtype}, expected {want.dtype}")
    if want.dtype.kind in "biuOSU":
        same = got == want
        return Outcome("right") if np.all(same) else _wrong(f"{name}: {_first(~same, got, want)}")
    a, b = got.astype(np.float64), want.astype(np.float64)
    special = ~(np.isfinite(a) & np.isfinite(b))
    misplaced = special & ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if np.any(misplaced):
        return _wrong(f"{name}: {_first(misplaced, got, want)}")
    a, b = np.where(special, 0.0, a), np.where(special, 0.0, b)
    error = np.abs(a - b) / np.maximum(np.abs(b), 1.0)
    worst = float(error.max(initial=0.0))
    allowed = max(tolerance, ROUNDINGS.get(want.dtype, 0.0))
    if worst <= allowed:
        return Outcome("right", error=worst)
    detail = f"{name}: off by {worst:.1e}, {_first(error == error.max(), got, want)}"
    return Outcome("wrong", detail, error=worst)


def _wrong(detail: str) -> Outcome:
    return Outcome("wrong", detail, error=float("inf"))


def _first(where: Array, got: Array, want: Array) -> str:
    """The first place that is off, and both values."""
    index = tuple(int(i) for i in np.argwhere(where)[0])
    return f"{got[index]} at {list(index)}, expected {want[index]} ({int(where.sum())} so)"


def failure(error: Exception, stage: str) -> Outcome:
    """A refusal or a crash, by what was raised."""
    if isinstance(error, Trap) and error.kind not in USERS_TRAPS:
        return Outcome("crash", str(error), stage)
    if isinstance(error, CompileError | UserError | UsageError | Unlinkable | Trap):
        return Outcome("refused", str(error), stage)
    if isinstance(error, InternalError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    message = str(error).strip().partition("\n")[0][:300]
    return Outcome("crash", f"{type(error).__name__}: {message} [{_frame(error)}]", stage)


def _frame(error: BaseException) -> str:
    """The innermost frame in the project's own code, or the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    owned = [f for f in frames if _module(f.filename).partition("/")[0] in PACKAGES]
    if not frames:
        return "?"
    frame = (owned or frames)[-1]
    return f"{_module(frame.filename)}:{frame.lineno} {frame.name}"


def _module(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
