"""Small terms that lowerings are made of: widening, scalars, extents as values."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.lpu.tensors import tensor_of
from passes.analysis.extents import Undecided
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def wide(b: Build, value: SSAValue) -> SSAValue:
    """f16 and bf16 as f32: temporaries inside of an expansion are f32."""
    return b.cast(value, ElementType.F32) if tensor_of(value).dtype.is_float else value


def as_float(b: Build, value: SSAValue) -> SSAValue:
    return b.cast(value, ElementType.F32)


def constant(b: Build, value: float, like: SSAValue) -> SSAValue:
    """A scalar of the element type of `like`."""
    return b.scalar(value, tensor_of(like).dtype)


def extent(b: Build, value: Affine) -> SSAValue:
    """A dimension as an i64 scalar."""
    return b.scalar(value.const, ElementType.I64) if value.is_const else b.iota(value, (), ())


def elements(dims: Sequence[Affine]) -> Affine:
    """The product of dimensions; refused when two of them depend on symbols."""
    try:
        return product(dims)
    except NotAffine as error:
        raise Undecided(f"the number of elements {error} is a product of symbols") from None


def strides(dims: Sequence[Affine]) -> list[Affine]:
    """Row-major strides in elements."""
    return [elements(dims[axis + 1 :]) for axis in range(len(dims))]


def along(b: Build, rank: int, axis: int, length: Affine) -> SSAValue:
    """0, 1, 2, ... along one axis, so that it broadcasts along the others."""
    coefficients = [int(i == axis) for i in range(rank)]
    return b.iota(0, coefficients, [length if i == axis else 1 for i in range(rank)])


def repeated(b: Build, x: SSAValue, axis: int, count: int, length: Affine) -> SSAValue:
    """Each element along an axis `count` times; of that the first `length`."""
    dims = tensor_of(x).shape
    lead, rest = dims[: axis + 1], dims[axis + 1 :]
    spread = b.broadcast(b.reshape(x, (*lead, 1, *rest)), (*lead, count, *rest))
    whole = b.reshape(spread, (*dims[:axis], dims[axis] * count, *rest))
    return b.slice_axis(whole, axis, 0, length)


def flipped(b: Build, x: SSAValue, axis: int) -> SSAValue:
    """The elements along an axis, the last one first."""
    length = tensor_of(x).shape[axis]
    return b.gather(x, b.iota(length - 1, (-1,), (length,)), axis)
