"""
A `Range` between bounds that are computed from data, read as an index into rows, and a `Split`.

Where such a range names a row that is none, or one that counts from the end, it traps: what stands
for it, all rows and a mask, has no such place.
"""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from dialects.onnx.ops import OnnxOp
from passes.onnx.operators.indexing import demand
from passes.onnx.operators.node import Node
from passes.onnx.operators.terms import constant
from passes.rewriting.build import Build

HINT = "export the model so that experts take all tokens, or one weight per token"


def is_data(node: Node) -> bool:
    """Whether the bounds of a Range of integers are computed from data."""
    bounds = (node.element("start"), node.element("limit"))
    return not node.source.dtype.is_float and None in bounds


def is_split_by_data(node: Node) -> bool:
    """Whether the sizes of a Split are computed from data."""
    given = "split" in node.op.schema.input_index and node.get("split") is not None
    return given and node.elements("split") is None


def ends_of_parts(b: Build, node: Node) -> list[SSAValue]:
    """Behind which row each part of such a Split ends."""
    axis, parts = node.axis(node.source.rank), len(node.op.results)
    extent = node.source.shape[axis]
    node.expect_dims("split", (Affine(parts),))
    node.require(extent.is_const, f"the sizes of parts of {extent} rows depend on data", HINT)
    sizes, found = node.value("split"), list[SSAValue]()
    for part in range(parts):
        size = b.reshape(b.slice_axis(sizes, 0, part, 1), ())
        end = demand(b, b.map("ge", size, constant(b, 0, size)), size)
        found.append(b.map("add", found[-1], end) if found else end)
    whole = b.map("eq", found[-1], constant(b, extent.const, found[-1]))
    return [*found[:-1], demand(b, whole, found[-1])]


def rows_read(node: Node) -> int:
    """How many rows the tensors have that a Range is an index into, the least of those known."""
    found: list[int] = []
    for use in node.op.results[0].uses:
        reader, data = use.operation, use.operation.operands[0]
        takes = isinstance(reader, OnnxOp) and reader.OP_TYPE == "Gather" and use.index == 1
        if not isinstance(reader, OnnxOp) or not takes:
            raise node.refusal("the bounds of a Range depend on data, not on shapes alone", HINT)
        axis, dims = Node(reader).integer("axis"), tensor_of(data).dims
        rows = None if dims is None else dims[axis]
        if rows is not None and rows.is_const:
            found.append(rows.const)
    node.require(bool(found), "the bounds of a Range depend on data, not on shapes alone", HINT)
    return min(found)


def start_within(b: Build, node: Node, count: int) -> SSAValue:
    """The first row; a trap unless the range is empty or has rows from the first to the last."""
    start, limit = node.value("start"), node.value("limit")
    inside = b.map("ge", start, constant(b, 0, start))
    inside = b.map("and", inside, b.map("le", limit, constant(b, count, limit)))
    return demand(b, b.map("or", b.map("ge", start, limit), inside), start)
