"""A model file to a module at the level `onnx`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr

from dialects.errors import CompileError
from dialects.names import escape
from lpuc.onnx_import.body import Shared
from lpuc.onnx_import.budgets import Budgets
from lpuc.onnx_import.functions import functions_of
from lpuc.onnx_import.graph import GraphReader
from lpuc.onnx_import.inputs.given import Number
from lpuc.onnx_import.inputs.symbols import Symbols
from lpuc.onnx_import.reading.files import ExternalFiles, open_model
from lpuc.onnx_import.reading.model import opsets, parse
from lpuc.onnx_import.tensors import TensorReader
from passes.rewriting.kernel import set_attribute
from passes.rewriting.session import rewriting


def import_model(
    path: Path,
    *,
    shape: Mapping[str, int] | None = None,
    given: Mapping[str, Number] | None = None,
    budgets: Budgets | None = None,
    absent_ok: bool = False,
) -> ModuleOp:
    """
    The model in a file as a module with the function `step`; CompileError if it cannot be.

    `shape` fixes extents by the name they have in the model, and `given` inputs, which then are
    constants of one value. Weights stay in their files, which may be absent if `absent_ok`.
    """
    try:
        symbols = Symbols(shape or {})
        return _import(Path(path), budgets or Budgets(), absent_ok, symbols, given or {})
    except UnicodeError:
        raise CompileError("the model holds a name that is no valid text") from None
    except RecursionError:
        raise CompileError("the model is nested too deeply") from None
    except MemoryError:
        raise CompileError("the model does not fit in memory") from None


def _import(
    path: Path, budgets: Budgets, absent_ok: bool, symbols: Symbols, given: Mapping[str, Number]
) -> ModuleOp:
    with open_model(path, budgets) as data:
        model, taken = parse(data, budgets)
        functions = functions_of(model, budgets)
        tensors = TensorReader(path.name, data, taken, ExternalFiles(path, absent_ok), budgets)
        shared = Shared(opsets(model.opset_import), functions, tensors, budgets)
        with rewriting("import"):
            function = GraphReader(model.graph, shared, symbols, given).function()
    module = ModuleOp([function])
    set_attribute(module, "lpu.model", StringAttr(escape(path.name)))
    set_attribute(module, "lpu.model_dir", StringAttr(escape(str(path.parent))))
    return module
