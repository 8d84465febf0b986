"""
What is visible at one place of a function: names with their kinds and the values they may have.

A name is a symbol of the function, the variable of a loop or the extent of a tile, which holds one
element at least. What loops and tiles bind depends on the names around them: a bound of an
expression is found by replacing its innermost name by a bound of that name, and so on outwards.
Where that does not show that an expression stays above zero, `below_zero` looks for values that the
names can have together: what it finds is wrong, what it does not find may be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation

from dialects.affine import Affine
from dialects.lpu.attributes import SymbolsAttr
from dialects.reading import all_within
from dialects.refusal import require

World = dict[str, int]
"""A value for each name in scope."""


@dataclass
class Shared:
    """What the functions of a module share."""

    module: ModuleOp
    states: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    """The type of each state by name."""
    layouts: dict[str, Any] = field(default_factory=dict[str, Any])
    """Where the parts of each state lie, for `dialects.lpu_esl.verification`."""


class Bound(NamedTuple):
    """A name, what binds it, and its least and largest value in terms of the names around it."""

    name: str
    kind: str
    low: Affine
    highs: tuple[Affine, ...]
    """It is no larger than any of these; a tile is as large as the least of them."""
    step: int = 1
    """From one value to the next."""


@dataclass
class Scope:
    """The names bound around one place of a function, outermost first."""

    func: FuncOp
    shared: Shared
    stack: list[Bound] = field(default_factory=list[Bound])
    bound: dict[str, Bound] = field(default_factory=dict[str, Bound])
    states: set[str] = field(default_factory=set[str])
    """The states of the function so far."""
    is_open: bool = False
    """Whether names are still those of the model, which `onnx-bind-roles` binds."""

    @staticmethod
    def of(func: FuncOp, shared: Shared) -> Scope:
        """The scope of a function's top level: its symbols."""
        scope = Scope(func, shared)
        symbols = func.attributes.get("lpu.symbols")
        scope.is_open = symbols is None and not _is_below_import(func)
        for name, low, high in symbols.data if isinstance(symbols, SymbolsAttr) else ():
            require(func, low <= high, f"the symbol {name} has no value from {low} to {high}")
            scope.bind(func, Bound(name, "symbol", Affine(low), (Affine(high),)))
        return scope

    def bind(self, op: Operation, bound: Bound) -> None:
        """Make a name visible."""
        known = self.bound.get(bound.name)
        kind = known.kind if known else ""
        require(op, known is None, f"{bound.name} is bound again, it is a {kind} around it")
        self.stack.append(bound)
        self.bound[bound.name] = bound

    def leave(self, depth: int) -> None:
        """Forget the names that were bound since the stack was as deep as this."""
        while len(self.stack) > depth:
            del self.bound[self.stack.pop().name]

    def below_zero(self, value: Affine, extents: Sequence[Affine]) -> bool:
        """Whether `value` is negative for values of the names for which no extent is 0."""
        if self.least(value, len(self.stack)) >= 0:
            return False
        return any(
            value.evaluate(world) < 0 and all(e.evaluate(world) > 0 for e in extents)
            for world in self.worlds()
        )

    def least(self, value: Affine, depth: int) -> int:
        """A number that `value` never falls below; names beyond `depth` do not occur in it."""
        if not value.terms:
            return value.const
        coefficients = dict(value.terms)
        for index in reversed(range(depth)):
            bound = self.stack[index]
            factor = coefficients.get(bound.name)
            if factor is not None:
                rest = value - Affine.symbol(bound.name, factor)
                ends = (bound.low,) if factor > 0 else bound.highs
                return max(self.least(rest + end * factor, index) for end in ends)
        return value.const

    def worlds(self) -> list[World]:
        """Values at the ends of all ranges, one world for each combination that occurs."""
        found: list[World] = [{}]
        for bound in self.stack:
            found = [world | {bound.name: v} for world in found for v in _ends(bound, world)]
        return found


def _ends(bound: Bound, world: World) -> set[int]:
    """The least and the largest value of a name; none where a loop does not run."""
    low, high = bound.low.evaluate(world), min(high.evaluate(world) for high in bound.highs)
    if bound.kind == "tile":
        return {high}
    return {low, high - (high - low) % bound.step} if low <= high else set()


Rule = Callable[[Any, Scope], None]
"""What an operation demands of the scope that it stands in."""


def _is_below_import(func: FuncOp) -> bool:
    """Whether a function has left the level `onnx`: it has operations of ours, and no node."""
    dialects = {op.name.partition(".")[0] for op in all_within(func)}
    return "onnx" not in dialects and any(name.startswith("lpu") for name in dialects)
