"""
Follow the axes of an operand back through reshapes, transposes and broadcasts.

A product reads keys as `[.., D, T]`; what it reads is often a transposed, repeated, scaled view of
`[B, Hk, T, D]`. The walk goes from the product up, and keeps for each axis of the value it is at
which *atoms* lie there: whole axes of the product, or factors of its batch axes. An atom that a
broadcast made is gone above it: query heads that share a key head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.lpu.elementwise import CastOp
from dialects.lpu.movement import BroadcastOp, ReshapeOp, TransposeOp
from dialects.lpu.tensors import UnaryOp, tensor_of
from passes.lpu.raising.numbers import scaled
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

ONE = Affine(1)
BATCH, FIRST, SECOND = 0, 1, 2
"""Kinds of atoms, in the order in which `[batch.., first, second]` holds them."""


@dataclass(frozen=True, order=True)
class Atom:
    """A factor of an axis; `path` orders the factors of one kind, outermost first."""

    kind: int
    path: tuple[int, ...]
    extent: Affine = field(compare=False)


Axes = tuple[tuple[Atom, ...], ...]
"""The atoms of each axis; none where the extent is 1."""


class Trace(NamedTuple):
    """A value above a product, which atoms lie on its axes, and what is in between."""

    value: SSAValue
    axes: Axes
    gone: tuple[Atom, ...]
    operand: ElementType
    """The type in which the product reads it."""
    rounded: ElementType = ElementType.F32
    """The shorter type that it is rounded to on the way; f32 if it is not."""
    factor: float | None = 1.0
    """What it is multiplied with; None where that must stay."""
    views: tuple[tuple[SSAValue, Axes], ...] = ()

    @property
    def atoms(self) -> list[Atom]:
        return [atom for axis in self.axes for atom in axis]

    def typed(self, build: Build, value: SSAValue) -> SSAValue:
        """A value at the top in the type in which the product reads it, rounded as on the way."""
        if self.rounded is not ElementType.F32:
            value = build.cast(value, self.rounded)
        return build.cast(value, self.operand)

    @property
    def shared(self) -> Affine | None:
        """The batch elements that are left; None when those gone are not the innermost ones."""
        left = [atom for atom in self.atoms if atom.kind == BATCH]
        if left and self.gone and max(left) > min(self.gone):
            return None
        return product(atom.extent for atom in left)


def start(
    value: SSAValue,
    batch: Sequence[Affine],
    kinds: tuple[int, int],
    factor: float | None,
) -> Trace:
    """At an operand of a product with these batch axes; `kinds` are those of its last two axes."""
    dims = tensor_of(value).shape
    lead = len(batch) - (len(dims) - 2)
    whole = [Atom(BATCH, (axis,), extent) for axis, extent in enumerate(batch)]
    present = [d != ONE for d in dims[:-2]]
    kept = [whole[lead + i] for i, there in enumerate(present) if there]
    gone = tuple(atom for atom in whole if atom.extent != ONE and atom not in kept)
    axes = [(whole[lead + i],) if there else () for i, there in enumerate(present)]
    axes += [
        (Atom(kind, (), d),) if d != ONE else () for kind, d in zip(kinds, dims[-2:], strict=True)
    ]
    views = ((value, tuple(axes)),)
    operand = tensor_of(value).dtype
    return Trace(value, tuple(axes), gone, operand, factor=factor, views=views)


def follow(trace: Trace) -> Trace:
    """As far up as views, casts and products with numbers go."""
    while (above := _step(trace)) is not None:
        trace = above
    return trace


def _step(trace: Trace) -> Trace | None:
    op = trace.value.owner
    above = scaled(trace.value) if trace.factor is not None and _is_unrounded(trace) else None
    if above is not None:
        assert trace.factor is not None
        source, number = above
        factor = trace.factor * number
        return trace._replace(value=source, factor=factor, views=((source, trace.axes),))
    if isinstance(op, CastOp):
        rounded = _rounded(op, trace.rounded)
        if rounded is None:
            return None
        views = ((op.source, trace.axes),)
        return trace._replace(value=op.source, rounded=rounded, views=views)
    moved, gone = None, trace.gone
    if isinstance(op, TransposeOp):
        moved = _untransposed(trace.axes, op.perm.data)
    elif isinstance(op, ReshapeOp):
        moved = _distributed(trace.atoms, op.source_tensor().shape)
    elif isinstance(op, BroadcastOp):
        moved, more = _unspread(trace.axes, op.source_tensor().shape)
        gone = (*gone, *more)
    if moved is None or not isinstance(op, UnaryOp):
        return None
    if any(atom.kind != BATCH for atom in gone):
        return None
    views = (*trace.views, (op.source, moved))
    return trace._replace(value=op.source, axes=moved, gone=gone, views=views)


def _is_unrounded(trace: Trace) -> bool:
    """Whether a product above a value is one in f32, and nothing rounds below."""
    f32 = ElementType.F32
    return trace.rounded is f32 and tensor_of(trace.value).dtype is f32


def _rounded(cast: CastOp, below: ElementType) -> ElementType | None:
    """What a cast and the rounding below it round to; None if that is not one type."""
    source, result = cast.source_tensor().dtype, cast.result_tensor().dtype
    if not source.is_float:
        return None
    if result is ElementType.F32:
        return below
    return result if below in (ElementType.F32, result) else None


def _untransposed(axes: Axes, perm: tuple[int, ...]) -> Axes:
    return tuple(axes[perm.index(axis)] for axis in range(len(axes)))


def _unspread(axes: Axes, dims: tuple[Affine, ...]) -> tuple[Axes, list[Atom]]:
    """The axes in front of a broadcast, and the atoms that it made."""
    lead = len(axes) - len(dims)
    made = [atom for axis in axes[:lead] for atom in axis]
    kept: list[tuple[Atom, ...]] = []
    for axis, extent in zip(axes[lead:], dims, strict=True):
        made += axis if extent == ONE else ()
        kept.append(() if extent == ONE else axis)
    return tuple(kept), made


def _distributed(atoms: list[Atom], dims: tuple[Affine, ...]) -> Axes | None:
    """The atoms, in order, on axes of other extents; batch atoms split where they must."""
    rest, axes = list(reversed(atoms)), list[tuple[Atom, ...]]()
    for extent in dims:
        axis: list[Atom] = []
        while extent != ONE:
            if not rest:
                return None
            atom = rest.pop()
            left = _quotient(extent, atom.extent)
            if left is None:
                inner = _quotient(atom.extent, extent)
                if inner is None or atom.kind != BATCH:
                    return None
                rest.append(Atom(BATCH, (*atom.path, 1), inner))
                atom, left = Atom(BATCH, (*atom.path, 0), extent), ONE
            axis.append(atom)
            extent = left
        axes.append(tuple(axis))
    return None if rest else tuple(axes)


def _quotient(a: Affine, b: Affine) -> Affine | None:
    """`a / b` when it is a whole number, whatever the symbols are, or `b` is one."""
    if a == b:
        return ONE
    if b.is_const:
        try:
            return a // b.const if b.const > 1 else None
        except NotAffine:
            return None
    name, coefficient = b.terms[0]
    count = dict(a.terms).get(name, 0) // coefficient
    return Affine(count) if count > 1 and b * count == a else None


def arranged(build: Build, trace: Trace, dims: Sequence[Affine]) -> SSAValue:
    """The value at the top of a trace as `[batch.., first, second]`, with these extents."""
    for value, axes in reversed(trace.views):
        atoms = [atom for axis in axes for atom in axis]
        gone_later = len(atoms) != len(trace.atoms)
        if tensor_of(value).shape == tuple(dims) and not gone_later and atoms == sorted(atoms):
            return value
    atoms = trace.atoms
    flat = build.reshape(trace.value, [atom.extent for atom in atoms])
    order = sorted(range(len(atoms)), key=atoms.__getitem__)
    return build.reshape(build.transpose(flat, order), dims)
