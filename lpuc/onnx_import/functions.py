"""Local functions of a model are inlined, after counting what that would make."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import FunctionProto, ModelProto, NodeProto, inliner

from dialects.errors import CompileError
from dialects.names import escape
from lpuc.onnx_import.budgets import Budgets

NESTING = 64

Key = tuple[str, str, str]


def _key(domain: str, name: str, overload: str) -> Key:
    return ("" if domain == "ai.onnx" else domain, name, overload)


class _Sizes:
    """Counts nodes after inlining, each function once."""

    def __init__(self, functions: Iterable[FunctionProto]) -> None:
        self.functions: dict[Key, FunctionProto] = {}
        for function in functions:
            key = _key(function.domain, function.name, function.overload)
            if key in self.functions:
                raise CompileError(f"the function '{escape(function.name)}' is defined twice")
            self.functions[key] = function
        self.sizes: dict[Key, int] = {}

    def nodes(self, nodes: Iterable[NodeProto], calls: tuple[Key, ...] = ()) -> int:
        return sum(self._node(node, calls) for node in nodes)

    def _node(self, node: NodeProto, calls: tuple[Key, ...]) -> int:
        key = _key(node.domain, node.op_type, node.overload)
        if key not in self.functions:
            return 1
        name = escape(node.op_type)
        if key in calls:
            raise CompileError(f"the function '{name}' calls itself")
        if len(calls) >= NESTING:
            raise CompileError(f"functions call each other more than {NESTING} deep at '{name}'")
        if key not in self.sizes:
            self.sizes[key] = self.nodes(self.functions[key].node, (*calls, key))
        return self.sizes[key]


def inline(model: ModelProto, budgets: Budgets) -> ModelProto:
    """The model without local functions."""
    sizes = _Sizes(model.functions)
    budgets.check("nodes", sizes.nodes(model.graph.node), "nodes after inlining functions")
    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # the inliner throws what its C++ code throws
        lines = str(error).splitlines() or [type(error).__name__]
        reason = lines[0].rpartition("failed: ")[2]
        raise CompileError(f"the functions of the model cannot be inlined: {reason}") from None
