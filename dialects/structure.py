"""
What the definition of an operation says of operands, results and properties, checked in few steps.

xDSL's verifier takes a definition's constraints one by one, with room for constraints that bind
variables across them. Nearly all of ours name one class of attribute each: `structure_of` reads
such a definition once, and `Structure.holds` then compares counts and classes. Where a definition
says more, or an operation does not fit, xDSL's own verifier decides and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, cast

from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
    AnyAttr,
    AttrConstraint,
    BaseAttr,
    IRDLOperation,
    OperandDef,
    OptPropertyDef,
    RangeLengthConstraint,
    RangeOf,
    RegionDef,
    ResultDef,
    VarOperandDef,
    VerificationContext,
)
from xdsl.traits import OpTrait
from xdsl.utils.exceptions import VerifyException

from dialects.reading import operands_of

Fits = Callable[[Attribute], bool]


class Structure(NamedTuple):
    """What operands, results and properties are; `own` are the checks that the class adds."""

    operands: tuple[type[Attribute], ...]
    is_variadic: bool
    """Whether there are as many operands as one likes, all of the one class."""
    results: tuple[type[Attribute], ...]
    properties: dict[str, Fits]
    required: frozenset[str]
    regions: int
    traits: tuple[OpTrait, ...]
    """Those that check something."""
    own: Callable[[Operation], None]

    def holds(self, op: Operation) -> bool:
        """Whether an operation is made of these."""
        operands, results, given = operands_of(op), op.results, op.properties
        kinds = self.operands * len(operands) if self.is_variadic else self.operands
        if len(operands) != len(kinds) or len(results) != len(self.results):
            return False
        if not all([isinstance(v.type, kind) for v, kind in zip(operands, kinds, strict=True)]):
            return False
        if not all([isinstance(v.type, k) for v, k in zip(results, self.results, strict=True)]):
            return False
        known = self.properties
        if len(op.regions) != self.regions or not self.required <= given.keys():
            return False
        return all([name in known and known[name](value) for name, value in given.items()])

    def check(self, op: Operation) -> None:
        """What an operation that is made of these must satisfy beyond."""
        for trait in self.traits:
            trait.verify(op)
        self.own(op)


@cache
def structure_of(cls: type[Operation], apart: type[OpTrait] | None = None) -> Structure | None:
    """
    The structure of a class; None if its definition says more than one class for each value.

    What the trait `apart` demands is left to whoever asks.
    """
    if not issubclass(cls, IRDLOperation):
        return None
    definition = cls.get_irdl_definition()
    if definition.attributes or definition.successors or definition.options:
        return None
    if not all(_is_any_region(part) for _, part in definition.regions):
        return None
    traits = [t for t in definition.traits.traits if type(t).verify is not OpTrait.verify]
    parts = [part for _, part in definition.operands]
    is_variadic = [type(part) for part in parts] == [VarOperandDef]
    ends = [part for _, part in definition.results]
    if not (is_variadic or all(type(part) is OperandDef for part in parts)):
        return None
    operands = [_value_class(part.constr) for part in parts]
    results = [_value_class(part.constr) for part in ends]
    if None in (*operands, *results) or any(type(part) is not ResultDef for part in ends):
        return None
    properties = definition.properties
    return Structure(
        cast("tuple[type[Attribute], ...]", tuple(operands)),
        is_variadic,
        cast("tuple[type[Attribute], ...]", tuple(results)),
        {name: _fits(part.constr) for name, part in properties.items()},
        frozenset(n for n, part in properties.items() if not isinstance(part, OptPropertyDef)),
        len(definition.regions),
        tuple(trait for trait in traits if type(trait) is not apart),
        cast("Any", cls.__mro__[1]).verify_,
    )


def _is_any_region(part: RegionDef) -> bool:
    """Whether one region of whatever blocks and arguments is asked for."""
    entry = part.entry_args
    return type(part) is RegionDef and isinstance(entry, RangeOf) and type(entry.constr) is AnyAttr


def _value_class(constraint: Any) -> type[Attribute] | None:
    """The class of the types that a constraint on values accepts, if that is all it says."""
    if isinstance(constraint, RangeLengthConstraint):
        constraint = cast("Any", constraint).constraint
    inner = cast("Any", constraint).constr if isinstance(constraint, RangeOf) else None
    return cast("BaseAttr[Attribute]", inner).attr if isinstance(inner, BaseAttr) else None


def _fits(constraint: AttrConstraint) -> Fits:
    """Whether an attribute satisfies a constraint."""
    if isinstance(constraint, BaseAttr):
        kind = constraint.attr
        return lambda attribute: isinstance(attribute, kind)

    def fits(attribute: Attribute) -> bool:
        try:
            constraint.verify(attribute, VerificationContext())
        except VerifyException:
            return False
        return True

    return fits
