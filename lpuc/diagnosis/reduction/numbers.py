"""Whether a pass keeps the numbers: its IR is run before and behind it, on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.devices import devices_of
from lpuc.compiler.pipeline import specification_of
from lpuc.diagnosis.failure import Failure, Hang, failure_of
from lpuc.errors import UserError
from lpuc.levels.execution import run_level
from lpuc.levels.tolerance import TOLERANCES, difference
from passes.analysis.functions import options
from passes.analysis.levels import dialects_of
from runtime.errors import Unlinked, Unreadable

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

DEEPEST = (("lpu_isa", "isa"), ("lpu_mem", "mem"), ("lpu_esl", "esl"), ("onnx", "onnx"))


def level_of(module: ModuleOp) -> str:
    """The level of IR, by the operations in it."""
    found = dialects_of(module)
    level = next((level for dialect, level in DEEPEST if dialect in found), "lpu")
    return "esl" if level == "lpu" and devices_of(module) > 1 and _is_shared(module) else level


def _is_shared(module: ModuleOp) -> bool:
    """Whether each device has a part of something."""
    values = (v for op in module.walk() for v in op.results)
    return any(getattr(v.type, "sharding", None) is not None for v in values)


@dataclass(frozen=True)
class Run:
    """What IR of a level makes of inputs; no outputs if it cannot be run."""

    level: str
    outputs: Arrays | None
    error: Exception | None = None

    @staticmethod
    def of(module: ModuleOp, inputs: Arrays) -> Run:
        """Execute a module at its level."""
        level = level_of(module)
        try:
            return Run(level, run_level(level, module, inputs))
        except Hang:
            raise
        except (OSError, Unreadable, Unlinked) as error:
            raise UserError(f"weights cannot be read: {error}") from error
        except Exception as error:  # semantics raise what they meet
            return Run(level, None, error)


def departure(one: ModulePass, module: ModuleOp, before: Run, behind: Run) -> Failure | None:
    """What a pass has done to the numbers that it must not do; `module` is the IR behind it."""
    if before.outputs is None:
        return None
    if behind.outputs is None:
        assert behind.error is not None
        found = failure_of(behind.error, one.name)
        message = f"the IR behind it cannot be run: {found.message}"
        return Failure("numbers", one.name, None, found.nodes, message)
    message = different(before.outputs, behind.outputs, _tolerance(one, module, before, behind))
    return None if message is None else Failure("numbers", one.name, message=message)


def _tolerance(one: ModulePass, module: ModuleOp, before: Run, behind: Run) -> float:
    spec = specification_of(type(one))
    if spec is not None and spec.numbers.change == "exact" and before.level == behind.level:
        return TOLERANCES["f32"]
    precision = options(module).get("precision")
    return TOLERANCES[getattr(precision, "data", "f16")]


def different(expected: Arrays, got: Arrays, tolerance: float) -> str | None:
    """The first output that is further off than it may be, in words."""
    if expected.keys() != got.keys():
        return f"outputs {sorted(got)} instead of {sorted(expected)}"
    for name, want in expected.items():
        error = difference(got[name], want)
        if not error <= tolerance:
            return f"output '{name}' is off by {error:.1e}"
    return None
