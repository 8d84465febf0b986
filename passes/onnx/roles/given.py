"""What a user says of the inputs of a model: extents, roles, the longest context."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from dialects.errors import CompileError
from passes.analysis.functions import (
    DEFAULT_CONTEXT,
    dictionary,
    given_context,
    model_folder,
    options,
    step_function,
)
from passes.onnx.shapes.limits import context_limit


def given_shape(module: ModuleOp) -> dict[str, int]:
    """The dimensions that `shape` fixes."""
    entries = dictionary(options(module).get("shape"))
    return {k: v.value.data for k, v in entries.items() if isinstance(v, IntegerAttr)}


def given_roles(module: ModuleOp) -> dict[str, str]:
    """The roles that `input_role` gives."""
    entries = dictionary(options(module).get("input_role"))
    return {name: role.data for name, role in entries.items() if isinstance(role, StringAttr)}


def original_names(func: FuncOp) -> dict[str, str]:
    """What the model calls the symbols of a function."""
    params = dictionary(func.attributes.get("lpu.dim_params"))
    return {k: v.data for k, v in params.items() if isinstance(v, StringAttr)}


def max_context(module: ModuleOp) -> int:
    """What the options say, or the default, within what the positions of the model allow."""
    limit = context_limit(step_function(module), model_folder(module), given_roles(module))
    given = given_context(module)
    if given is None:
        return DEFAULT_CONTEXT if limit is None else min(limit, DEFAULT_CONTEXT)
    if limit is not None and given > limit:
        raise CompileError(f"--max-context {given} is more than the {limit} positions of the model")
    return given
