"""Inputs for the function `step` of IR, drawn by what each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, helper
from xdsl.dialects.builtin import ModuleOp

from dialects.devices import devices_of
from dialects.errors import CompileError
from dialects.lpu.interface import symbols_of
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import make_context, pipeline_of, stage_passes
from lpuc.diagnosis.reduction.model.graph import Parts
from lpuc.levels.cases import Case, Cases
from lpuc.levels.interface import inputs_of, interface_above
from lpuc.levels.prompts import prompts_of
from passes.analysis.functions import step_function
from runtime.program.interface import Port

Array = np.ndarray[Any, Any]

SIZES = (3, 0, 9)
"""What symbols are, one draw after the other, as far as their ranges allow it."""
BOUND = "onnx-bind-roles"
"""The pass behind which the types of inputs are known."""
IDS = 8
"""Integers are below this."""


def drawn(module: ModuleOp, size: int = SIZES[0], seed: int = 0) -> dict[str, Array]:
    """Inputs by name; the same for the same interface, size and seed."""
    func, rng = step_function(module), np.random.default_rng(seed)
    ranges = symbols_of(func).ranges
    symbols = {name: min(high, max(low, size)) for name, (low, high) in ranges.items()}
    return {port.name: _tensor(port, symbols, rng) for port in inputs_of(func)}


def drawn_or_none(module: ModuleOp, size: int = SIZES[0]) -> dict[str, Array] | None:
    """Inputs for IR that says what it takes; None for any other, which nothing can run."""
    try:
        return drawn(module, size)
    except (AssertionError, CompileError, LookupError, TypeError, ValueError):
        return None


def prompts_or_none(module: ModuleOp) -> list[Case]:
    """A case with a chunk of a prompt for IR that takes some, and says what a step is given."""
    try:
        made = Cases(interface_above(module), devices=devices_of(module))
        return [prompt.case for prompt in prompts_of(made, module)]
    except (AssertionError, CompileError, LookupError, TypeError, ValueError):
        return []


def of_model(model: Path, options: CompileOptions) -> list[dict[str, Array]]:
    """Inputs of several sizes for a model; none if it is not known what it takes."""
    try:
        module = load_module(model, options)
        for one in stage_passes(pipeline_of(options.devices)[0]):
            one.apply(make_context(), module)
            if one.name == BOUND:
                break
    except Exception:  # this is not where failures are looked for
        return []
    found = (drawn_or_none(module, size) for size in SIZES)
    return [inputs for inputs in found if inputs is not None]


def of_shapes(model: ModelProto, shape: Mapping[str, int]) -> dict[str, Array]:
    """Inputs of a model by the types that it declares alone; what has a name is 2, or as given."""
    rng, found = np.random.default_rng(0), dict[str, Array]()
    for value in Parts.of(model).inputs:
        kind = value.type.tensor_type
        dims = [d.dim_value or shape.get(d.dim_param, 2) for d in kind.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        is_float = np.issubdtype(dtype, np.floating)
        numbers = rng.standard_normal(dims) if is_float else rng.integers(0, 2, dims)
        found[value.name] = np.asarray(numbers).astype(dtype)
    return found


def _tensor(port: Port, symbols: Mapping[str, int], rng: np.random.Generator) -> Array:
    shape, dtype = port.extents(symbols), port.dtype.dtype
    if port.role == "mask":
        return np.ones(shape, dtype)
    if port.role == "positions":
        first = sum(symbols.values())
        return np.broadcast_to(np.arange(first, first + shape[-1]), shape).astype(dtype)
    if port.dtype.is_float:
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 2 if dtype == np.bool_ else IDS, shape).astype(dtype)
