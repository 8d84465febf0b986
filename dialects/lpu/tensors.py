"""
What operations of the `lpu` level have in common, and the arithmetic of their extents.

Every operation is pure; operands broadcast nowhere but in `map`, `select` and the batch axes of
`matmul`, by numpy's rules. Rank changes happen in `reshape` alone: `reduce` and `slice` keep the
rank. Numpy semantics of each are in `dialects.lpu.semantics`, under the same name.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from dialects.affine import Affine, Differ
from dialects.lpu.facts import Facts
from dialects.lpu.types import Tensor, TensorType
from dialects.refusal import refuse, require
from runtime.sharding import Sharding

Array = np.ndarray[Any, np.dtype[Any]]

ONE = Affine(1)


def tensor_of(value: SSAValue) -> Tensor:
    """The tensor type of a value of the levels `onnx` and `lpu`."""
    assert isinstance(value.type, TensorType), f"not a tensor: {value.type}"
    return value.type.data


def whole_of(value: SSAValue) -> Tensor:
    """What all devices hold of a value together."""
    assert isinstance(value.type, TensorType), f"not a tensor: {value.type}"
    return value.type.whole


def sharding_of(value: SSAValue) -> Sharding | None:
    """How a value lies on several devices; None unless each holds a part of it."""
    assert isinstance(value.type, TensorType), f"not a tensor: {value.type}"
    return value.type.sharding


class LpuOp(IRDLOperation):
    """What all tensor operations share: purity, facts, typed access to operand and result types."""

    traits = traits_def(Pure())
    FACTS: ClassVar[Facts]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            missing = cls.__dict__.get("FACTS", Facts()).missing
            assert not missing, f"{cls.name} does not state: {', '.join(missing)}"

    def operand_tensors(self) -> tuple[Tensor, ...]:
        return tuple(tensor_of(operand) for operand in self.operands)

    def result_tensor(self) -> Tensor:
        return tensor_of(self.results[0])

    def require(self, holds: bool, message: str) -> None:
        require(self, holds, message)

    def verify_(self) -> None:
        tensors = (*self.operand_tensors(), *[tensor_of(result) for result in self.results])
        known = all([t.is_resolved for t in tensors])
        self.require(known, "every extent of operands and results is known")
        fits = known and all([d.const >= 0 for t in tensors for d in t.shape if not d.terms])
        self.require(fits, "no extent is negative")
        self.verify_tensors()

    def verify_tensors(self) -> None:
        """What the operation demands of its tensors and properties."""


class CollectiveOp(LpuOp):
    """What several devices compute together: the results are the same on all."""

    @abstractmethod
    def together(self, operands: Sequence[Sequence[Array]]) -> tuple[Array, ...]:
        """The results, from the operands of each device."""


class UnaryOp(LpuOp):
    """One tensor in, one tensor out."""

    source = operand_def(TensorType)
    result = result_def(TensorType)

    def source_tensor(self) -> Tensor:
        return tensor_of(self.source)


def broadcast(*shapes: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """Numpy's broadcast of affine shapes; `Differ` where two extents cannot be shown equal."""
    if len(set(shapes)) == 1:
        return shapes[0]
    rank = max((len(s) for s in shapes), default=0)
    padded = [(ONE,) * (rank - len(s)) + s for s in shapes]
    return tuple([_broadcast_extent(column) for column in zip(*padded, strict=True)])


def _broadcast_extent(extents: tuple[Affine, ...]) -> Affine:
    wide = ONE
    for extent in extents:
        if extent in (ONE, wide):
            continue
        if wide != ONE:
            first, second = sorted((wide, extent))
            raise Differ(f"extents {first} and {second} do not broadcast", first, second)
        wide = extent
    return wide


def joined(op: LpuOp, *shapes: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """The broadcast of shapes; the operation is refused where there is none."""
    try:
        return broadcast(*shapes)
    except ValueError as error:
        refuse(op, f"operands that do not fit one another: {error}")


def verify_broadcast(op: LpuOp) -> None:
    shape = joined(op, *(t.shape for t in op.operand_tensors()))
    fits = shape == op.result_tensor().shape
    op.require(fits, f"the operands broadcast to {shape_text(shape)}")


def shape_text(shape: tuple[Affine, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def same_elements(a: tuple[Affine, ...], b: tuple[Affine, ...]) -> bool:
    """Whether two shapes hold equally many elements whatever the symbols are."""
    rest_a, rest_b = [d for d in a if d != Affine(1)], [d for d in b if d != Affine(1)]
    for extent in [d for d in rest_a if not d.is_const]:
        if extent in rest_b:
            rest_a.remove(extent)
            rest_b.remove(extent)
    return _elements(rest_a) == _elements(rest_b)


def _elements(extents: list[Affine]) -> tuple[Affine, ...]:
    """Canonical product: constant factor merged into the first symbolic extent."""
    const = 1
    for extent in extents:
        const *= extent.const if extent.is_const else 1
    symbolic = sorted(e for e in extents if not e.is_const)
    if const == 0 or not symbolic:
        return (Affine(const),)
    return (symbolic[0] * const, *symbolic[1:])
