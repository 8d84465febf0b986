"""
Where scalar code goes while loops are lowered to `lpu_isa`.

There is one `Scope` for the top level and one for the body of each open loop. A value is computed
in the innermost scope that binds one of its names, before the loop that is open inside it: that
hoists what does not change in a loop. Equal computations in one scope are made once; constants go
to the outermost scope.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from xdsl.dialects.builtin import LocationAttr, UnknownLoc

from dialects.affine import Affine
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu_isa.code import VIRTUAL, Code, Item
from runtime.isa import Add, Addi, Inst, Li, Min, Mul, Muli, Sub

IMM32 = 1 << 31
NONE = -1
"""No register yet."""


@dataclass(slots=True)
class Scope:
    """Code of one loop body so far, and the register of each computation in it."""

    code: list[Item] = field(default_factory=list[Item])
    known: dict[object, int] = field(default_factory=dict[object, int])


class Scopes:
    """Open scopes, names in scope and their ranges; gives registers for affine expressions."""

    def __init__(self, symbols: SymbolsAttr) -> None:
        self.stack = [Scope()]
        self.ranges = symbols.ranges
        self.names = {name: (0, register) for name, register in symbols.registers.items()}
        self.equal: dict[str, Affine] = {}
        self.location: LocationAttr = UnknownLoc()
        self.registers = VIRTUAL
        self.labels = 0

    def fresh(self) -> int:
        """A virtual register that nothing uses yet."""
        self.registers += 1
        return self.registers - 1

    def label(self, stem: str) -> str:
        """A new label."""
        self.labels += 1
        return f"{stem}{self.labels - 1}"

    def emit(self, item: Code | str, depth: int = -1) -> None:
        """Append to a scope, the innermost one unless `depth` says otherwise."""
        self.stack[depth].code.append((item, self.location))

    def close_region(self) -> list[Item]:
        """The code of the top level so far; what it computed is forgotten."""
        assert len(self.stack) == 1, "a loop is open"
        code = self.stack[0].code
        self.stack = [Scope()]
        return code

    def bind(self, name: str, register: int, depth: int, low: int, high: int) -> None:
        """Make a name visible that a register of a scope holds."""
        self.equal.pop(name, None)
        self.names[name] = (depth, register)
        self.ranges[name] = (low, high)

    def resolve(self, value: Affine) -> Affine:
        """The expression in the names that have a register."""
        if any(name in self.equal for name, _ in value.terms):
            return value.substitute(self.equal)
        return value

    def depth_of(self, value: Affine) -> int:
        """The innermost scope that a resolved expression needs."""
        return max((self.names[name][0] for name, _ in value.terms), default=0)

    def constant(self, value: int) -> int:
        """The register of a constant."""
        return 0 if value == 0 else self._computed(0, Li, value)

    def scalar(self, value: Affine) -> int:
        """A register that holds the expression at this point."""
        value = self.resolve(value)
        return self.constant(value.const) if value.is_const else self._sum(value)

    def _sum(self, value: Affine, total: int = NONE) -> int:
        """A resolved expression with symbols, and a register of the outermost scope."""
        terms = sorted((*self.names[name], factor) for name, factor in value.terms)
        const = value.const
        if total == NONE and const and terms[0][2] == -1:
            total, const = self.constant(const), 0
        for depth, group in groupby(terms, key=lambda term: term[0]):
            for _, register, factor in group:
                total = self._plus(depth, total, register, factor)
            if const:
                total, const = self._moved(depth, total, const), 0
        return total

    def address(self, offset: Affine, base: int) -> int:
        """
        A register that holds `base` and an offset in bytes.

        The base has a register of its own wherever the offset has symbols, be it small or large,
        so that programs which differ in their addresses alone have equally many instructions.
        """
        offset = self.resolve(offset)
        if offset.is_const:
            return self.constant(offset.const + base)
        return self._sum(offset, self.constant(base))

    def minimum(self, value: Affine, bound: int) -> tuple[int, int]:
        """Scope and register of the smaller of a resolved expression and a number."""
        depth = self.depth_of(value)
        return depth, self._computed(depth, Min, self.scalar(value), self.constant(bound))

    def _plus(self, depth: int, total: int, register: int, factor: int) -> int:
        """The sum so far and a multiple of a register."""
        if total != NONE and factor == -1:
            return self._computed(depth, Sub, total, register)
        part = self._scaled(depth, register, factor)
        return part if total == NONE else self._computed(depth, Add, total, part)

    def _scaled(self, depth: int, register: int, factor: int) -> int:
        if factor == 1:
            return register
        if -IMM32 <= factor < IMM32:
            return self._computed(depth, Muli, register, factor)
        return self._computed(depth, Mul, register, self.constant(factor))

    def _moved(self, depth: int, register: int, offset: int) -> int:
        if -IMM32 <= offset < IMM32:
            return self._computed(depth, Addi, register, offset)
        return self._computed(depth, Add, register, self.constant(offset))

    def _computed(self, depth: int, inst: type[Inst], *sources: int) -> int:
        scope = self.stack[depth]
        key = (inst, sources)
        register = scope.known.get(key)
        if register is None:
            register = scope.known[key] = self.fresh()
            scope.code.append((Code(inst, (register, *sources)), self.location))
        return register
