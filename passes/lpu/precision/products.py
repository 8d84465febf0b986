"""
Where a product of two computed tensors rounds: in its operands, and nowhere else.

Scores of attention are such a product. Its result stays f32; numbers that its operands and its
result are multiplied with go to the left operand, before that is rounded. So nothing is done to
every key, and nothing is rounded twice.
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import CastOp, MapOp
from dialects.lpu.movement import GatherOp, ReshapeOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import LpuOp, UnaryOp, tensor_of
from passes.lpu.precision.forms import F32, Forms, clone
from passes.lpu.raising.matching import is_parameter, only_user
from passes.lpu.raising.numbers import scaled
from passes.rewriting.build import Build
from passes.rewriting.kernel import replace, substitute
from runtime.numerics.elements import ElementType


def multiply(op: MatmulOp, forms: Forms) -> None:
    """Demote a product of f32 that depends on data; round one of short operands no more than it."""
    dtypes = {t.dtype for t in op.operand_tensors()}
    if len(dtypes) != 1:
        return
    (dtype,) = dtypes
    short = forms.short if dtype == F32 else dtype
    if not dtype.is_float or (dtype == F32 and not forms.tainted & set(op.operands)):
        return
    if not _is_stored(op.rhs):
        _multiply_computed(op, forms, short)
    elif dtype == F32:
        build = Build(op)
        operands = forms.demoted(op.lhs, short), forms.demoted(op.rhs, short)
        forms.lengthens(op, build.matmul(*operands))


def _is_stored(value: SSAValue) -> bool:
    """Whether a value is a weight, or what is looked up in one."""
    while isinstance(op := value.owner, UnaryOp | GatherOp) and _is_moved(op):
        value = op.source
    return is_parameter(value)


def _is_moved(op: LpuOp) -> bool:
    """Whether elements are moved or cast."""
    return op.FACTS.moves or isinstance(op, CastOp | GatherOp)


def _multiply_computed(op: MatmulOp, forms: Forms, short: ElementType) -> None:
    lhs, rhs, factor = op.lhs, op.rhs, _take_scale(op)
    columns, number = without_scale(rhs)
    if factor * number != 1:
        rows, other = without_scale(lhs)
        build, rhs = Build(op), columns
        rows = forms.widened(rows)
        lhs = build.map("mul", rows, build.scalar(factor * number * other, F32))
    build = Build(op)
    operands = forms.demoted(lhs, short), forms.demoted(rhs, short)
    long = build.matmul(*operands, F32)
    if tensor_of(op.result).dtype == F32:
        if op.result in forms.tainted:
            forms.tainted.add(long)
        substitute(op, [long])
    else:
        forms.rounds(op, long, tensor_of(op.result).dtype)


def without_scale(value: SSAValue) -> tuple[SSAValue, float]:
    """`(x, f)` when a value is views of `x * f`; with f = 1 the value itself."""
    above, op = scaled(value), value.owner
    if above is not None:
        inner, factor = without_scale(above[0])
        return inner, factor * above[1]
    if isinstance(op, UnaryOp) and op.FACTS.moves:
        inner, factor = without_scale(op.source)
        return (value, 1.0) if factor == 1 else (clone(op, [inner]), factor)
    return value, 1.0


def _take_scale(op: MatmulOp) -> float:
    """The number that alone multiplies the result of a product, which it is taken from."""
    value: SSAValue = op.result
    user: Operation | None = only_user(value)
    if isinstance(user, ReshapeOp):
        value, user = user.result, only_user(user.result)
    above = scaled(user.result) if isinstance(user, MapOp) else None
    if user is None or above is None or above[0] != value:
        return 1.0
    replace(user.results[0], value)
    return above[1]
