"""A number in [0, 1) from a seed and a position: the output function of SplitMix64."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

GAMMA = 0x9E3779B97F4A7C15
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""How far the bits move down before the product, and the factor."""


def _word(build: Build, value: int) -> SSAValue:
    """64 bits as an i64 of shape `[1]`."""
    signed = value - (1 << 64) if value >= 1 << 63 else value
    return build.fill(signed, (1,), ElementType.I64)


def _mixed(build: Build, bits: SSAValue, shift: int) -> SSAValue:
    """`bits ^ bits >> shift`."""
    return build.map("xor", bits, build.map("shr", bits, _word(build, shift)))


def uniform(build: Build, seed: SSAValue, position: Affine) -> SSAValue:
    """An f32 `[1]` with 24 random bits; `seed` is i64 `[1]`."""
    place = build.iota(position + 1, (0,), (1,))
    bits = build.map("add", seed, build.map("mul", place, _word(build, GAMMA)))
    for shift, factor in ROUNDS:
        bits = build.map("mul", _mixed(build, bits, shift), _word(build, factor))
    high = build.map("shr", _mixed(build, bits, 31), _word(build, 40))
    scale = build.fill(2.0**-24, tensor_of(high).shape, ElementType.F32)
    return build.map("mul", build.cast(high, ElementType.F32), scale)
