"""
Evaluation of what is known: the rules of `lpu-fold-constants`, which `lpu-fold-indices` shares.

`fold` replaces one operation by an operand that it equals, or by operations without operands.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Operation, SSAValue

from dialects.errors import CompileError, location_names, location_of
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp, IotaOp, MapOp, SelectOp
from dialects.lpu.facts import Form, facts_of
from dialects.lpu.movement import BroadcastOp, ReshapeOp, SliceOp, TransposeOp
from dialects.lpu.products import ReduceOp
from dialects.lpu.semantics import Array, Scope, evaluate
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import Weight, WeightAttr, inline
from dialects.reading import operands_of
from passes.lpu.folding.facts import Facts
from passes.lpu.folding.indices import counted, fill_of
from passes.rewriting.kernel import insert, locate, substitute
from runtime.numerics.elements import ElementType
from runtime.traps import Trap

OPERAND_LIMIT = 1 << 16
"""Largest operand, in elements, that is read to evaluate an operation."""

SUMMED_LIMIT = 1 << 27
"""The same where integers are summed: those of a weight of bytes, for its zero point."""

NEUTRAL: dict[str, float] = {"mul": 1, "div": 1, "and": -1, "or": 0, "add": 0, "sub": 0}
"""Right operands that change nothing; those of `add` and `sub` on integers only (-0.0 + 0)."""


def _uniform(value: SSAValue) -> Array | None:
    """The element that a value holds everywhere, as an array of rank 0."""
    owner = value.owner
    return fill_value(owner) if type(owner) is FillOp else None


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
    held = _uniform(value)
    if held is None:
        return False
    neutral = _neutral(fn, tensor_of(value).dtype)
    return neutral is not None and _same((held, neutral))


def _kept_by_map(op: MapOp) -> SSAValue | None:
    if len(op.operands) != 2:
        return None
    fn, (lhs, rhs) = op.fn.data, op.operands
    if _is_neutral(fn, rhs):
        return lhs
    return rhs if fn not in ("sub", "div") and _is_neutral(fn, lhs) else None


def _kept_by_select(op: SelectOp) -> SSAValue | None:
    held = _uniform(op.condition)
    if held is None:
        return None
    return op.on_true if held else op.on_false


def unchanged(op: LpuOp) -> SSAValue | None:
    """The operand that the only result equals; None when it is not known to."""
    if not op.FACTS.is_uniform:
        return None
    match op:
        case MapOp():
            kept = _kept_by_map(op)
        case SelectOp():
            kept = _kept_by_select(op)
        case TransposeOp():
            kept = op.source if list(op.perm.data) == sorted(op.perm.data) else None
        case CastOp() | ReshapeOp() | BroadcastOp():
            kept = op.source
        case _:
            kept = None
    return kept if kept is not None and kept.type == op.results[0].type else None


def filled(op: LpuOp, scope: Scope) -> LpuOp | None:
    """A fill that the operation equals: it is evaluated on one element of each operand."""
    if not op.FACTS.is_uniform:
        return None
    held = tuple(element for v in op.operands if (element := _uniform(v)) is not None)
    if not held or len(held) != len(op.operands):
        return None
    tensor = op.result_tensor()
    if op.FACTS.form is Form.ELEMENTWISE:
        return fill_of(_on_scalars(op, held, scope), TensorType(tensor))
    return fill_of(held[0], TensorType(tensor)) if _same(held) else None


def _on_scalars(op: LpuOp, held: tuple[Array, ...], scope: Scope) -> Array:
    """The operation on operands and a result of rank 0."""
    types = [tensor.with_dims(()) for tensor in op.operand_tensors()]
    scalar = type(op).create(
        operands=[fill_of(e, TensorType(t)).result for e, t in zip(held, types, strict=True)],
        result_types=[TensorType(op.result_tensor().with_dims(()))],
        properties=op.properties,
    )
    (element,) = evaluate(scalar, held, scope)
    return element


def weighted(op: LpuOp) -> LpuOp | None:
    """A constant whose weight expression has taken the operation in."""
    rule = op.FACTS.weight
    if rule is None or not isinstance(source := op.operands[0].owner, ConstantOp):
        return None
    weight = rule(op, source.value.data)
    return None if weight is None else _constant(weight, op.result_tensor())


def _constant(weight: Weight, tensor: Tensor) -> ConstantOp:
    properties = {"value": WeightAttr(weight)}
    return ConstantOp.create(result_types=[TensorType(tensor)], properties=properties)


def _limit(op: LpuOp) -> int:
    """How many elements an operand may have that an operation is evaluated on."""
    summed = isinstance(op, ReduceOp) and op.result_tensor().dtype.is_int
    return SUMMED_LIMIT if summed else OPERAND_LIMIT


def _content(value: SSAValue, scope: Scope, limit: int) -> Array | None:
    """The elements of a constant of bounded size."""
    owner, tensor = value.owner, tensor_of(value)
    if not isinstance(owner, LpuOp) or not owner.FACTS.is_source or not tensor.is_static:
        return None
    if tensor.elements.const > limit:
        return None
    if isinstance(owner, IotaOp) and not all(c.is_const for c in owner.coefficients.data):
        return None
    return evaluate(owner, (), scope)[0]


def _as_constant(array: Array, tensor: Tensor) -> LpuOp:
    """A fill if all elements are equal, bit by bit; else a constant in the IR."""
    elements = {element.tobytes() for element in array.ravel()}
    if len(elements) == 1:
        return fill_of(array.ravel()[0], TensorType(tensor))
    return _constant(inline(array), tensor)


def _fits(op: LpuOp, budget: int) -> bool:
    if isinstance(op, SliceOp) and not all(offset.is_const for offset in op.offsets.data):
        return False
    tensors = [tensor_of(value) for value in op.results]
    return all(t.is_static and t.elements.const * t.dtype.itemsize <= budget for t in tensors)


def evaluated(op: LpuOp, scope: Scope, budget: int) -> list[LpuOp] | None:
    """Constants for all results; None when an operand is not known or a result too large."""
    is_short = op.FACTS.is_source and not isinstance(op, ConstantOp)
    if is_short or not _fits(op, budget):
        return None
    if isinstance(op, ConstantOp):
        constant = _as_constant(evaluate(op, (), scope)[0], op.result_tensor())
        return [constant] if isinstance(constant, FillOp) else None
    contents = [_content(value, scope, _limit(op)) for value in op.operands]
    known = [content for content in contents if content is not None]
    if len(known) != len(contents):
        return None
    arrays = evaluate(op, known, scope)
    return [_as_constant(a, tensor_of(v)) for a, v in zip(arrays, op.results, strict=True)]


def folded(op: LpuOp, scope: Scope, budget: int, facts: Facts | None) -> list[LpuOp] | None:
    """Operations without operands that give the results, tried from the smallest to the largest."""
    known = all([facts_of(value.owner).is_source for value in operands_of(op)])
    fill = (filled(op, scope) or counted(op)) if known else None
    if fill is None and facts is not None:
        fill = facts.known(op)
    if fill is not None or not known:
        return None if fill is None else [fill]
    weight = evaluated(op, scope, budget) or weighted(op)
    return [weight] if isinstance(weight, LpuOp) else weight


def _location(op: Operation) -> LocationAttr:
    """The nodes of an operation and of the constants that it takes in."""
    owners = [value.owner for value in op.operands if isinstance(value.owner, Operation)]
    return location_of(name for one in (*owners, op) for name in location_names(one.location))


def _replace(op: LpuOp, constants: list[LpuOp]) -> None:
    location = _location(op)
    for constant in constants:
        locate(constant, location)
        insert(constant, op)
    substitute(op, [constant.results[0] for constant in constants])


def _replace_if_known(op: LpuOp, scope: Scope, budget: int, facts: Facts | None) -> None:
    try:
        constants = folded(op, scope, budget, facts)
    except (Trap, FileNotFoundError):  # weights may be absent when only a prediction is wanted
        return
    except OSError as error:
        raise CompileError(f"cannot read the weights: {error}") from None
    if constants is not None:
        _replace(op, constants)


def fold(op: LpuOp, scope: Scope, budget: int, facts: Facts | None = None) -> None:
    """Replace one operation if what it gives is an operand or is known."""
    kept = unchanged(op)
    if kept is None and facts is not None:
        kept = facts.kept(op)
    if kept is None:
        _replace_if_known(op, scope, budget, facts)
        return
    substitute(op, [kept])
