"""
Follow the queries of an attention back through views, scalings and casts.

Scalings in f32 and views commute. Scaled queries are rounded at most once, to the type in which the
product reads them: where the walk has passed that, no other rounding is passed.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import CastOp
from dialects.lpu.movement import ReshapeOp, TransposeOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.matching import is_wide
from passes.lpu.raising.numbers import scaled
from passes.rewriting.build import Build

VIEWS = (ReshapeOp, TransposeOp)


class Query(NamedTuple):
    """`views` of `factor * base`, innermost last, spread over the batch axes of the product."""

    base: SSAValue
    views: tuple[ReshapeOp | TransposeOp, ...]
    factor: float
    spread: tuple[Affine, ...] | None = None
    """The extents that the product gives the base, where it is wider."""

    def rebuilt(self, build: Build, dims: tuple[Affine, ...]) -> SSAValue:
        """The views of the base, without its factor, as `[B, H, S, D]`."""
        value = self.base
        if self.spread is not None:
            return build.reshape(build.broadcast(value, self.spread), dims)
        if tensor_of(value).shape == dims and not any(
            isinstance(v, TransposeOp) for v in self.views
        ):
            return value
        for view in reversed(self.views):
            if isinstance(view, TransposeOp):
                value = build.transpose(value, view.perm.data)
            else:
                value = build.reshape(value, view.result_tensor().shape)
        return build.reshape(value, dims)


def query_of(product: MatmulOp) -> Query:
    """What the left side of a product is made from."""
    lhs, result = tensor_of(product.lhs), product.result_tensor()
    spread = (*result.shape[:-1], lhs.shape[-1])
    if lhs.shape != spread:
        return Query(product.lhs, (), 1.0, spread)
    return _followed(product.lhs)


def _followed(value: SSAValue) -> Query:
    views: list[ReshapeOp | TransposeOp] = []
    result, factor, is_rounded = Query(value, (), 1.0), 1.0, is_wide(value)
    while True:
        op, rounds = value.owner, _rounds(value)
        above = None if rounds and is_rounded else scaled(value)
        if above is not None:
            value, factor = above[0], factor * above[1]
        elif isinstance(op, CastOp) and not (rounds and is_rounded) and _is_exact(op, rounds):
            value = op.source
        elif isinstance(op, ReshapeOp) and not views:
            value, rounds = op.source, False
        elif isinstance(op, VIEWS):
            views.append(op)
            value = op.source
            continue
        else:
            return result
        is_rounded = is_rounded or rounds
        result = Query(value, tuple(views), factor)


def _rounds(value: SSAValue) -> bool:
    """Whether what gives a value may round it: it has a short type."""
    return not is_wide(value)


def _is_exact(cast: CastOp, rounds: bool) -> bool:
    """Whether a cast widens, or rounds what is f32."""
    source = cast.source_tensor().dtype
    return is_wide(cast.source) if rounds else source.is_float
