"""
What the nodes of a model say of the lengths of its caches, which its inputs leave open.

Exporters may give each cache a length of its own, and say nothing of how long one can be. Where a
node can only be executed if two lengths are equal, or reads as much of one as another has, they are
equal; where rows of a table are read up to a length, the cache never gets longer than the table.
Other caches are refused when the program is called, so both never make another number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation

from dialects.affine import Affine, Differ
from dialects.errors import unsupported
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, tensor_type
from dialects.onnx.ops import InitializerOp, OnnxOp
from dialects.reading import all_within
from passes.analysis.content import Content, Elements, Line
from passes.analysis.extents import Beyond
from passes.rewriting.kernel import retype, set_property

Equal = dict[str, Affine]
Symbols = tuple[tuple[str, int, int], ...]
"""Names with the least and the greatest value."""


def renewed(extent: Affine, equal: Equal) -> Affine:
    """An extent in which lengths that are equal have one name."""
    return extent.substitute(equal) if extent.terms else extent


def renewed_tensor(tensor: Tensor, equal: Equal) -> Tensor:
    dims = tensor.dims
    if dims is None or not any(d is not None and d.terms for d in dims):
        return tensor
    return Tensor(tuple([None if d is None else renewed(d, equal) for d in dims]), tensor.dtype)


def renewed_content(content: Content | None, equal: Equal) -> Content | None:
    match content:
        case Line():
            coefficients = tuple([renewed(c, equal) for c in content.coefficients])
            return Line(renewed(content.base, equal), coefficients)
        case Elements():
            array = np.empty(content.array.shape, dtype=object)
            array.reshape(-1)[:] = [renewed(element, equal) for element in content.flat()]
            return Elements(array)
        case _:
            return content


def causes(error: BaseException) -> Iterator[BaseException]:
    """What an error was raised from, step by step."""
    cause = error.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__


class Lengths:
    """The range of each length, which may shrink, and the lengths that are equal to others."""

    def __init__(self, symbols: Symbols, fewer: Mapping[str, int], asked: int | None) -> None:
        """`fewer` says how many tokens the caches lack, `asked` what context the user wants."""
        self._given, self._asked = symbols, asked
        self.ranges = {name: (low, high - fewer.get(name, 0)) for name, low, high in symbols}
        self.equal = Equal()

    def symbols(self) -> Symbols:
        """The lengths that are left, with their ranges."""
        return tuple([(name, *self.ranges[name]) for name in self.ranges if name not in self.equal])

    def fewer(self) -> dict[str, int]:
        """By how many tokens each cache holds fewer than was thought."""
        return {name: high - self.ranges[name][1] for name, _, high in self._given}

    def leave_room(self, symbols: Symbols) -> bool:
        """Whether caches of another function still hold something, if they hold as many fewer."""
        fewer = self.fewer()
        return all(low <= high - fewer.get(name, 0) for name, low, high in symbols)

    def learn(self, op: OnnxOp, error: BaseException) -> bool:
        """Whether a refused node says something of lengths that lets it be."""
        for cause in causes(error):
            if isinstance(cause, Differ):
                return self.unify(*cause.extents)
            if isinstance(cause, Beyond):
                table = bool(op.operands) and is_table(op)
                return self.unify(*cause.extents) or (table and self.limit(op, *cause.extents))
        return False

    def unify(self, first: Affine, second: Affine) -> bool:
        """Let two lengths be equal, if that is all that two extents differ in."""
        difference = renewed(first, self.equal) - renewed(second, self.equal)
        names = {name for name, *_ in self._given}
        if (
            difference.const
            or len(difference.terms) != 2
            or not names >= dict(difference.terms).keys()
        ):
            return False
        (kept, one), (gone, other) = difference.terms
        if one + other:
            return False
        least, most = zip(self.ranges[kept], self.ranges[gone], strict=True)
        self.ranges[kept] = max(least), min(most)
        value = {gone: Affine.symbol(kept)}
        self.equal = {name: known.substitute(value) for name, known in self.equal.items()} | value
        return True

    def limit(self, op: OnnxOp, extent: Affine, most: Affine) -> bool:
        """Let an extent that grows with one length be at most a number, if it can, for a node."""
        if not most.is_const or len(extent.terms) != 1:
            return False
        name, factor = extent.terms[0]
        if name not in {given for given, *_ in self._given}:
            return False
        low, high = self.ranges[name]
        reached = (most.const - extent.const) // factor if factor > 0 else low - 1
        if reached < low:
            return False
        if self._asked is not None and reached < high:
            held = self._asked - (high - reached)
            message = f"--max-context {self._asked} is more than the {held} positions of the model"
            raise unsupported(op, message)
        self.ranges[name] = low, min(high, reached)
        return True


def last_row(content: Content | None, tensor: Tensor) -> Affine | None:
    """The largest of indices that are known, and depend on the same lengths."""
    if isinstance(content, Elements):
        largest = max(content.flat(), key=lambda element: element.const, default=None)
        alike = largest is not None and all(e.terms == largest.terms for e in content.flat())
        return largest if alike else None
    if not isinstance(content, Line) or not all(c.is_const for c in content.coefficients):
        return None
    steps = zip(content.coefficients, tensor.shape, strict=True)
    return sum(((extent - 1) * max(c.const, 0) for c, extent in steps), content.base)


def is_table(op: Operation) -> bool:
    """Whether the first operand is a constant, or what other nodes make of one alone."""
    source = op.operands[0].owner
    while not isinstance(source, ConstantOp | InitializerOp):
        if isinstance(source, Block) or len(source.operands) != 1:
            return False
        source = source.operands[0].owner
    return True


def rename(func: FuncOp, equal: Equal) -> None:
    """Let lengths that are equal have one name in all of a function but its symbols."""
    for op in all_within(func):
        for value in (*op.results, *(a for region in op.regions for a in region.block.args)):
            retype(value, tensor_type(renewed_tensor(tensor_of(value), equal)))
        for name, attribute in list(op.properties.items()):
            if isinstance(attribute, AffineListAttr) and any(e.terms for e in attribute.data):
                new = AffineListAttr(tuple([renewed(e, equal) for e in attribute.data]))
                set_property(op, name, new)
