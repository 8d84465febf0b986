"""The operators that the compiler takes, asked of the pass that refuses all others."""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from dialects.errors import CompileError
from dialects.onnx.ops import OnnxOp, classes, create
from dialects.onnx.schemas import find_schema
from passes import load_pass

NEWEST = 1 << 20


def _is_taken(cls: type[OnnxOp]) -> bool:
    """Whether a node of this operator passes, its operands aside."""
    schema = find_schema(cls.DOMAIN, cls.OP_TYPE, NEWEST)
    assert schema is not None
    node = create(cls, [], [], schema.since_version, {})
    function = FuncOp("step", ([], []), Region(Block([node, ReturnOp()])))
    try:
        load_pass("onnx-check-operators")().apply(Context(), ModuleOp([function]))
    except CompileError:
        return False
    return True


def taken() -> set[str]:
    """Their names, `com.microsoft.NAME` for those of that domain."""
    return {
        f"{domain}.{name}" if domain else name
        for (domain, name), cls in classes().items()
        if _is_taken(cls)
    }
