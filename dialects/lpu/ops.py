"""
Operations of the `lpu` level: a small orthogonal set over N-dimensional tensors.

Every operation is pure; operands broadcast nowhere but in `map`, `select` and the batch axes of
`matmul`, by numpy's rules. Rank changes happen in `reshape` alone: `reduce` and `slice` keep the
rank. Numpy semantics of each are in `dialects.lpu.semantics`, under the same name.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from dialects.affine import Affine
from dialects.lpu.attributes import AffineListAttr, IntsAttr
from dialects.lpu.facts import ALL, ARMS, BY_FUNCTION, FIRST, NONE, Facts, Form, Zeros
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import Cast, Weight, WeightAttr, reshaped, transposed
from dialects.refusal import HEX_DIGITS, refuse, require
from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, ElementType

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "isnan"})
REDUCTIONS = frozenset({"sum", "prod", "max", "min"})
SCATTERS = frozenset({"set", "add", "mul", "max", "min"})


ONE = Affine(1)


def tensor_of(value: SSAValue) -> Tensor:
    """The tensor type of a value of the levels `onnx` and `lpu`."""
    assert isinstance(value.type, TensorType), f"not a tensor: {value.type}"
    return value.type.data


class LpuOp(IRDLOperation):
    """What all tensor operations share: purity, facts, typed access to operand and result types."""

    traits = traits_def(Pure())
    FACTS: ClassVar[Facts]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            missing = cls.__dict__.get("FACTS", Facts()).missing
            assert not missing, f"{cls.name} does not state: {', '.join(missing)}"

    def operand_tensors(self) -> tuple[Tensor, ...]:
        return tuple(tensor_of(operand) for operand in self.operands)

    def result_tensor(self) -> Tensor:
        return tensor_of(self.results[0])

    def require(self, holds: bool, message: str) -> None:
        require(self, holds, message)

    def verify_(self) -> None:
        tensors = (*self.operand_tensors(), *[tensor_of(result) for result in self.results])
        known = all([t.is_resolved for t in tensors])
        self.require(known, "every extent of operands and results is known")
        fits = known and all([d.const >= 0 for t in tensors for d in t.shape if not d.terms])
        self.require(fits, "no extent is negative")
        self.verify_tensors()

    def verify_tensors(self) -> None:
        """What the operation demands of its tensors and properties."""


def broadcast(*shapes: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """Numpy's broadcast of affine shapes; ValueError where two extents cannot be shown equal."""
    if len(set(shapes)) == 1:
        return shapes[0]
    rank = max((len(s) for s in shapes), default=0)
    padded = [(ONE,) * (rank - len(s)) + s for s in shapes]
    return tuple([_broadcast_extent(column) for column in zip(*padded, strict=True)])


def _broadcast_extent(extents: tuple[Affine, ...]) -> Affine:
    wide = ONE
    for extent in extents:
        if extent in (ONE, wide):
            continue
        if wide != ONE:
            first, second = sorted((wide, extent))
            raise ValueError(f"extents {first} and {second} do not broadcast")
        wide = extent
    return wide


@irdl_op_definition
class ConstantOp(LpuOp):
    """A weight or another constant, by reference: `lpu.constant <file(...)>`."""

    name = "lpu.constant"
    FACTS: ClassVar = Facts(Form.CONSTANT, NONE, Zeros.SEEN, lines=True, weight=None, trunk=None)
    value = prop_def(WeightAttr)
    result = result_def(TensorType)
    assembly_format = "$value attr-dict `:` type($result)"

    def verify_tensors(self) -> None:
        weight, result = self.value.data, self.result_tensor()
        self.require(
            result.is_static
            and result.static_shape() == tuple(weight.shape)
            and result.dtype == weight.dtype,
            f"the weight has shape {list(weight.shape)} of {weight.dtype}",
        )


@irdl_op_definition
class FillOp(LpuOp):
    """Every element is `value` (stored bit-exactly, as the hex digits of one element)."""

    name = "lpu.fill"
    FACTS: ClassVar = Facts(Form.CONSTANT, NONE, Zeros.SEEN, lines=True, weight=None, trunk=None)
    value = prop_def(StringAttr)
    result = result_def(TensorType)
    assembly_format = "$value attr-dict `:` type($result)"

    def verify_tensors(self) -> None:
        size = self.result_tensor().dtype.itemsize
        self.require(len(self.value.data) == 2 * size, f"expected {2 * size} hex digits")
        self.require(set(self.value.data) <= HEX_DIGITS, "its value is not in hex digits")


@irdl_op_definition
class IotaOp(LpuOp):
    """
    Integers affine in the index: element `i` is `base + sum(coefficients[d] * i[d])`.

    `coefficients` holds the base first, then one coefficient for each axis; each may depend on
    symbols. A scalar known only at run time, such as `P + 1`, is an iota of rank 0.
    """

    name = "lpu.iota"
    FACTS: ClassVar = Facts(Form.INDEX, NONE, Zeros.SEEN, lines=True, weight=None, trunk=None)
    coefficients = prop_def(AffineListAttr)
    result = result_def(TensorType)
    assembly_format = "$coefficients attr-dict `:` type($result)"

    def verify_tensors(self) -> None:
        result = self.result_tensor()
        self.require(
            len(self.coefficients.data) == result.rank + 1, "a base and one coefficient per axis"
        )
        self.require(result.dtype in (ElementType.I64, ElementType.I32), "integers only")


@irdl_op_definition
class MapOp(LpuOp):
    """`fn` of one or two operands, element by element, with broadcasting."""

    name = "lpu.map"
    FACTS: ClassVar = Facts(
        Form.ELEMENTWISE, NONE, BY_FUNCTION, lines=True, weight=None, trunk=None
    )
    fn = prop_def(StringAttr)
    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$fn $inputs attr-dict `:` type($inputs) `->` type($result)"

    def verify_tensors(self) -> None:
        fn, count = self.fn.data, len(self.operands)
        table = {1: FUNCTIONS1, 2: FUNCTIONS2}.get(count, {})
        self.require(fn in table, f"no function '{fn}' of {count} operands")
        operands, result = self.operand_tensors(), self.result_tensor()
        dtype = operands[0].dtype
        self.require(len({t.dtype for t in operands}) == 1, "operands of one element type")
        self.require(table[fn].accepts(dtype), f"'{fn}' does not take {dtype}")
        expected = ElementType.BOOL if fn in COMPARISONS else dtype
        self.require(result.dtype == expected, f"the result of '{fn}' is {expected}")
        verify_broadcast(self)


@irdl_op_definition
class SelectOp(LpuOp):
    """Where `condition` holds the element of `on_true`, elsewhere that of `on_false`."""

    name = "lpu.select"
    FACTS: ClassVar = Facts(Form.ELEMENTWISE, ARMS, Zeros.KEPT, lines=True, weight=None, trunk=None)
    condition = operand_def(TensorType)
    on_true = operand_def(TensorType)
    on_false = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$condition `,` $on_true `,` $on_false attr-dict `:` type($condition) `,` type($on_true)"
        " `,` type($on_false) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        condition, on_true, on_false = self.operand_tensors()
        self.require(condition.dtype == ElementType.BOOL, "the condition is bool")
        dtypes = {on_true.dtype, on_false.dtype, self.result_tensor().dtype}
        self.require(len(dtypes) == 1, "both branches and the result share one element type")
        verify_broadcast(self)


def verify_broadcast(op: LpuOp) -> None:
    shape = joined(op, *(t.shape for t in op.operand_tensors()))
    fits = shape == op.result_tensor().shape
    op.require(fits, f"the operands broadcast to {_text(shape)}")


def joined(op: LpuOp, *shapes: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """The broadcast of shapes; the operation is refused where there is none."""
    try:
        return broadcast(*shapes)
    except ValueError as error:
        refuse(op, f"operands that do not fit one another: {error}")


def _text(shape: tuple[Affine, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _cast(op: LpuOp, weight: Weight) -> Weight:
    return Cast(weight, op.result_tensor().dtype)


def _reshape(op: LpuOp, weight: Weight) -> Weight | None:
    tensor = op.result_tensor()
    return reshaped(weight, tensor.static_shape()) if tensor.is_static else None


def _transpose(op: TransposeOp, weight: Weight) -> Weight:
    return transposed(weight, op.perm.data)


class UnaryOp(LpuOp):
    """One tensor in, one tensor out."""

    source = operand_def(TensorType)
    result = result_def(TensorType)

    def source_tensor(self) -> Tensor:
        return tensor_of(self.source)


@irdl_op_definition
class CastOp(UnaryOp):
    """The same values in another element type; to bool: is not zero; to integer: truncated."""

    name = "lpu.cast"
    FACTS: ClassVar = Facts(Form.ELEMENTWISE, NONE, Zeros.KEPT, lines=False, weight=_cast, trunk=0)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        same = self.source_tensor().shape == self.result_tensor().shape
        self.require(same, "a cast keeps the shape")


@irdl_op_definition
class ReduceOp(UnaryOp):
    """Sum, product, maximum or minimum over `axes`, whose extents become 1."""

    name = "lpu.reduce"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    fn = prop_def(StringAttr)
    axes = prop_def(IntsAttr)
    assembly_format = "$fn $source `over` $axes attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        self.require(self.fn.data in REDUCTIONS, f"no reduction '{self.fn.data}'")
        source, axes = self.source_tensor(), set(self.axes.data)
        ascending = self.axes.data == tuple(sorted(axes))
        self.require(ascending, "the axes of a reduction ascend")
        self.require(axes <= set(range(source.rank)), "axes lie within the rank")
        dims = tuple(Affine(1) if i in axes else d for i, d in enumerate(source.shape))
        expected = Tensor.of(dims, source.dtype)
        self.require(self.result_tensor() == expected, f"a reduction gives {expected}")


@irdl_op_definition
class ScanOp(UnaryOp):
    """Running sum along `axis`; `exclusive` leaves out the element itself."""

    name = "lpu.scan"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    axis = prop_def(IntegerAttr[I64])
    exclusive = prop_def(IntegerAttr[I64])
    assembly_format = (
        "$source `axis` $axis `exclusive` $exclusive attr-dict `:` type($source) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, axis = self.source_tensor(), self.axis.value.data
        self.require(source == self.result_tensor(), "a scan keeps the type")
        self.require(0 <= axis < source.rank, f"there is no axis {axis} to sum along")
        self.require(self.exclusive.value.data in (0, 1), "'exclusive' is 0 or 1")


@irdl_op_definition
class MatmulOp(LpuOp):
    """
    `lhs [..., M, K] @ rhs [..., K, N]`; leading axes broadcast. Both have rank 2 at least.

    Sums of short floats are rounded once, or not at all where the result is f32.
    """

    name = "lpu.matmul"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)"

    def verify_tensors(self) -> None:
        lhs, rhs = self.operand_tensors()
        self.require(min(lhs.rank, rhs.rank) >= 2, "operands of rank 2 or more")
        self.require(lhs.shape[-1] == rhs.shape[-2], f"K is {lhs.shape[-1]} and {rhs.shape[-2]}")
        result, batch = self.result_tensor(), joined(self, lhs.shape[:-2], rhs.shape[:-2])
        dims = (*batch, lhs.shape[-2], rhs.shape[-1])
        self.require(result.shape == dims, f"a product gives {_text(dims)}")
        self.require(lhs.dtype == rhs.dtype, "both operands of a product have one element type")
        is_long = lhs.dtype.is_float and result.dtype == ElementType.F32
        kept = result.dtype == lhs.dtype or is_long
        self.require(kept, "a product has the element type of its operands, or f32 of floats")


@irdl_op_definition
class ReshapeOp(UnaryOp):
    """The same elements in row-major order under other extents."""

    name = "lpu.reshape"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=_reshape, trunk=0)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        self.require(source.dtype == result.dtype, "a reshape keeps the element type")
        self.require(same_elements(source.shape, result.shape), "the number of elements differs")


def same_elements(a: tuple[Affine, ...], b: tuple[Affine, ...]) -> bool:
    """Whether two shapes hold equally many elements whatever the symbols are."""
    rest_a, rest_b = [d for d in a if d != Affine(1)], [d for d in b if d != Affine(1)]
    for extent in [d for d in rest_a if not d.is_const]:
        if extent in rest_b:
            rest_a.remove(extent)
            rest_b.remove(extent)
    return _elements(rest_a) == _elements(rest_b)


def _elements(extents: list[Affine]) -> tuple[Affine, ...]:
    """Canonical product: constant factor merged into the first symbolic extent."""
    const = 1
    for extent in extents:
        const *= extent.const if extent.is_const else 1
    symbolic = sorted(e for e in extents if not e.is_const)
    if const == 0 or not symbolic:
        return (Affine(const),)
    return (symbolic[0] * const, *symbolic[1:])


@irdl_op_definition
class TransposeOp(UnaryOp):
    """Axis `i` of the result is axis `perm[i]` of the source."""

    name = "lpu.transpose"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=_transpose, trunk=0)
    perm = prop_def(IntsAttr)
    assembly_format = "$source $perm attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, perm = self.source_tensor(), self.perm.data
        self.require(sorted(perm) == list(range(source.rank)), "a permutation of the axes")
        expected = source.with_dims([source.shape[p] for p in perm])
        self.require(self.result_tensor() == expected, f"a transpose gives {expected}")


@irdl_op_definition
class BroadcastOp(UnaryOp):
    """Repeat along axes of extent 1 and along new leading axes."""

    name = "lpu.broadcast"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=None, trunk=0)
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        self.require(result.rank >= source.rank, "a broadcast does not drop axes")
        kept = result.shape[result.rank - source.rank :]
        fits = all(a in (Affine(1), b) for a, b in zip(source.shape, kept, strict=True))
        self.require(fits and source.dtype == result.dtype, f"{source} does not broadcast to it")


@irdl_op_definition
class SliceOp(UnaryOp):
    """Element `i` of axis `d` is element `offsets[d] + i * steps[d]` of the source; steps > 0."""

    name = "lpu.slice"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=None, trunk=0)
    offsets = prop_def(AffineListAttr)
    steps = prop_def(IntsAttr)
    assembly_format = (
        "$source `at` $offsets `step` $steps attr-dict `:` type($source) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, result = self.source_tensor(), self.result_tensor()
        ranks = {source.rank, result.rank, len(self.offsets.data), len(self.steps.data)}
        self.require(len(ranks) == 1, "one offset and step for each axis")
        self.require(all(s > 0 for s in self.steps.data), "steps are positive")
        self.require(source.dtype == result.dtype, "a slice keeps the element type")
        before = any([at.is_const and at.const < 0 for at in self.offsets.data])
        self.require(not before, "a slice starts at element 0 or behind")
        for axis, rest in enumerate(self.rests()):
            outside = rest.is_const and rest.const < 0
            self.require(not outside, f"it ends {-rest.const} elements behind axis {axis}")

    def rests(self) -> list[Affine]:
        """How many elements of each axis lie behind the last that is taken; none of 0 elements."""
        result = self.result_tensor()
        columns = zip(
            self.source_tensor().shape,
            self.offsets.data,
            self.steps.data,
            result.shape,
            strict=True,
        )
        if Affine() in result.shape:
            return []
        return [
            d - at - n if step == 1 else d - 1 - at - (n - 1) * step for d, at, step, n in columns
        ]


@irdl_op_definition
class ConcatOp(LpuOp):
    """The operands one after another along `axis`."""

    name = "lpu.concat"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=False, weight=None, trunk=None)
    axis = prop_def(IntegerAttr[I64])
    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)"

    def verify_tensors(self) -> None:
        axis, result, sources = self.axis.value.data, self.result_tensor(), self.operand_tensors()
        self.require(bool(sources), "there is nothing to concatenate")
        self.require(0 <= axis < result.rank, f"there is no axis {axis} to concatenate along")
        ranks = {t.rank for t in sources}
        self.require(ranks == {result.rank}, "operands have the rank of the result")
        for source in sources:
            rest = (*source.shape[:axis], result.shape[axis], *source.shape[axis + 1 :])
            self.require(source.with_dims(rest) == result, f"operand {source} does not fit")
        total = sum((t.shape[axis] for t in sources), Affine())
        self.require(result.shape[axis] == total, f"axis {axis} has {total} elements")


@irdl_op_definition
class GatherOp(LpuOp):
    """
    `numpy.take(source, indices, axis)`: the index replaces the axis; negative counts from the end.

    An index outside of the axis is a trap when the program runs.
    """

    name = "lpu.gather"
    FACTS: ClassVar = Facts(Form.OTHER, FIRST, Zeros.KEPT, lines=False, weight=None, trunk=None)
    axis = prop_def(IntegerAttr[I64])
    source = operand_def(TensorType)
    indices = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$source `,` $indices `axis` $axis attr-dict `:` type($source) `,` type($indices)"
        " `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, indices = self.operand_tensors()
        axis = self.axis.value.data
        self.require(indices.dtype == ElementType.I64, "indices are i64")
        self.require(0 <= axis < source.rank, f"there is no axis {axis} to look up in")
        dims = (*source.shape[:axis], *indices.shape, *source.shape[axis + 1 :])
        expected = source.with_dims(dims)
        self.require(self.result_tensor() == expected, f"a gather gives {expected}")


@irdl_op_definition
class ScatterOp(LpuOp):
    """
    A copy of `source [R, C]` with row `indices[i]` set to, or combined with, `updates[i, :]`.

    `indices [I]` is i64; duplicates apply in order. Other ranks reshape to this form.
    """

    name = "lpu.scatter"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    fn = prop_def(StringAttr)
    source = operand_def(TensorType)
    indices = operand_def(TensorType)
    updates = operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = (
        "$fn $source `,` $indices `,` $updates attr-dict `:` type($source) `,` type($indices)"
        " `,` type($updates) `->` type($result)"
    )

    def verify_tensors(self) -> None:
        source, indices, updates = self.operand_tensors()
        self.require(self.fn.data in SCATTERS, f"no combination '{self.fn.data}'")
        self.require(source == self.result_tensor(), "the result has the type of the source")
        self.require((source.rank, indices.rank, updates.rank) == (2, 1, 2), "ranks 2, 1 and 2")
        self.require(indices.dtype == ElementType.I64, "rows are named by i64")
        expected = source.with_dims((indices.shape[0], source.shape[1]))
        self.require(updates == expected, f"the updates are {expected}")


@irdl_op_definition
class TopkOp(LpuOp):
    """The `k` largest or smallest of the last axis, sorted, ties to the lower index; and where."""

    name = "lpu.topk"
    FACTS: ClassVar = Facts(Form.OTHER, NONE, Zeros.KEPT, lines=False, weight=None, trunk=None)
    largest = prop_def(IntegerAttr[I64])
    source = operand_def(TensorType)
    values = result_def(TensorType)
    indices = result_def(TensorType)
    assembly_format = (
        "$source `largest` $largest attr-dict `:` type($source) `->` type($values) `,`"
        " type($indices)"
    )

    def verify_tensors(self) -> None:
        source, values, indices = tensor_of(self.source), *map(tensor_of, self.results)
        self.require(source.rank >= 1, "a scalar has no largest element")
        self.require(self.largest.value.data in (0, 1), "'largest' is 0 or 1")
        selected = source.with_dims((*source.shape[:-1], *values.shape[-1:]))
        self.require(values == selected, "the values differ from the source in the last axis alone")
        self.require(
            indices == values.with_dtype(ElementType.I64), "one i64 says where a value was"
        )
        rest = source.shape[-1] - values.shape[-1]
        self.require(not rest.is_const or rest.const >= 0, "there are not so many elements")


OPS: list[type[LpuOp]] = [
    ConstantOp, FillOp, IotaOp, MapOp, SelectOp, CastOp, ReduceOp, ScanOp, MatmulOp, ReshapeOp,
    TransposeOp, BroadcastOp, SliceOp, ConcatOp, GatherOp, ScatterOp, TopkOp,
]  # fmt: skip
