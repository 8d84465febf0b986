"""The function that a module compiles, and what its attributes say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.rewriter import Rewriter

from dialects.affine import Ranges
from dialects.errors import CompileError
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.types import Tensor, TensorType
from dialects.names import unescape


def step_function(module: ModuleOp) -> FuncOp:
    """The one function of a module."""
    functions = [op for op in module.ops if isinstance(op, FuncOp)]
    if len(functions) != 1:
        raise CompileError(f"the module has {len(functions)} functions, expected one")
    return functions[0]


def symbol_ranges(func: FuncOp) -> Ranges:
    """The inclusive range of every symbol; empty before `onnx-bind-roles`."""
    symbols = func.attributes.get("lpu.symbols")
    return symbols.ranges if isinstance(symbols, SymbolsAttr) else {}


def model_folder(module: ModuleOp) -> Path:
    """Where the paths of weights start: the folder of the model, or the current one."""
    folder = module.attributes.get("lpu.model_dir")
    return Path(unescape(folder.data)) if isinstance(folder, StringAttr) else Path()


def strings(func: FuncOp, name: str) -> list[str]:
    """A list of strings among the attributes of a function; empty if there is none."""
    attribute = func.attributes.get(name)
    if not isinstance(attribute, ArrayAttr):
        return []
    entries = cast("ArrayAttr[Attribute]", attribute)
    return [entry.data for entry in entries if isinstance(entry, StringAttr)]


def dictionary(attribute: Attribute | None) -> Mapping[str, Attribute]:
    """The entries of a dictionary attribute; empty if there is none."""
    return attribute.data if isinstance(attribute, DictionaryAttr) else {}


def options(module: ModuleOp) -> Mapping[str, Attribute]:
    """What the driver asks for: target, precision, shape, max_context."""
    return dictionary(module.attributes.get("lpu.options"))


def retype(value: SSAValue, tensor: Tensor) -> SSAValue:
    """Give a value another tensor type; the value that stands in its place."""
    return Rewriter.replace_value_with_new_type(value, TensorType(tensor))
