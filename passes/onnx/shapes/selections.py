"""
Rows that data selects, as experts do with tokens: how many there are is not known before they run.

`NonZero` selects the places at which a tensor is not zero, a `Range` between computed bounds the
rows from one on up to another, a `Split` into computed sizes those of each part. Here all rows are
computed that there may be, at their own places, beside a mask that says which are selected: the
extent is a symbol while the nodes that read it are resolved, and the number of all rows in the end.
That means the same as long as every node treats rows one by one, until they are added into a
tensor, where rows that are not selected add zero, or until ranges that follow one another are
joined, which takes each row from the range it lies in. Nodes that do anything else are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from xdsl.dialects.builtin import StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.elementwise import ConstantOp, FillOp
from dialects.lpu.movement import BroadcastOp, ConcatOp, ReshapeOp, SliceOp, TransposeOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.onnx.ops import OnnxOp, create
from dialects.reading import operands_of, operations
from passes.analysis.content import Fill, Numbers
from passes.onnx.operators.indexing import OUTSIDE
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.terms import along, constant
from passes.onnx.shapes.computed_ranges import HINT, ends_of_parts, rows_read, start_within
from passes.onnx.shapes.lengths import rename
from passes.rewriting.build import Build
from passes.rewriting.kernel import replace, retype
from passes.rewriting.signature import terminator_of
from runtime.numerics.elements import ElementType

ROW_BY_ROW = frozenset({
    *("Abs", "Add", "And", "BiasGelu", "Cast", "Clip", "Cos", "Div", "Elu", "Equal", "Erf", "Exp"),
    *("FastGelu", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "IsNaN"),
    *("LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow"),
    *("QuickGelu", "Reciprocal", "Relu", "Sigmoid", "Sin", "Softplus", "Sqrt", "Sub", "Swish"),
    *("Tanh", "Where"),
})  # fmt: skip
"""Operators of which each element depends on those at its own place alone."""
COUNTING = frozenset({"ConstantOfShape", "Shape", "Size"})
"""Operators that ask how many rows there are, for the extents of other values."""
SCATTERS = frozenset({"ScatterElements", "ScatterND"})
UNMOVED = ConstantOp | FillOp
COUNTED = "a number of rows that data selects is computed with"


@dataclass(frozen=True)
class Selection:
    """Of `count` rows those where `mask`, `[count]`, holds."""

    count: int
    mask: SSAValue
    bounds: tuple[SSAValue | None, SSAValue] | None
    """The first row, None if that is 0, and the one behind the last."""


class Selections:
    """All selections of a function, by the symbol of their extent, and the joins to be made."""

    def __init__(self) -> None:
        self.known: dict[str, Selection] = {}
        self._joined: list[tuple[OnnxOp, int, Sequence[Selection]]] = []

    def _new(self, selection: Selection) -> Affine:
        name = f"rows_{len(self.known)}"
        self.known[name] = selection
        return Affine.symbol(name)

    def named(self, dims: Sequence[Affine]) -> list[str]:
        """The selections that are the extents of a shape; or a part of one, as ''."""
        found: list[str] = []
        for extent in dims:
            names = [name for name, _ in extent.terms if name in self.known]
            found += names if names == [str(extent)] else [""] * len(names)
        return found

    def not_zero(self, b: Build, node: Node) -> SSAValue:
        """The places of all elements, `[rank, rows]`, in row-major order."""
        x, dims = node.first, node.source.shape
        known = all(extent.is_const for extent in dims)
        node.require(known and bool(dims), "how many elements there are depends on symbols")
        count, rank = node.source.elements.const, len(dims)
        zero = constant(b, 0, x)
        mask = x if node.source.dtype is ElementType.BOOL else b.map("ne", x, zero)
        rows = self._new(Selection(count, b.reshape(mask, (count,)), None))
        places = [b.broadcast(along(b, rank, axis, dims[axis]), dims) for axis in range(rank)]
        whole = b.concat([b.reshape(place, (1, count)) for place in places], 0)
        return b.slice(whole, (0, 0), (rank, rows))

    def between(self, b: Build, node: Node) -> SSAValue:
        """
        All rows of what the Range is an index into, `[rows]`.

        A trap where the Range names rows that are none, or some that count from the end.
        """
        for name in ("start", "limit", "delta"):
            node.dims(name, 0)
        limit, count = node.value("limit"), rows_read(node)
        node.require(
            node.element("delta") == Affine(1),
            "the bounds of a Range depend on data, and its step is not 1",
        )
        places = b.iota(0, (1,), (count,), node.source.dtype)
        mask = b.map(
            "and", b.map("ge", places, start_within(b, node, count)), b.map("lt", places, limit)
        )
        begins = None if node.element("start") == Affine() else node.value("start")
        rows = self._new(Selection(count, mask, (begins, limit)))
        return b.slice(places, (0,), (rows,))

    def parts(self, b: Build, node: Node) -> list[SSAValue]:
        """
        All rows for each part of a Split whose sizes are computed.

        A trap where a size is negative or the sizes do not add up.
        """
        dims, ends = list(node.source.shape), ends_of_parts(b, node)
        axis, start = node.axis(len(dims)), None
        places, found = b.iota(0, (1,), (dims[axis],)), list[SSAValue]()
        for end in ends:
            mask = b.map("lt", places, end)
            if start is not None:
                mask = b.map("and", b.map("ge", places, start), mask)
            count = node.source.shape[axis].const
            dims[axis] = self._new(Selection(count, mask, (start, end)))
            found.append(b.slice(node.first, [0] * len(dims), dims))
            start = end
        return found

    def ranges(self) -> dict[str, tuple[int, int]]:
        return {name: (0, selection.count) for name, selection in self.known.items()}

    # What reads them

    def check_node(self, node: Node) -> None:
        """Refuse an operator that does not treat rows one by one; mask what is added."""
        op, name = node.op, node.op.OP_TYPE
        shapes = [tensor_of(value).shape for value in operands_of(op)]
        used = [found for shape in shapes for found in self.named(shape)]
        used += [found for result in op.results for found in self.named(tensor_of(result).shape)]
        if not used or name in COUNTING:
            return
        node.require("" not in used, COUNTED, HINT)
        fits = name in ROW_BY_ROW or self._fits(node, name, shapes)
        node.require(fits, "it reads rows that data selects other than one by one", HINT)
        if name in SCATTERS:
            self._mask(node)

    def _fits(self, node: Node, name: str, shapes: Sequence[Dims]) -> bool:
        def free(*extents: Affine) -> bool:
            return not self.named(extents)

        match name:
            case "MatMul":
                return free(shapes[0][-1], *shapes[1][-2:])
            case "Gemm":
                first = shapes[0] if not node.flag("transA") else shapes[0][::-1]
                return free(first[1], *shapes[1])
            case "Gather":
                return free(shapes[0][node.axis(len(shapes[0]))])
            case "GatherND":
                return free(*shapes[0], shapes[1][-1]) and node.integer("batch_dims") == 0
            case "ScatterElements" | "ScatterND":
                return free(*shapes[0]) and (_adds(node) or _is_zero(node))
            case _:
                return False

    def _mask(self, node: Node) -> None:
        """Let rows add to what they are written to, those that are not selected zero."""
        op, updates = node.op, node.value("updates")
        dims, b = tensor_of(updates).shape, Build(op)
        for axis, extent in enumerate(dims):
            if self.named((extent,)):
                mask = b.slice(self.known[str(extent)].mask, (0,), (extent,))
                spread = [extent if at == axis else Affine(1) for at in range(len(dims))]
                zero = constant(b, 0, updates)
                updates = b.select(b.reshape(mask, spread), updates, zero)
        data, indices = node.value("data"), node.value("indices")
        axis = {"axis": op.properties["axis"]} if "axis" in op.properties else {}
        given = {**axis, "reduction": StringAttr("add")}
        kinds = [tensor_type(tensor_of(op.results[0]))]
        added = b.insert(create(type(op), [data, indices, updates], kinds, 18, given))
        replace(op.results[0], added.results[0])

    def check_move(self, op: Operation, node: Node) -> None:
        """Refuse a move that puts rows elsewhere."""
        shapes = [tensor_of(value).shape for value in (*op.operands, *op.results)]
        used = [found for shape in shapes for found in self.named(shape)]
        if not used:
            return
        whole = "" not in used and not self.mentioned(op)
        node.require(whole, COUNTED, HINT)
        fits = isinstance(op, UNMOVED | TransposeOp | BroadcastOp) or (
            isinstance(op, ReshapeOp | SliceOp | ConcatOp)
            and all(self._before(shape, name) == self._before(shapes[-1], name)
                    for name in used for shape in shapes[:-1])
        )  # fmt: skip
        node.require(fits, "it moves rows that data selects", HINT)

    def _before(self, dims: Dims, name: str) -> tuple[Affine, ...] | None:
        """The extents other than 1 in front of a selection; None where it does not occur."""
        extents = [str(extent) for extent in dims]
        if name not in extents:
            return None
        return tuple([d for d in dims[: extents.index(name)] if d != Affine(1)])

    def mentioned(self, op: Operation) -> bool:
        """Whether a number of rows is a number that an operation computes with."""
        lists = [a.data for a in op.properties.values() if isinstance(a, AffineListAttr)]
        return any(name in self.known for one in lists for e in one for name, _ in e.terms)

    def check_numbers(self, func: FuncOp) -> None:
        """Refuse a function that computes with a number of rows."""
        if not self.known:
            return
        for op in operations(func.body.block):
            if self.mentioned(op):
                raise unsupported(op, COUNTED, HINT)

    # Ranges that follow one another

    def join(self, node: Node) -> bool:
        """Whether a Concat puts ranges one behind the other, and so has all rows."""
        shapes = [tensor_of(value).shape for value in node.op.operands]
        axis = node.axis(len(shapes[0]))
        names = [self.named(shape[axis : axis + 1]) for shape in shapes]
        if not any(names):
            return False
        parts = [self.known[name[0]] for name in names if name and name[0]]
        node.require(_follow(parts, len(shapes)), "it joins rows that data selects", HINT)
        dims = list(shapes[0])
        dims[axis] = Affine(parts[0].count)
        retype(node.op.results[0], tensor_type(Tensor(tuple(dims), node.source.dtype)))
        self._joined.append((node.op, axis, parts))
        return True

    def equal(self) -> dict[str, Affine]:
        """What stands for each symbol in the end: the number of all rows."""
        return {name: Affine(selection.count) for name, selection in self.known.items()}

    def finish(self, func: FuncOp) -> None:
        """Let extents be numbers, and make the joins."""
        if not self.known:
            return
        for index, value in enumerate(terminator_of(func).operands):
            if self.named(tensor_of(value).shape):
                assert isinstance(value.owner, Operation), "no input has rows that data selects"
                message = f"output {index} has as many rows as data selects"
                raise unsupported(value.owner, message, HINT)
        rename(func, self.equal())
        for op, axis, parts in self._joined:
            replace(op.results[0], _chosen(Build(op), list(op.operands), axis, parts))


def _adds(node: Node) -> bool:
    return "reduction" in node.op.properties and node.attr("reduction") == "add"


def _is_zero(node: Node) -> bool:
    """Whether the data of a scatter are zeros, to which an update may be added as well."""
    data = node.lookup(node.value("data"))
    if isinstance(data, Fill):
        return not data.value.any()
    return isinstance(data, Numbers) and not data.array.any()


def _follow(parts: Sequence[Selection], count: int) -> bool:
    """Whether as many ranges begin at 0 and each where the one before it ends."""
    bounds = [part.bounds for part in parts if part.bounds is not None]
    if len(bounds) != count or len({part.count for part in parts}) != 1:
        return False
    return bounds[0][0] is None and all(one[1] is other[0] for one, other in pairwise(bounds))


def _chosen(
    b: Build, values: Sequence[SSAValue], axis: int, parts: Sequence[Selection]
) -> SSAValue:
    """Each row of the range in which it lies; a trap where that is not just one."""
    count = parts[0].count
    spread = [count if at == axis else 1 for at in range(tensor_of(values[0]).rank)]
    chosen = values[-1]
    for value, part in zip(values[-2::-1], parts[-2::-1], strict=True):
        chosen = b.select(b.reshape(part.mask, spread), value, chosen)
    hits = [b.cast(part.mask, ElementType.I64) for part in parts]
    once = b.map("eq", reduce(lambda x, y: b.map("add", x, y), hits), b.scalar(1, ElementType.I64))
    places = b.iota(0, (1,), (count,))
    rows = b.select(once, places, constant(b, OUTSIDE, places))
    return b.gather(chosen, rows, axis)
