"""A valid node made wrong in one place: an operand, its contents, an attribute, the interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.fuzz.invalid.attributes import changed_attributes
from benchmarks.fuzz.invalid.node import Array, Node, Operand

TYPES = ("float32", "float16", "float64", "int64", "int32", "int8", "uint8", "bool")
FAR = (1 << 20, 1 << 31, (1 << 31) + 1, 1 << 40, (1 << 62) - 1, -(1 << 63))
"""Integers that are no index, length or axis of a small tensor."""


@dataclass(frozen=True)
class Mutant:
    """A node and what was done to it: where, and how."""

    node: Node
    where: str
    how: str

    @property
    def label(self) -> str:
        return f"{self.where}: {self.how}"


def refilled(array: Array, shape: tuple[int, ...]) -> Array:
    """The same elements over and over in another shape."""
    count = int(np.prod(shape))
    filled = np.resize(array.ravel(), count) if array.size else np.zeros(count)
    return filled.astype(array.dtype).reshape(shape)


def _shapes(shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each extent one more, one less, nothing; an axis more and one less; no axes."""
    for axis, extent in enumerate(shape):
        for how, other in (("+ 1", extent + 1), ("- 1", extent - 1), ("= 0", 0), ("= 1", 1)):
            if other >= 0 and other != extent and (how != "- 1" or other > 0):
                yield f"extent {axis} {how}", (*shape[:axis], other, *shape[axis + 1 :])
    yield "an axis of 1 before", (1, *shape)
    yield "an axis of 1 behind", (*shape, 1)
    if shape:
        yield "the first axis gone", shape[1:]
    if len(shape) > 1:
        yield "the last axis gone", shape[:-1]
        yield "no axes", ()


def _contents(array: Array) -> Iterator[tuple[str, Array]]:
    """Integers out of every range, at the first and the last place, and one that is repeated."""
    if array.dtype.kind != "i" or not array.size:
        return
    values = (-1, 0, 1, 2, 3, 4, 5, 6, 7, 9, -2, -3, -4, -5, -6, -7, *FAR)
    limits = np.iinfo(array.dtype)
    for place in dict.fromkeys((0, array.size - 1)):
        for value in values:
            if limits.min <= value <= limits.max and array.ravel()[place] != value:
                other = array.copy()
                other.reshape(-1)[place] = value
                yield f"element {place} is {value}", other
    if array.size > 1:
        yield "all elements alike", np.full_like(array, array.ravel()[0])


def _one_operand(operand: Operand) -> Iterator[tuple[str, Operand | None]]:
    array = operand.array
    for how, shape in _shapes(array.shape):
        yield how, replace(operand, array=refilled(array, shape))
    for name in TYPES:
        if array.dtype != name:
            yield f"{name}", replace(operand, array=array.astype(name))
    for how, other in _contents(array):
        yield how, replace(operand, array=other)
    yield (
        "an input" if operand.constant else "a constant",
        replace(operand, constant=not operand.constant),
    )
    yield "left out", None


def _operands(node: Node) -> Iterator[Mutant]:
    for index, operand in enumerate(node.operands):
        if operand is None:
            yield Mutant(
                node.with_operand(index, Operand(np.ones((2, 3), np.float32))),
                f"operand {index}",
                "given though the model leaves it out",
            )
            continue
        for how, other in _one_operand(operand):
            yield Mutant(node.with_operand(index, other), f"operand {index}", how)
    if node.operands:
        yield Mutant(replace(node, operands=()), "operands", "none")
    for how, extra in (
        ("one more of floats", np.ones(3, np.float32)),
        ("one more of integers", np.ones(2, np.int64)),
        ("one more number", np.array(1, np.int64)),
    ):
        for constant in (False, True):
            more = Operand(extra, constant)
            kind = "constant" if constant else "input"
            yield Mutant(
                replace(node, operands=(*node.operands, more)), "operands", f"{how}, {kind}"
            )


def _interface(node: Node) -> Iterator[Mutant]:
    for count in (1, 2, 3, 4, 5):
        if count != node.results:
            yield Mutant(replace(node, results=count), "results", f"{count} of them")
    if node.opset > 7:
        yield Mutant(replace(node, opset=7), "opset", "7")
        yield Mutant(replace(node, opset=12), "opset", "12")


def mutants(node: Node) -> list[Mutant]:
    """All that is made of a node; the order never changes."""
    attributes = [Mutant(other, where, how) for other, where, how in changed_attributes(node)]
    return [*_operands(node), *attributes, *_interface(node)]
