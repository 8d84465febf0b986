"""
What passes may conclude of a tensor operation of the `lpu` level, stated once, on its class.

```python
class BroadcastOp(UnaryOp):
    name = "lpu.broadcast"
    FACTS: ClassVar = Facts(Form.MOVES, ALL, Zeros.KEPT, lines=True, weight=None, trunk=0)
```

Passes ask `facts_of(op)` and keep no lists of operations. A class that leaves a fact out is refused
when it is made, by name; a test runs each operation and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cached_property
from typing import Any

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation

from dialects.lpu.weights import Weight

UNSTATED: Any = object()
"""What a fact is that a class does not state."""

NONE, FIRST, ARMS, ALL = slice(0, 0), slice(0, 1), slice(1, 3), slice(None)
"""Which operands."""


class Form(Enum):
    """Where the elements of the result come from."""

    CONSTANT = "constant"
    """It reads nothing; its elements are the same in every call."""
    INDEX = "index"
    """It reads nothing; its elements follow from positions and symbols."""
    ELEMENTWISE = "elementwise"
    """
    An element of the result is one function of one element of each operand, by broadcasting.

    On operands that are one element everywhere it may be computed once, on scalars.
    """
    MOVES = "moves"
    """
    Each element of the result is an element of an operand, from a place that positions and symbols
    alone decide. What is done to each element may be done before instead.
    """
    OTHER = "other"
    """Of this nothing may be concluded."""


class Zeros(Enum):
    """What becomes of the sign of a zero among the elements of an operand."""

    SEEN = "seen"
    """Results may differ in more than the sign of a zero."""
    KEPT = "kept"
    """Results differ at most in the sign of zeros."""
    LOST = "lost"
    """Results are the same for both zeros."""


@dataclass(frozen=True, eq=False)
class Facts:
    """All that passes know of a class of operations; every class states every one."""

    form: Form = UNSTATED
    carries: slice = UNSTATED
    """The operands of which the elements of the result are, unchanged; which ones, data may say."""
    zeros: Zeros | Mapping[str, Zeros] = UNSTATED
    """Who can tell zeros of an operand apart, by `fn` where that decides."""
    lines: bool = UNSTATED
    """The result may be affine in its index: `passes.analysis.lines` has the rule."""
    weight: Callable[[Any, Weight], Weight | None] | None = UNSTATED
    """The recipe of the result when the operand is the weight given."""
    trunk: int | None = UNSTATED
    """The operand that the result is a form of, row by row; the others modify it."""

    @cached_property
    def is_source(self) -> bool:
        """Whether it reads nothing."""
        return self.form is Form.CONSTANT or self.form is Form.INDEX

    @cached_property
    def moves(self) -> bool:
        """Whether elements change their places alone."""
        return self.form is Form.MOVES

    @cached_property
    def is_uniform(self) -> bool:
        """Whether the result is one element everywhere when the operands are, and the same one."""
        return self.form is Form.ELEMENTWISE or self.moves

    @property
    def missing(self) -> list[str]:
        """The facts that are not stated."""
        return [f.name for f in fields(self) if getattr(self, f.name) is UNSTATED]


OPAQUE = Facts(Form.OTHER, NONE, Zeros.SEEN, lines=False, weight=None, trunk=None)
"""Of what is no tensor operation: nothing may be concluded."""


def facts_of(owner: Operation | Block) -> Facts:
    """What is known of that which gives a value; of blocks and other dialects, nothing."""
    return getattr(owner, "FACTS", OPAQUE)


def zeros_of(op: Operation) -> Zeros:
    """Who can tell zeros of an operand apart."""
    zeros, fn = facts_of(op).zeros, op.properties.get("fn")
    if isinstance(zeros, Zeros):
        return zeros
    assert isinstance(fn, StringAttr), f"{op.name} has no function"
    return zeros[fn.data]


_LOST = ("abs", "cos", "exp", "log", "isnan", "sigmoid", "eq", "ne", "lt", "le", "gt", "ge")
_OF_INTEGERS = ("not", "and", "or", "xor", "shr")
_KEPT = (
    "neg", "sqrt", "tanh", "relu", "erf", "sin", "floor", "ceil", "round", "sign", "gelu",
    "gelu_tanh", "silu", "add", "sub", "mul", "max", "min",
)  # fmt: skip
_SEEN = ("recip", "div", "pow", "mod", "fmod")

BY_FUNCTION: Mapping[str, Zeros] = {
    **dict.fromkeys((*_LOST, *_OF_INTEGERS), Zeros.LOST),
    **dict.fromkeys(_KEPT, Zeros.KEPT),
    **dict.fromkeys(_SEEN, Zeros.SEEN),
}
"""The functions of `lpu.map`; integers have one zero."""
