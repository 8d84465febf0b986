"""
An operation's own checks, once for all operations that are equal to them.

`check_op` runs what a class says about its operands, results and properties: the constraints of its
definition and its `verify_`. Neither may look further than the operation itself (what stands around
it, how values are used and what names mean is checked by level), so that two operations of one
class with equal types and properties are both right or both wrong. A compiler makes the same few
hundred operations again and again: what was found right is remembered.
"""

from __future__ import annotations

from xdsl.ir import Attribute, Operation

from dialects.lpu.weights import WeightAttr

LIMIT = 1 << 17
"""How many different operations are remembered before all are forgotten."""

_right: set[tuple[object, ...]] = set()


def check_op(op: Operation) -> None:
    """
    Raise `VerifyException` unless the operation is right by itself.

    The operation need not stand in a block yet. One with regions is checked each time.
    """
    if op.regions:
        op.verify_()
        return
    key = _key(op)
    if key in _right:
        return
    op.verify_()
    if len(_right) >= LIMIT:
        _right.clear()
    _right.add(key)


def _key(op: Operation) -> tuple[object, ...]:
    """All that the checks of an operation without regions can see."""
    operands, results = op.operands, op.results
    return (
        type(op),
        len(operands),
        *[value.type for value in operands],
        *[value.type for value in results],
        *[(name, _seen(value)) for name, value in op.properties.items()],
        *op.attributes.items(),
    )


def _seen(attribute: Attribute) -> object:
    """What checks see of an attribute: of a weight, not where its bytes are."""
    if type(attribute) is WeightAttr:
        return attribute.data.shape, attribute.data.dtype
    return attribute
