"""The values of a function that takes a prompt: what tokens they see, what others hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.causal.elements import element
from passes.lpu.causal.intervals import Known
from passes.lpu.causal.names import Names, NotShown, Numbers
from passes.lpu.causal.places import ONE, Coordinate, Digit, Dims, Place
from passes.lpu.causal.reader import Reader, spread
from passes.lpu.causal.tokens import Tokens, outer_extent


@dataclass
class Values:
    """What has been found of the values of a function."""

    function: FuncOp
    names: Names
    ranges: Ranges
    numbers: Numbers
    folder: Path
    tokens: dict[SSAValue, Tokens] = field(default_factory=dict[SSAValue, Tokens])
    readers: dict[bool, Reader] = field(default_factory=dict[bool, Reader])
    places: dict[object, Place] = field(default_factory=dict[object, Place])

    def reader(self, strict: bool) -> Reader:
        """The one that refuses, or that which tells bounds of what lies behind a row."""
        if strict not in self.readers:
            most = self.ranges[self.names.past][1] + self.numbers.count
            ranges = dict(self.ranges)
            ranges[self.names.count] = (self.numbers.count, self.numbers.count)
            if strict:
                ranges[self.names.past] = (0, most)
            ranges[self.names.row] = (0, self.numbers.count - 1)
            ranges[self.names.ahead] = (0, most)
            ranges[self.names.behind] = (0, most if strict else max(self.numbers.count - 2, 0))
            self.readers[strict] = Reader(
                self.names, ranges, self.folder, strict, self.function, self.numbers, element
            )
        return self.readers[strict]

    def covers(self, tokens: Tokens, extent: Affine) -> bool:
        """Whether keys of all tokens are among so many."""
        assert tokens.base is not None, "there are keys"
        return (extent - tokens.base - self.numbers.count).lower(self.ranges) >= 0

    def _coordinates(self, digit: Digit, dims: Dims, at: Affine, reader: Reader) -> Coordinate:
        parts = [
            *reader.fresh(outer_extent(digit, dims)),
            (at, digit.extent),
            *reader.fresh(digit.inner),
        ]
        return tuple([part for part in parts if part[1] != ONE])

    def _place(self, dims: Dims, tokens: Tokens | None, strict: bool, side: int) -> Place:
        """An element of each row, and of keys not behind it (-1) or behind it (1)."""
        key = (dims, tokens and (tokens.row, tokens.key, tokens.base), strict, side)
        if key not in self.places:
            self.places[key] = self._made(dims, tokens, self.reader(strict), side)
        return self.places[key]

    def _made(self, dims: Dims, tokens: Tokens | None, reader: Reader, side: int) -> Place:
        found = [reader.fresh(d) if d.is_const else () for d in dims]
        if tokens is not None and tokens.row is not None:
            row = Affine.symbol(self.names.row)
            found[tokens.row.axis] = self._coordinates(tokens.row, dims, row, reader)
        if tokens is not None and tokens.key is not None:
            assert tokens.base is not None, "keys have a first one"
            at = self.names.any_key if tokens.row is None else self.names.key(side)
            at = at + tokens.base - Affine.symbol(self.names.past)
            found[tokens.key.axis] = self._coordinates(tokens.key, dims, at, reader)
        return tuple(found)

    def check(self, op: Operation, value: SSAValue, dims: Dims, tokens: Tokens | None) -> Known:
        """Whether what no token decides is the same in a step; it is broadcast to extents."""
        own = tensor_of(value).shape
        missing = len(dims) - len(own)
        for axis, extent in enumerate(own):
            keys = tokens is not None and tokens.is_keys(axis + missing)
            if extent.is_const:
                continue
            if not keys or tokens is None or extent != self._keys(tokens):
                raise NotShown(op)
        place = self._place(dims, tokens, True, -1)
        return self.reader(True).same(value, spread(own, place))

    def _keys(self, tokens: Tokens) -> Affine:
        """The extent of keys with none behind those of tokens."""
        assert tokens.base is not None, "there are keys"
        return tokens.base + self.numbers.count

    def behind(self, value: SSAValue, dims: Dims, tokens: Tokens) -> Known:
        """Bounds of what no token decides, where keys lie behind rows."""
        reader = self.reader(False)
        place = self._place(dims, tokens, False, 1)
        low, high = reader.read(value, spread(tensor_of(value).shape, place)).span(reader.ranges)
        return Known(low=low, high=high)

    def check_factor(self, op: MatmulOp, value: SSAValue, dims: Dims, tokens: Tokens) -> None:
        """The same of one side of a product, whose own axes are summed or kept."""
        own, rank = tensor_of(value).shape, len(dims)
        if not all(extent.is_const for extent in own):
            raise NotShown(op)
        lead = self._place(dims[: rank - 2], _leading(tokens, rank - 2), True, -1)
        matrix = self._place(own[-2:], None, True, -1)
        self.reader(True).same(value, (*spread(own[:-2], lead), *matrix))

    def choices(self, value: SSAValue, tokens: Tokens, count: Affine) -> Known | None:
        """Bounds of an index less `token * count`, if they lie within 0 and count - 1."""
        reader = self.reader(False)
        dims = tensor_of(value).shape
        assert tokens.row is not None, "indices of tokens"
        place = self._place(dims, tokens, False, 1)
        own = reader.read(value, place)
        apart = Known(own.line - Affine.symbol(self.names.row) * count, own.low, own.high)
        low, high = apart.span(reader.ranges)
        return apart if count.is_const and low >= 0 and high < count.const else None


def _leading(tokens: Tokens, rank: int) -> Tokens | None:
    """What tokens are along the first axes alone."""
    row = tokens.row if tokens.row is not None and tokens.row.axis < rank else None
    key = tokens.key if tokens.key is not None and tokens.key.axis < rank else None
    if row is None and key is None:
        return None
    return Tokens(row, key, tokens.base if key is not None else None)
