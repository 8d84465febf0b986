"""
Constants of 4 and 16 bits, which the machine lacks: what may read them, and what that becomes.

Rows of a table whose numbers have such a type are rows of what `DequantizeLinear` makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import FunctionProto, GraphProto, NodeProto, TensorProto, parser
from xdsl.ir import SSAValue

from dialects.errors import CompileError
from dialects.lpu.weights import Unpack
from dialects.onnx.ops import InitializerOp
from lpuc.onnx_import.nodes import op_label
from lpuc.onnx_import.order import names_read
from lpuc.onnx_import.tensors import LACKING

TABLE = ("com.microsoft", "GatherBlockQuantized")
READERS = frozenset({"DequantizeLinear", "QuantizeLinear", TABLE[1]})
"""What may read an initializer of such integers."""

ROWS = """<opset_import: ["": 21], domain: "com.microsoft">
GatherBlockQuantized
    <gather_axis: int = 0, quantize_axis: int = 1, block_size: int = 128, bits: int = 4>
    (data, indices, scales{points}) => (output) {{
  numbers = DequantizeLinear <axis: int = @quantize_axis, block_size: int = @block_size>
      (data, scales{points})
  output = Gather <axis: int = @gather_axis> (numbers, indices)
}}"""


def constant_of(node: NodeProto) -> TensorProto | None:
    """The tensor of a node that is a constant of such integers."""
    held = [a.t for a in node.attribute if a.name == "value"]
    is_constant = node.op_type == "Constant" and node.domain in ("", "ai.onnx") and held
    return held[0] if is_constant and held[0].data_type in LACKING else None


def read_as_such(graph: GraphProto) -> set[str]:
    """The names that only nodes read which may read such integers, or move what they read."""
    kinds = {t.data_type for t in (*graph.initializer, *filter(None, map(constant_of, graph.node)))}
    if kinds.isdisjoint(LACKING):
        return set()
    outputs = {output.name for output in graph.output}
    moved = {name for node in graph.node if node.op_type == "Transpose" for name in node.output}
    while True:
        readers, others = list[NodeProto](), list[NodeProto]()
        for node in graph.node:
            reads = node.op_type in READERS or (node.output and moved.issuperset(node.output))
            (readers if reads else others).append(node)
        found = names_read(readers) - names_read(others) - outputs
        if moved <= found:
            return found
        moved &= found


def rows_of_table(
    node: NodeProto, name: str, operands: Sequence[SSAValue | None]
) -> FunctionProto | None:
    """What a node stands for that looks up rows of 4-bit integers; None if it is another one."""
    table = operands[0] if operands and (node.domain, node.op_type) == TABLE else None
    op = None if table is None else table.owner
    if not isinstance(op, InitializerOp) or not isinstance(op.weight, Unpack):
        return None
    bits = next((a.i for a in node.attribute if a.name == "bits"), 4)
    if bits != 4:
        what = f"bits is {bits}, of a table of 4-bit integers"
        raise CompileError(what, node=name, op=op_label(node))
    points = ", zero_points" if len(operands) > 3 and operands[3] is not None else ""
    return parser.parse_function(ROWS.format(points=points))
