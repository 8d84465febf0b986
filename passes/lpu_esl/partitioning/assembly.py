"""Put the parts that were gathered from all devices in their places, without padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine, AffineLike
from dialects.lpu.types import Tensor
from passes.rewriting.build import Build
from runtime.sharding import Factor, Sharding

Piece = tuple[Factor | None, Affine]
"""A factor of an axis, or a whole axis, and the extent that a device holds of it."""


def assemble(b: Build, gathered: SSAValue, whole: Tensor, sharding: Sharding) -> SSAValue:
    """Of `[devices, what each holds]` the whole tensor: views, unless padding is in between."""
    mesh, pieces = _mesh(sharding), list(_pieces(sharding, whole.shape))
    sizes = [1 if factor is None else factor.parts for factor in mesh]
    value = b.reshape(gathered, [*_mesh_sizes(sharding), *(each for _, each in pieces)])
    for axis, size in enumerate(sizes):
        value = b.slice_axis(value, axis, 0, size)
    value = b.transpose(value, _order(mesh, pieces))
    value = b.reshape(value, [_padded(piece) for piece in pieces])
    for axis, (factor, _) in enumerate(pieces):
        if factor is not None:
            value = b.slice_axis(value, axis, 0, factor.extent)
    return b.reshape(value, whole.shape)


def _mesh(sharding: Sharding) -> list[Factor | None]:
    """The axes of the mesh from the outside: the factor that uses each, None where none does."""
    used = {factor.stride: factor for factor in sharding.factors if factor.parts > 1}
    found: list[Factor | None] = []
    stride = 1
    while stride < sharding.devices:
        factor = used.get(stride)
        found.append(factor)
        stride *= 2 if factor is None else factor.parts
    return found[::-1]


def _mesh_sizes(sharding: Sharding) -> list[int]:
    return [2 if factor is None else factor.parts for factor in _mesh(sharding)]


def _pieces(sharding: Sharding, shape: Sequence[Affine]) -> Iterator[Piece]:
    for axis, extent in zip(sharding.axes, shape, strict=True):
        if axis:
            yield from ((factor, Affine(factor.each)) for factor in axis)
        else:
            yield None, extent


def _order(mesh: Sequence[Factor | None], pieces: Sequence[Piece]) -> list[int]:
    """Axes of the mesh that nothing uses, then each piece behind the axis that it is cut over."""
    order = [axis for axis, factor in enumerate(mesh) if factor is None]
    for index, (factor, _) in enumerate(pieces):
        if factor is not None and factor.parts > 1:
            order.append(mesh.index(factor))
        order.append(len(mesh) + index)
    return order


def _padded(piece: Piece) -> AffineLike:
    factor, each = piece
    return each if factor is None else each * factor.parts
