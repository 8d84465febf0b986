"""
The products with weights of a module: what there is to share out, and what is in the way of it.

The columns of such a product (its rows, where the weight stands on the left) are factors of which
each device may compute some. All products that compute the same factors are cut alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dialects.affine import Affine
from dialects.errors import node_names
from dialects.lpu.control import ForOp
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Weight, nbytes
from dialects.reading import all_within, operands_of
from passes.lpu_esl.factors.analysis import Factors
from passes.lpu_esl.factors.classes import ONE


@dataclass(frozen=True)
class Product:
    """Products of one ONNX node: its name, the factors of their columns, and their weights."""

    name: str
    columns: tuple[int, ...]
    weights: tuple[Weight, ...]

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(nbytes(w.shape, w.dtype) for w in self.weights)


class Products:
    """The products of a module by name, the largest weights first."""

    def __init__(self, module: ModuleOp, factors: Factors) -> None:
        self.factors = factors
        self.reading = factors.reading
        self._operations = all_within(module)
        found: dict[str, Product] = {}
        for product in self._products():
            known = found.get(product.name)
            weights = dict.fromkeys((*(known.weights if known else ()), *product.weights))
            found[product.name] = Product(product.name, product.columns, tuple(weights))
        ordered = sorted(found.values(), key=lambda product: (-product.nbytes, product.name))
        self.by_name: Mapping[str, Product] = {product.name: product for product in ordered}

    @cached_property
    def demanded(self) -> frozenset[int]:
        """The factors that something but a product needs whole of a value that is computed."""
        found: set[int] = set()
        for op in self._operations:
            if not isinstance(op, ForOp | MatmulOp | ConstantOp):
                found.update(self._needed_whole(op))
        return frozenset(found)

    def _needed_whole(self, op: Operation) -> Iterator[int]:
        if not isinstance(op, LpuOp):
            return
        ties = self.factors.ties(op).operands
        for index, value in enumerate(operands_of(op)):
            if isinstance(value.type, TensorType) and not self.reading.weights(value):
                for axis, leaves in enumerate(self.factors.axes(value)):
                    if axis not in ties[index]:
                        yield from leaves

    def _products(self) -> Iterator[Product]:
        names: dict[str, dict[tuple[int, ...], str]] = {}
        for op in self._operations:
            if isinstance(op, MatmulOp):
                for columns, weights in self._sides(op):
                    known = names.setdefault(_node(op), {})
                    suffix = f".{len(known)}" if known else ""
                    name = known.setdefault(columns, _node(op) + suffix)
                    yield Product(name, columns, tuple(sorted(weights, key=str)))

    def _sides(self, op: MatmulOp) -> Iterator[tuple[tuple[int, ...], frozenset[Weight]]]:
        """The columns that a weight gives to a product, from either side."""
        axes, rank = self.factors.axes(op.result), tensor_of(op.result).rank
        for value, other, axis in ((op.rhs, op.lhs, rank - 1), (op.lhs, op.rhs, rank - 2)):
            weights = self.reading.looked_up(value)
            summed = tensor_of(op.lhs).shape[-1] != ONE
            if weights and summed and axes[axis] and not self.reading.looked_up(other):
                yield tuple(axes[axis]), weights


def _node(op: Operation) -> str:
    names = node_names(op)
    return names[0] if names else "product"


def extents(factors: Factors, columns: Sequence[int]) -> list[int]:
    """How many elements each factor has."""
    found = [factors.classes.extent(factor) for factor in columns]
    assert all(extent.is_const and extent != ONE for extent in found), "weights have fixed extents"
    return [Affine.of(extent).const for extent in found]
