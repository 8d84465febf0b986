"""Execute IR: every level above the machine has semantics of its own, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.devices import devices_of
from passes.analysis.functions import model_folder, step_function

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


def _run_onnx(function: FuncOp, inputs: Arrays, folder: Path) -> Arrays:
    from dialects.onnx.semantics import run_function

    return run_function(function, inputs, folder)


def _run_lpu(function: FuncOp, inputs: Arrays, folder: Path) -> Arrays:
    from dialects.lpu.execution import run_interface

    return run_interface(function, inputs, folder)


def _run_esl(function: FuncOp, inputs: Arrays, folder: Path) -> Arrays:
    from dialects.lpu.execution import run_interface

    return run_interface(function, inputs, folder, devices=_devices(function))


def _devices(function: FuncOp) -> int:
    """How many a function is for."""
    module = function.parent_op()
    assert isinstance(module, ModuleOp), "a function stands in a module"
    return devices_of(module)


def _run_mem(function: FuncOp, inputs: Arrays, folder: Path) -> Arrays:
    from dialects.lpu_mem.semantics import run_function

    return run_function(function, inputs, folder, devices=_devices(function))


_RUNNERS: dict[str, Callable[[FuncOp, Arrays, Path], Arrays]] = {
    "onnx": _run_onnx,
    "lpu": _run_lpu,
    "esl": _run_esl,
    "mem": _run_mem,
}


def run_level(level: str, module: ModuleOp, inputs: Arrays) -> Arrays:
    """The outputs of the model by name, computed on the IR of a level."""
    return _RUNNERS[level](step_function(module), inputs, model_folder(module))
