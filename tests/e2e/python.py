"""The Python interface: a program that its tests share, and what is given to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import lpuc
from tests.e2e.committed import CONTEXT, ONE

PROMPT = [1, 5, 9]


@cache
def shared() -> lpuc.Program:
    """A program with chunks of prompts; nobody changes it."""
    return lpuc.compile(ONE, precision="f32", max_context=CONTEXT)


def reference(model: Path, tokens: list[int]) -> np.ndarray[Any, Any]:
    """The logits of ONNX Runtime for a text, given whole."""
    session: Any = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    feed: dict[str, Any] = {}
    for port in session.get_inputs():
        if "past" in port.name:
            shape = [d if isinstance(d, int) else int(d.startswith("batch")) for d in port.shape]
            feed[port.name] = np.zeros(shape, np.float32)
        elif "mask" in port.name:
            feed[port.name] = np.ones((1, len(tokens)), np.int64)
        else:
            ids = (
                tokens if "ids" in port.name and "position" not in port.name else range(len(tokens))
            )
            feed[port.name] = np.array([list(ids)], np.int64)
    return session.run(["logits"], feed)[0][0]


def inputs(program: lpuc.Program) -> dict[str, Any]:
    """One token behind none, as lists."""
    given: dict[str, Any] = {}
    for port in program.inputs:
        shape = [extent if isinstance(extent, int) else 0 for extent in port.shape]
        given[port.name] = np.zeros(shape, port.dtype) if port.role == "past" else [[1]]
    return given | {port.name: [[0]] for port in program.inputs if port.role == "positions"}
