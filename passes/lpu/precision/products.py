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
from passes.lpu.precision.whole import multiply_whole
from passes.lpu.raising.matching import is_parameter, only_user
from passes.lpu.raising.numbers import scaled
from passes.rewriting.build import Build
from passes.rewriting.fused_build import FusedBuild
from passes.rewriting.kernel import erase_unread, replace
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
    if dtype == F32 and multiply_whole(op, forms):
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
    lhs, rhs = op.lhs, op.rhs
    chain, factor = _scaled(op)
    columns, number = without_scale(rhs)
    if factor * number != 1:
        rows, other = without_scale(lhs)
        build, rhs = Build(op), columns
        rows = forms.widened(rows)
        lhs = build.map("mul", rows, build.scalar(factor * number * other, F32))
    build = FusedBuild.over(op, (op, chain[-1])) if len(chain) > 1 else Build(op)
    operands = forms.demoted(lhs, short), forms.demoted(rhs, short)
    long = build.matmul(*operands, F32)
    for view in chain[1:-1]:
        long = clone(view, [long])
    _put(chain[-1].results[0], long, forms)
    erase_unread(chain[:1])


def _put(result: SSAValue, long: SSAValue, forms: Forms) -> None:
    """
    Let a value in f32 be read in the place of another, rounded if that is short.

    What has another meaning, a product that is still to be scaled, stays what it is.
    """
    dtype = tensor_of(result).dtype
    if dtype != F32:
        forms.rounds(result, long, dtype)
        return
    if result in forms.tainted:
        forms.tainted.add(long)
    replace(result, long)


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


def _scaled(op: MatmulOp) -> tuple[list[Operation], float]:
    """A product, the view of it and what multiplies that by a number, and the number."""
    chain: list[Operation] = [op]
    user: Operation | None = only_user(op.result)
    if isinstance(user, ReshapeOp):
        chain.append(user)
        user = only_user(user.result)
    above = scaled(user.result) if isinstance(user, MapOp) else None
    if user is None or above is None or above[0] != chain[-1].results[0]:
        return [op], 1.0
    return [*chain, user], above[1]
