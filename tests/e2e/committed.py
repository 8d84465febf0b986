"""The models of the checkout, and how tests compile and feed them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.decoder_inputs import Call, call_inputs, decoder_ports, vocabulary
from lpuc.compiler.driver import CompiledProgram, compile_model
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.verification.verified import Subject, subject

Array = np.ndarray[Any, Any]

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
EXPORTS = sorted((ROOT / "samples/exports").glob("*.onnx"))
STORIES = ROOT / "samples/stories/model.onnx"
MODELS = [*EXPORTS, *([STORIES] if STORIES.exists() else [])]
ONE = ROOT / "samples/exports/llama.onnx"
"""The model of tests that need just one."""

CONTEXT = 24


def model_id(path: Path) -> str:
    """The name of a test of a model."""
    return "stories" if path == STORIES else path.stem


def grouped(model: Path, *more: Any, id: str = "", slow: bool = False) -> Any:
    """A parameter of tests of a model: those of one model run in one process."""
    name = model_id(model)
    marks = [pytest.mark.xdist_group(name), *([pytest.mark.slow] if slow else [])]
    return pytest.param(model, *more, id=id or name, marks=marks)


EACH_MODEL = pytest.mark.parametrize("model", [grouped(model) for model in MODELS])
FAMILIES = pytest.mark.parametrize(
    "model", [grouped(model) for model in EXPORTS if model.stem in ("llama", "gpt2", "qwen2")]
)
"""One of each make; the others differ in how they are written, and are the same at `lpu`."""


def options(target: str = "lpu-4nm", new: int = 1, batch: int = 1) -> CompileOptions:
    """Full precision, a short context, and the extents that are fixed; no tests of chunks."""
    extents = {"seq": new, "batch": batch}
    return CompileOptions(target, "f32", CONTEXT, extents, prompt_chunk=0)


def compiled(model: Path, target: str, call: Call) -> Subject:
    """What runs each level of a model, compiled for calls like this one."""
    return subject(model, options(target, call.new, call.batch), Instrumentation())


@cache
def made(
    model: Path, devices: int = 1, precision: str = "f32", target: str = "lpu-4nm"
) -> CompiledProgram:
    """
    A model with a short context, compiled once: nobody changes it.

    `ONE` takes prompts in chunks; what the others make of chunks, `test_prompt_chunk` asks.
    """
    chunk = None if model == ONE else 0
    options = CompileOptions(target, precision, CONTEXT, devices=devices, prompt_chunk=chunk)
    return compile_model(model, options)


@cache
def _session(model: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])


def feeds(model: Path, call: Call) -> dict[str, Array]:
    """Inputs of a call, the same in every run."""
    session = _session(model)
    rng = np.random.default_rng(list(call.name.encode()))
    return call_inputs(decoder_ports(session), call, rng, vocabulary(session))


def expected(model: Path, inputs: dict[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime makes of inputs."""
    session = _session(model)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
