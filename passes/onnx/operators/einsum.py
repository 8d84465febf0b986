"""
Einsum: sums over labelled axes, as transposes, one product for each operand, and reductions.

What only one operand has is summed there first. Two operands are a product of matrices
`[shared, own of the left, summed] @ [shared, summed, own of the right]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, operator
from passes.onnx.operators.terms import along, constant, elements
from passes.rewriting.build import Build

TERM = re.compile(r"[A-Za-z]*(\.\.\.[A-Za-z]*)?")


class Equation(NamedTuple):
    """Labels of the axes of each operand and of the result; `#0` counts the axes of an ellipsis."""

    operands: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]

    @staticmethod
    def of(node: Node) -> Equation:
        text = str(node.attr("equation")).replace(" ", "")
        given, arrow, target = text.partition("->")
        terms = given.split(",")
        ranks = [tensor_of(value).rank for value in node.op.operands]
        wrong = not all(TERM.fullmatch(term) for term in (*terms, target))
        node.require(not wrong, f"the equation {text} is none")
        node.require(len(terms) == len(ranks), f"the equation {text} has {len(terms)} operands")
        operands = [_labels(node, term, rank) for term, rank in zip(terms, ranks, strict=True)]
        if arrow:
            most = max((sum(label[0] == "#" for label in one) for one in operands), default=0)
            width = len(target.replace("...", "")) + (most if "..." in target else 0)
            result = _labels(node, target, width)
        else:
            result = _implied(operands)
        known = {label for one in operands for label in one}
        fits = set(result) <= known and len(set(result)) == len(result)
        node.require(fits, f"the result of {text} has labels that no operand has, or twice")
        return Equation(tuple(operands), result)

    def extents(self, node: Node) -> dict[str, Affine]:
        """The extent of each label, which is one in all operands, or 1, as if it were repeated."""
        found: dict[str, Affine] = {}
        for value, labels in zip(node.op.operands, self.operands, strict=True):
            own: dict[str, Affine] = {}
            for label, extent in zip(labels, tensor_of(value).shape, strict=True):
                node.expect(f"the extent of '{label}'", extent, own.setdefault(label, extent))
            for label, extent in own.items():
                known = found.setdefault(label, extent)
                if Affine(1) not in (known, extent):
                    node.expect(f"the extent of '{label}'", extent, known)
                (found[label],) = node.broadcast((known,), (extent,))
        return found


def _labels(node: Node, term: str, rank: int) -> tuple[str, ...]:
    """Labels of a term; the axes of an ellipsis are counted from the last."""
    before, dots, behind = term.partition("...")
    hidden = rank - len(before) - len(behind)
    fits = hidden >= 0 if dots else hidden == 0
    node.require(fits, f"the term {term} does not name the axes of rank {rank}")
    return (*before, *(f"#{i}" for i in reversed(range(hidden))), *behind)


def _implied(operands: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Without a result: the ellipsis, then the labels that occur once, in alphabetical order."""
    labels = [label for one in operands for label in one]
    hidden = sorted({label for label in labels if label[0] == "#"}, reverse=True)
    single = sorted(label for label in set(labels) if label[0] != "#" and labels.count(label) == 1)
    return (*hidden, *single)


class Labelled(NamedTuple):
    """A value and the labels of its axes."""

    b: Build
    value: SSAValue
    labels: tuple[str, ...]

    def diagonal(self) -> Labelled:
        """Of two axes with one label, only where they agree."""
        doubled = next((x for x in self.labels if self.labels.count(x) > 1), None)
        if doubled is None:
            return self
        first = self.labels.index(doubled)
        second = self.labels.index(doubled, first + 1)
        dims = tensor_of(self.value).shape
        places = [along(self.b, len(dims), axis, dims[axis]) for axis in (first, second)]
        kept = self.b.select(self.b.map("eq", *places), self.value, constant(self.b, 0, self.value))
        return Labelled(self.b, kept, self.labels)._summed([second]).diagonal()

    def unrepeated(self, extents: Mapping[str, Affine]) -> Labelled:
        """Without the axes of extent 1 that other operands have longer."""
        dims = tensor_of(self.value).shape
        kept = [i for i, label in enumerate(self.labels) if dims[i] == extents[label]]
        value = self.b.reshape(self.value, [dims[i] for i in kept])
        return Labelled(self.b, value, tuple(self.labels[i] for i in kept))

    def _summed(self, axes: Sequence[int]) -> Labelled:
        if not axes:
            return self
        kept = [i for i in range(len(self.labels)) if i not in axes]
        total = self.b.reduce("sum", self.value, axes)
        dims = tensor_of(total).shape
        value = self.b.reshape(total, [dims[i] for i in kept])
        return Labelled(self.b, value, tuple(self.labels[i] for i in kept))

    def only(self, labels: set[str]) -> Labelled:
        """Summed over all other labels."""
        return self._summed([i for i, label in enumerate(self.labels) if label not in labels])

    def ordered(self, labels: Sequence[str]) -> SSAValue:
        """The axes in this order, with extent 1 where there is none."""
        order = [self.labels.index(label) for label in labels if label in self.labels]
        value = self.b.transpose(self.value, order)
        rest = iter(tensor_of(value).shape)
        dims = [next(rest) if label in self.labels else Affine(1) for label in labels]
        return self.b.reshape(value, dims)

    def times(self, other: Labelled, needed: set[str]) -> Labelled:
        """The product with another, summed over the labels that nobody needs."""
        left, right = set(self.labels), set(other.labels)
        first, second = self.only(right | needed), other.only(left | needed)
        hidden = {label for label in left | right if label[0] == "#"}
        both = [x for x in first.labels if x in second.labels]
        shared = sorted(hidden | {x for x in both if x in needed})
        summed = [x for x in both if x not in shared]
        own = [x for x in first.labels if x not in shared and x not in summed]
        others = [x for x in second.labels if x not in shared and x not in summed]
        lhs = _as_matrix(self.b, first.ordered([*shared, *own, *summed]), len(shared), len(own))
        rhs = _as_matrix(
            self.b, second.ordered([*shared, *summed, *others]), len(shared), len(summed)
        )
        product = self.b.matmul(lhs, rhs)
        dims = [
            *tensor_of(product).shape[: len(shared)],
            *[tensor_of(first.value).shape[first.labels.index(x)] for x in own],
            *[tensor_of(second.value).shape[second.labels.index(x)] for x in others],
        ]
        return Labelled(self.b, self.b.reshape(product, dims), (*shared, *own, *others))


def _as_matrix(b: Build, value: SSAValue, batch: int, rows: int) -> SSAValue:
    dims = tensor_of(value).shape
    lead, left, right = dims[:batch], dims[batch : batch + rows], dims[batch + rows :]
    return b.reshape(value, (*lead, elements(left), elements(right)))


def _einsum_dims(node: Node) -> Sequence[Dims]:
    equation = Equation.of(node)
    extents = equation.extents(node)
    return [tuple(extents[label] for label in equation.result)]


@operator("Einsum", shape=_einsum_dims, limits=[Limit("two symbolic axes in one product")])
def einsum(b: Build, node: Node) -> SSAValue:
    equation = Equation.of(node)
    extents = equation.extents(node)
    parts = [
        Labelled(b, value, labels).diagonal().unrepeated(extents)
        for value, labels in zip(node.op.operands, equation.operands, strict=True)
    ]
    total, *rest = parts
    for index, part in enumerate(rest, start=1):
        later = {label for one in parts[index + 1 :] for label in one.labels}
        total = total.times(part, set(equation.result) | later)
    result = total.only(set(equation.result)).ordered(equation.result)
    return b.broadcast(result, node.result.shape)
