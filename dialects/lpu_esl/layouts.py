"""
How what a device has of a value makes up the whole, in one form for each way to say it.

An axis is a row of atoms, the outermost first: parts, of which a device has one, and extents that
it has whole. Parts without padding are bits of the number of the device, so that `[32/4]` and
`[2/2:2, 2/2, 8]` are the same atoms: two bits and 8 elements. What has padding stays one atom, of
the fewest elements that say the same: `[30/4]` is `15/4` of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd

from dialects.affine import Affine, NotAffine
from dialects.lpu.types import TensorType
from runtime.sharding import Factor, Sharding

Atom = Factor | Affine
Axis = tuple[Atom, ...]

ONE = Affine(1)


@dataclass(frozen=True)
class Layout:
    """The atoms of each axis."""

    axes: tuple[Axis, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all devices have the same."""
        return not any(map(is_cut, self.axes))

    @property
    def is_possible(self) -> bool:
        """Whether no bit of the number of the device tells parts of two atoms apart."""
        used = 0
        for factor in (atom for axis in self.axes for atom in axis if isinstance(atom, Factor)):
            if used & factor.mesh:
                return False
            used |= factor.mesh
        return True

    def with_axis(self, index: int, axis: Axis) -> Layout:
        """The same but for one axis."""
        return Layout((*self.axes[:index], axis, *self.axes[index + 1 :]))

    def __str__(self) -> str:
        axes = (", ".join(map(str, axis)) for axis in self.axes)
        return f"[{', '.join(f'[{axis}]' for axis in axes)}]"


@dataclass(frozen=True)
class Pieces:
    """Values behind one another along an axis, each with a layout: what merged products give."""

    axis: int
    parts: tuple[tuple[Affine, Layout], ...]
    """How long each is on a device."""

    @property
    def lengths(self) -> tuple[Affine, ...]:
        return tuple(length for length, _ in self.parts)

    def __str__(self) -> str:
        return f"pieces {', '.join(str(layout) for _, layout in self.parts)}"


State = Layout | Pieces | None
"""What is known of a value; None is nothing but that devices may have different ones."""


def is_cut(axis: Axis) -> bool:
    """Whether a device has a part of an axis."""
    return any(isinstance(atom, Factor) for atom in axis)


def free(extent: Affine) -> Axis:
    """An axis that every device has whole."""
    return () if extent == ONE else (extent,)


def held(atom: Atom) -> Affine:
    """How many elements of an atom a device has."""
    return Affine(atom.each) if isinstance(atom, Factor) else atom


def normal(atoms: Iterable[Atom]) -> Axis:
    """Atoms in the one form, of parts and extents one inside of the other."""
    found: list[Atom] = []
    for atom in (inner for outer in atoms for inner in _split(outer)):
        last = found[-1] if found else None
        if isinstance(atom, Affine) and isinstance(last, Affine):
            try:
                found[-1] = last * atom
            except NotAffine:
                found.append(atom)
        elif atom != ONE:
            found.append(atom)
    return tuple(found)


def _split(atom: Atom) -> list[Atom]:
    """The bits of a factor, or its fewest elements, and what stands inside."""
    if isinstance(atom, Affine):
        return [atom]
    if atom.parts == 1:
        return [Affine(atom.extent)]
    if atom.extent % atom.parts:
        inner = gcd(atom.extent, atom.each)
        return [*_paired(atom.extent // inner, atom.parts, atom.stride), Affine(inner)]
    bits = range(atom.parts.bit_length() - 2, -1, -1)
    return [*(Factor(2, 2, atom.stride << bit) for bit in bits), Affine(atom.each)]


def _paired(extent: int, parts: int, stride: int) -> list[Atom]:
    """A factor with padding, and the bits inside of it where a device has one element."""
    if extent % 2 or extent > parts or parts == 2:
        return [Factor(extent, parts, stride)]
    return [*_paired(extent // 2, parts // 2, stride * 2), Factor(2, 2, stride)]


def whole(shape: Sequence[Affine]) -> Layout:
    """The layout of what all devices have."""
    return Layout(tuple(free(extent) for extent in shape))


def shared(sharding: Sharding, shape: Sequence[Affine]) -> Layout:
    """The layout of a tensor of these extents in parts."""
    pairs = zip(sharding.axes, shape, strict=True)
    return Layout(tuple(normal(axis) if axis else free(extent) for axis, extent in pairs))


def layout_of(kind: TensorType) -> Layout:
    """What a type says."""
    tensor = kind.whole
    return whole(tensor.shape) if kind.sharding is None else shared(kind.sharding, tensor.shape)


def flat(layout: Layout) -> Axis:
    """All axes as one: what a reshape keeps."""
    return normal(atom for axis in layout.axes for atom in axis)


def behind(axis: Axis, first: Axis) -> Axis | None:
    """What stands inside of `first`, which `axis` begins with; None if it does not."""
    rest = list(axis)
    for atom in first:
        if isinstance(atom, Factor) or not rest or isinstance(rest[0], Factor):
            if not rest or rest.pop(0) != atom:
                return None
            continue
        outer = rest[0]
        if not (outer.is_const and atom.is_const and atom.const and outer.const % atom.const == 0):
            return None
        rest[:1] = free(outer // atom.const)
    return tuple(rest)


def starts(axis: Axis, device: int) -> int | None:
    """Where the part of a device begins in an axis; None unless it is one part in a row."""
    cuts = [atom for atom in axis if isinstance(atom, Factor)]
    if axis[: len(cuts)] != tuple(cuts) or len(axis) > len(cuts) + 1:
        return None
    if any(cut.each > 1 for cut in cuts[:-1]):
        return None
    inner, place = 1, 0
    for atom in axis[len(cuts) :]:
        assert isinstance(atom, Affine)
        if cuts and not atom.is_const:
            return None
        inner = atom.const if cuts else 1
    for cut in reversed(cuts):
        place, inner = place + cut.coordinate(device) * cut.each * inner, inner * cut.extent
    return place
