"""ONNX Runtime as the reference that `verify` compares with; needs the package onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lpuc.errors import UserError

Array = np.ndarray[Any, Any]
Runner = Callable[[Mapping[str, Array]], Mapping[str, Array]]


def _session(model: Path) -> Any:
    """A session on one thread that prints nothing."""
    try:
        onnxruntime: Any = import_module("onnxruntime")
    except ImportError:
        hint = "pip install 'lpuc[verify]'"
        raise UserError(f"verify needs the package onnxruntime: {hint}") from None
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(model), settings, ["CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"ONNX Runtime refuses the model: {error}") from error


def onnx_runtime(model: Path) -> Runner:
    """What ONNX Runtime makes of the inputs of a model."""
    session = _session(model)
    names: list[str] = [output.name for output in session.get_outputs()]

    def run(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as error:
            raise UserError(f"ONNX Runtime cannot run the model: {error}") from error

    return run
