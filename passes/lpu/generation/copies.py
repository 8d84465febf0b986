"""Copies of operations in which symbols and loop variables have other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from dialects.affine import Affine
from dialects.lpu import control
from dialects.lpu.attributes import AffineAttr, AffineListAttr
from dialects.lpu.types import TensorType
from passes.rewriting.kernel import append, locate


def mentions(attribute: Attribute) -> set[str]:
    """The names that the affine expressions of an attribute hold."""
    return {name for extent in _expressions(attribute) for name, _ in extent.terms}


def _expressions(attribute: Attribute) -> tuple[Affine, ...]:
    match attribute:
        case TensorType():
            return attribute.data.shape
        case AffineListAttr():
            return attribute.data
        case AffineAttr():
            return (attribute.data,)
        case _:
            return ()


def names_in(op: Operation) -> set[str]:
    """The names that an operation and what is in it hold, variables of loops included."""
    found: set[str] = set()
    for inner in op.walk():
        for attribute in (*inner.properties.values(), *(v.type for v in inner.results)):
            found |= mentions(attribute)
        if isinstance(inner, control.ForOp):
            found.add(inner.variable.data)
    return found


class Copies(NamedTuple):
    """Makes copies: `names` says what replaces a name, `values` what replaces a value."""

    names: Mapping[str, str]
    values: dict[SSAValue, SSAValue]

    def attribute(self, attribute: Attribute) -> Attribute:
        if not mentions(attribute) & self.names.keys():
            return attribute
        match attribute:
            case TensorType():
                dims = [self._renamed(extent) for extent in attribute.data.shape]
                return TensorType(attribute.data.with_dims(dims))
            case AffineListAttr():
                return AffineListAttr(tuple(map(self._renamed, attribute.data)))
            case AffineAttr():
                return AffineAttr(self._renamed(attribute.data))
            case _:
                raise AssertionError("no other attribute mentions names")

    def _renamed(self, extent: Affine) -> Affine:
        return extent.substitute({old: Affine.symbol(new) for old, new in self.names.items()})

    def operation(self, op: Operation) -> Operation:
        """A copy that is in no block yet; later copies use its results."""
        properties = {key: self.attribute(value) for key, value in op.properties.items()}
        if isinstance(op, control.ForOp):
            name = op.variable.data
            properties["variable"] = StringAttr(self.names.get(name, name))
        copy = type(op).create(
            operands=[self.values[operand] for operand in op.operands],
            result_types=[self.attribute(result.type) for result in op.results],
            properties=properties,
            attributes=dict(op.attributes),
            regions=[self._region(region) for region in op.regions],
        )
        locate(copy, op.location)
        self._take(op.results, copy.results)
        return copy

    def _region(self, region: Region) -> Region:
        old = region.block
        block = Block(arg_types=[self.attribute(argument.type) for argument in old.args])
        self._take(old.args, block.args)
        for op in old.ops:
            append(self.operation(op), block)
        return Region(block)

    def _take(self, old: Iterable[SSAValue], new: Iterable[SSAValue]) -> None:
        for before, after in zip(old, new, strict=True):
            after.name_hint = before.name_hint
            self.values[before] = after
