"""
The products with weights of a module: what there is to share out, and what is in the way of it.

The columns of such a product (its rows, where the weight stands on the left) are factors of which
each device may compute some. All products that compute the same factors are cut alike. A table
whose rows are looked up counts as a product where its columns and its weight are no other's: what
norms make of the products may be all that is added to its rows. Tables of angles are left whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.errors import node_names
from dialects.lpu.control import ForOp
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.movement import GatherOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import TensorType
from dialects.lpu.weights import Weight, nbytes
from dialects.reading import all_within, operands_of
from passes.lpu_esl.factors.analysis import Factors
from passes.lpu_esl.factors.angles import turns
from passes.lpu_esl.factors.classes import ONE
from passes.lpu_esl.factors.reading import forms


@dataclass(frozen=True)
class Product:
    """Products of one ONNX node: its name, the factors of their columns, and their weights."""

    name: str
    columns: tuple[int, ...]
    weights: frozenset[Weight]

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(nbytes(w.shape, w.dtype) for w in self.weights)


class Products:
    """The products of a module by name, the largest weights first."""

    def __init__(self, module: ModuleOp, factors: Factors) -> None:
        self.factors = factors
        self._operations = all_within(module)
        self._names: dict[tuple[str, tuple[int, ...]], str] = {}
        found: dict[str, Product] = {}
        for product in self._products():
            known = found.setdefault(product.name, product)
            weights = known.weights | product.weights
            found[product.name] = Product(product.name, product.columns, weights)
        for table in self._tables([*found.values()]):
            found.setdefault(table.name, table)
        ordered = sorted(found.values(), key=lambda product: (-product.nbytes, product.name))
        self.by_name: Mapping[str, Product] = {product.name: product for product in ordered}

    @cached_property
    def by_factor(self) -> Mapping[int, Sequence[Product]]:
        """The products that have a factor among their columns."""
        found: dict[int, list[Product]] = {}
        for product in self.by_name.values():
            for factor in product.columns:
                found.setdefault(factor, []).append(product)
        return found

    @cached_property
    def demanded(self) -> frozenset[int]:
        """The factors that something but a product needs whole of a value that is computed."""
        found: set[int] = set()
        for op in self._operations:
            if not isinstance(op, ForOp | MatmulOp | ConstantOp):
                found.update(self._needed_whole(op))
        return frozenset(found)

    @cached_property
    def computed_whole(self) -> frozenset[int]:
        """The factors of values that are computed whole, of which a device takes a part.

        Its number alone tells it which: there have to be as many parts as devices.
        """
        found: set[int] = set()
        for op in self._operations:
            if isinstance(op, LpuOp) and not isinstance(op, ForOp | ConstantOp):
                tied = self.factors.ties(op).result
                for value in op.results:
                    if isinstance(value.type, TensorType) and not self.factors.reading.is_fixed(
                        value
                    ):
                        axes = enumerate(self.factors.axes(value))
                        found.update(*(leaves for axis, leaves in axes if axis not in tied))
        return frozenset(found)

    def _needed_whole(self, op: Operation) -> Iterator[int]:
        if not isinstance(op, LpuOp):
            return
        ties = self.factors.ties(op).operands
        for index, value in enumerate(operands_of(op)):
            if isinstance(value.type, TensorType) and not self.factors.reading.weights(value):
                for axis, leaves in enumerate(self.factors.axes(value)):
                    if axis not in ties[index]:
                        yield from leaves

    def _products(self) -> Iterator[Product]:
        """The products of operations."""
        for op in self._operations:
            if isinstance(op, MatmulOp):
                for columns, weights in self._sides(op):
                    yield Product(self._name(op, columns), columns, weights)

    def _name(self, op: Operation, columns: tuple[int, ...]) -> str:
        """The name of its node: those of one node with other columns are other products."""
        key = (_node(op), columns)
        if key not in self._names:
            self._names[key] = _unused(key[0], self._names.values())
        return self._names[key]

    def _tables(self, products: Sequence[Product]) -> Iterator[Product]:
        """Tables of rows, by their look-ups, that have nothing in common with the products."""
        shared = {factor for product in products for factor in product.columns}
        multiplied = {weight for product in products for weight in product.weights}
        taken = set[Weight]().union(*map(forms, multiplied))
        for op in self._operations:
            if not isinstance(op, GatherOp) or op.axis.value.data != 0 or turns(op.result):
                continue
            weights, axes = self.factors.reading.weights(op.source), self.factors.axes(op.source)
            is_table = weights and len(axes) == 2 and tensor_of(op.source).dtype.is_float
            columns = tuple(axes[-1]) if is_table else ()
            if columns and taken.isdisjoint(weights) and shared.isdisjoint(columns):
                yield Product(self._name(op, columns), columns, weights)

    def _sides(self, op: MatmulOp) -> Iterator[tuple[tuple[int, ...], frozenset[Weight]]]:
        """The columns that a weight gives to a product, from either side."""
        axes, rank = self.factors.axes(op.result), tensor_of(op.result).rank
        for value, other, axis in ((op.rhs, op.lhs, rank - 1), (op.lhs, op.rhs, rank - 2)):
            weights = self._weights(value, other)
            summed = tensor_of(op.lhs).shape[-1] != ONE
            if weights and summed and axes[axis]:
                yield tuple(axes[axis]), weights

    def _weights(self, value: SSAValue, other: SSAValue) -> frozenset[Weight]:
        """What an operand of a product has of weights; rows of a table are data beside a weight."""
        reading = self.factors.reading
        is_data = not reading.looked_up(other)
        if not is_data and reading.weights(value):
            is_data = not reading.weights(other)
        return reading.looked_up(value) if is_data else frozenset()


def _node(op: Operation) -> str:
    names = node_names(op)
    return names[0] if names else "product"


def _unused(name: str, used: Collection[str]) -> str:
    """A name, with a number behind it where it is used already."""
    numbered = (f"{name}.{number}" for number in count(1))
    return next(one for one in chain([name], numbered) if one not in used)


def extents(factors: Factors, columns: Sequence[int]) -> list[int]:
    """How many elements each factor has."""
    found = [factors.classes.extent(factor) for factor in columns]
    assert all(extent.is_const and extent != ONE for extent in found), "weights have fixed extents"
    return [extent.const for extent in found]
