"""
Evaluate what is known, and move changes of a weight's layout or type into the weight itself.

```mlir
%0 = lpu.fill "0000003f" : !lpu.tensor<[], f32>
%1 = lpu.fill "00000040" : !lpu.tensor<[P], f32>
%2 = lpu.map "add" %0, %1 : !lpu.tensor<[], f32>, !lpu.tensor<[P], f32> -> !lpu.tensor<[P], f32>
%3 = lpu.constant <file("m.onnx", 128, [99, 9], f32)> : !lpu.tensor<[99, 9], f32>
%4 = lpu.transpose %3 <[1, 0]> : !lpu.tensor<[99, 9], f32> -> !lpu.tensor<[9, 99], f32>
```
becomes
```mlir
%0 = lpu.fill "0000003f" : !lpu.tensor<[], f32>
%1 = lpu.fill "00000040" : !lpu.tensor<[P], f32>
%2 = lpu.fill "00002040" : !lpu.tensor<[P], f32>
%3 = lpu.constant <file("m.onnx", 128, [99, 9], f32)> : !lpu.tensor<[99, 9], f32>
%4 = lpu.constant <transpose(file("m.onnx", 128, [99, 9], f32), [1, 0])>
    : !lpu.tensor<[9, 99], f32>
```

1. An operation that does nothing (a cast to the same type, a product with 1) is its operand.
2. An operation that treats all elements alike, of operands filled with one element, is a fill.
3. Reshape, transpose and cast of a constant become part of the weight expression.
4. Other operations are evaluated if all operands are constants of at most `OPERAND_LIMIT` elements
   and the results have at most `budget_bytes` bytes. What has one element everywhere is a fill.

**Leaves alone** operations that would trap, and producers: dead ones are for `dce`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.builder import Builder
from xdsl.context import Context
from xdsl.dialects.builtin import LocationAttr, ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint

from dialects.affine import Affine
from dialects.errors import CompileError, location_of, node_names
from dialects.lpu import ops
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.builder import fill_value
from dialects.lpu.semantics import Array, Scope, evaluate
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import INLINE_LIMIT, Cast, Reshape, Transpose, Weight, WeightAttr, inline
from passes.functions import model_folder
from runtime.numerics import ElementType
from runtime.traps import Trap

OPERAND_LIMIT = 1 << 16
"""Largest operand, in elements, that is read to evaluate an operation."""

ALIKE = (
    ops.MapOp, ops.SelectOp, ops.CastOp, ops.ReshapeOp, ops.TransposeOp, ops.BroadcastOp,
    ops.SliceOp, ops.ConcatOp,
)  # fmt: skip
"""Operations that give one element everywhere when each operand has one element everywhere."""

NEUTRAL: dict[str, float] = {"mul": 1, "div": 1, "and": -1, "or": 0, "add": 0, "sub": 0}
"""Right operands that change nothing; those of `add` and `sub` on integers only (-0.0 + 0)."""


def _uniform(value: SSAValue) -> Array | None:
    """The element that a value holds everywhere, as an array of rank 0."""
    if isinstance(value.owner, ops.FillOp):
        return fill_value(value.owner)
    return None


def _same(values: tuple[Array, ...]) -> bool:
    return len({v.tobytes() for v in values}) == 1


def _neutral(fn: str, element: ElementType) -> Array | None:
    """The right operand under which `fn` gives its left operand."""
    if fn not in NEUTRAL or (fn in ("add", "sub") and element.is_float):
        return None
    if fn == "and" and element is ElementType.BOOL:
        return np.asarray(True)
    return np.asarray(NEUTRAL[fn]).astype(element.dtype)


def _is_neutral(fn: str, value: SSAValue) -> bool:
    held, neutral = _uniform(value), _neutral(fn, ops.tensor_of(value).dtype)
    return held is not None and neutral is not None and _same((held, neutral))


def _kept_by_map(op: ops.MapOp) -> SSAValue | None:
    if len(op.operands) != 2:
        return None
    fn, (lhs, rhs) = op.fn.data, op.operands
    if _is_neutral(fn, rhs):
        return lhs
    return rhs if fn not in ("sub", "div") and _is_neutral(fn, lhs) else None


def _kept_by_select(op: ops.SelectOp) -> SSAValue | None:
    held = _uniform(op.condition)
    if held is None:
        return None
    return op.on_true if held else op.on_false


def unchanged(op: ops.LpuOp) -> SSAValue | None:
    """The operand that the only result equals; None when it is not known to."""
    match op:
        case ops.MapOp():
            kept = _kept_by_map(op)
        case ops.SelectOp():
            kept = _kept_by_select(op)
        case ops.TransposeOp():
            kept = op.source if list(op.perm.data) == sorted(op.perm.data) else None
        case ops.CastOp() | ops.ReshapeOp() | ops.BroadcastOp():
            kept = op.source
        case _:
            kept = None
    return kept if kept is not None and kept.type == op.results[0].type else None


def _fill(element: Array, tensor: Tensor) -> ops.FillOp:
    properties = {"value": StringAttr(element.tobytes().hex())}
    return ops.FillOp.create(result_types=[TensorType(tensor)], properties=properties)


def filled(op: ops.LpuOp, scope: Scope) -> ops.LpuOp | None:
    """A fill that the operation equals: it is evaluated on one element of each operand."""
    held = tuple(element for v in op.operands if (element := _uniform(v)) is not None)
    if not isinstance(op, ALIKE) or not held or len(held) != len(op.operands):
        return None
    tensor = op.result_tensor()
    if isinstance(op, ops.MapOp | ops.SelectOp | ops.CastOp):
        return _fill(_on_scalars(op, held, scope), tensor)
    return _fill(held[0], tensor) if _same(held) else None


def _on_scalars(op: ops.LpuOp, held: tuple[Array, ...], scope: Scope) -> Array:
    """The operation on operands and a result of rank 0."""
    types = [tensor.with_dims(()) for tensor in op.operand_tensors()]
    scalar = type(op).create(
        operands=[_fill(e, t).result for e, t in zip(held, types, strict=True)],
        result_types=[TensorType(op.result_tensor().with_dims(()))],
        properties=op.properties,
    )
    (element,) = evaluate(scalar, held, scope)
    return element


def counted(op: ops.LpuOp) -> ops.LpuOp | None:
    """The running sum of an integer fill is an iota."""
    if not isinstance(op, ops.ScanOp):
        return None
    element, tensor = _uniform(op.source), op.result_tensor()
    if element is None or tensor.dtype not in (ElementType.I64, ElementType.I32):
        return None
    step = int(element)
    base = 0 if op.exclusive.value.data else step
    steps = [step if axis == op.axis.value.data else 0 for axis in range(tensor.rank)]
    attribute = AffineListAttr(tuple(map(Affine, (base, *steps))))
    return ops.IotaOp.create(result_types=[op.result.type], properties={"coefficients": attribute})


def _reshaped(weight: Weight, shape: tuple[int, ...]) -> Weight:
    return Reshape(weight.source if isinstance(weight, Reshape) else weight, shape)


def _transposed(weight: Weight, perm: tuple[int, ...]) -> Weight:
    if not isinstance(weight, Transpose):
        return Transpose(weight, perm)
    composed = tuple(weight.perm[p] for p in perm)
    return (
        weight.source if list(composed) == sorted(composed) else Transpose(weight.source, composed)
    )


def weighted(op: ops.LpuOp) -> ops.LpuOp | None:
    """A constant whose weight expression has taken the operation in."""
    if not isinstance(op, ops.UnaryOp) or not isinstance(op.source.owner, ops.ConstantOp):
        return None
    source, tensor = op.source.owner.value.data, op.result_tensor()
    match op:
        case ops.ReshapeOp() if tensor.is_static:
            weight = _reshaped(source, tensor.static_shape())
        case ops.TransposeOp():
            weight = _transposed(source, op.perm.data)
        case ops.CastOp():
            weight = Cast(source, tensor.dtype)
        case _:
            return None
    return _constant(weight, tensor)


def _constant(weight: Weight, tensor: Tensor) -> ops.ConstantOp:
    properties = {"value": WeightAttr(weight)}
    return ops.ConstantOp.create(result_types=[TensorType(tensor)], properties=properties)


def _content(value: SSAValue, scope: Scope) -> Array | None:
    """The elements of a constant of bounded size."""
    owner, tensor = value.owner, ops.tensor_of(value)
    if not isinstance(owner, ops.ConstantOp | ops.FillOp | ops.IotaOp) or not tensor.is_static:
        return None
    if tensor.elements.const > OPERAND_LIMIT:
        return None
    if isinstance(owner, ops.IotaOp) and not all(c.is_const for c in owner.coefficients.data):
        return None
    return evaluate(owner, (), scope)[0]


def _as_constant(array: Array, tensor: Tensor) -> ops.LpuOp:
    """A fill if all elements are equal, bit by bit; else a constant in the IR."""
    elements = {element.tobytes() for element in array.ravel()}
    if len(elements) == 1:
        return _fill(array.ravel()[0], tensor)
    return _constant(inline(array), tensor)


def _fits(op: ops.LpuOp, budget: int) -> bool:
    tensors = [ops.tensor_of(value) for value in op.results]
    return all(t.is_static and t.elements.const * t.dtype.itemsize <= budget for t in tensors)


def evaluated(op: ops.LpuOp, scope: Scope, budget: int) -> list[ops.LpuOp] | None:
    """Constants for all results; None when an operand is not known or a result too large."""
    if not _fits(op, budget) or isinstance(op, ops.FillOp | ops.IotaOp):
        return None
    if isinstance(op, ops.ConstantOp):
        constant = _as_constant(evaluate(op, (), scope)[0], op.result_tensor())
        return [constant] if isinstance(constant, ops.FillOp) else None
    contents = [_content(value, scope) for value in op.operands]
    known = [content for content in contents if content is not None]
    if len(known) != len(contents):
        return None
    arrays = evaluate(op, known, scope)
    return [_as_constant(a, ops.tensor_of(v)) for a, v in zip(arrays, op.results, strict=True)]


def folded(op: ops.LpuOp, scope: Scope, budget: int) -> list[ops.LpuOp] | None:
    """Operations without operands that give the results, tried from the smallest to the largest."""
    fill = filled(op, scope) or counted(op)
    if fill is not None:
        return [fill]
    weight = evaluated(op, scope, budget) or weighted(op)
    return [weight] if isinstance(weight, ops.LpuOp) else weight


def _location(op: Operation) -> LocationAttr:
    """The nodes of an operation and of the constants that it takes in."""
    names = [n for v in op.operands if isinstance(v.owner, Operation) for n in node_names(v.owner)]
    return location_of([*names, *node_names(op)])


def _replace(op: ops.LpuOp, constants: list[ops.LpuOp]) -> None:
    location, place = _location(op), InsertPoint.before(op)
    for old, constant in zip(op.results, constants, strict=True):
        constant.location = location
        Builder(place).insert(constant)
        constant.results[0].name_hint = old.name_hint
        old.replace_all_uses_with(constant.results[0])
    op.detach()
    op.erase()


def _replace_if_known(op: ops.LpuOp, scope: Scope, budget: int) -> None:
    try:
        constants = folded(op, scope, budget)
    except Trap:
        return
    except OSError as error:
        raise CompileError(f"cannot read the weights: {error}") from None
    if constants is not None:
        _replace(op, constants)


def fold(op: ops.LpuOp, scope: Scope, budget: int) -> None:
    """Replace one operation if what it gives is an operand or is known."""
    kept = unchanged(op)
    if kept is None:
        _replace_if_known(op, scope, budget)
        return
    op.results[0].replace_all_uses_with(kept)
    op.detach()
    op.erase()


@dataclass(frozen=True)
class LpuFoldConstantsPass(ModulePass):
    """Evaluate operations on constants; results up to `budget_bytes` stand in the IR."""

    name = "lpu-fold-constants"
    budget_bytes: int = INLINE_LIMIT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        scope = Scope({}, model_folder(op))
        for inner in list(op.walk()):
            if isinstance(inner, ops.LpuOp):
                fold(inner, scope, self.budget_bytes)
