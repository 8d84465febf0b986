"""What registers hold, for all devices and all values of the symbols at once.

    symbols = Symbols(4)
    symbols.add(symbols.scale(symbols.device(1), 192), 64)    # 192 * d1 + 64

A value is a constant (int) or `Affine` in symbols: `dj = (device + j) mod N`, what the host gives
at entry, counters of loops, and results that are not affine. Of every symbol its range is known,
and its `Origin`: whether all devices have the same value, and if not, why. Results that are made
alike of the same operands are one symbol.
"""

from collections.abc import Callable, Hashable, Iterable
from enum import IntEnum
from itertools import product
from typing import Any, NamedTuple

from runtime.isa.instructions.ctrl import Add, Addi, Divi, Li, Max, Min, Mov, Mul, Muli, Sub
from runtime.isa.spec import Inst

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
Range = tuple[int, int]
ANYTHING = (LOWEST, HIGHEST)


class Origin(IntEnum):
    """Why devices differ in a value; the greatest of a sum counts."""

    SAME = 0
    DATA = 1
    DEVICE = 2


class Affine(NamedTuple):
    """`const` plus the sum of coefficient times symbol over `terms`: sorted, none of them zero."""

    const: int
    terms: tuple[tuple[int, int], ...]


Value = int | Affine
Registers = list[Value]


class Symbols:
    """All symbols of a program by number; the first are those of the devices."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        self.ranges: list[Range] = [(0, devices - 1)] * devices
        self.origins = [Origin.DEVICE] * devices
        self._made: dict[Hashable, Affine] = {}
        self._of: dict[int, tuple[Value, ...]] = {}
        self._least: dict[int, set[Value]] = {}
        self._sums: dict[tuple[Value, Value], Value] = {}
        self._multiples: dict[tuple[Value, int], Value] = {}

    def device(self, distance: int) -> Affine:
        """The number of the device so many places to the right."""
        return Affine(0, ((distance, 1),))

    def fresh(self, between: Range, origin: Origin) -> Affine:
        """A new symbol."""
        self.ranges.append(between)
        self.origins.append(origin)
        return Affine(0, ((len(self.ranges) - 1, 1),))

    def unknown(self) -> Affine:
        """What a register holds of which nothing is known, not even that another holds the same."""
        return self.fresh(ANYTHING, Origin.DEVICE)

    def made(self, how: Hashable, between: Range, *operands: Value) -> Value:
        """The result of a function that is not affine; it may be anything within `between`."""
        if between[0] == between[1]:
            return between[0]
        key = (how, operands)
        if key not in self._made:
            self._made[key] = self.fresh(between, max(map(self.origin, operands)))
            self._of[len(self.ranges) - 1] = operands
            if how == "min":
                self._least[len(self.ranges) - 1] = set(operands)
        return self._made[key]

    def roots(self, values: Iterable[Value]) -> set[int]:
        """The symbols of which values are made in the end."""
        found, waiting = set[int](), list(values)
        while waiting:
            for symbol in symbols_of(waiting.pop()) - found:
                found.add(symbol)
                waiting += self._of.get(symbol, ())
        return found

    def least_of(self, symbol: int) -> set[Value]:
        """The values of which a symbol is the least; none where it is something else."""
        return self._least.get(symbol, set())

    def origin(self, value: Value) -> Origin:
        """Whether all devices have this value."""
        found = Origin.SAME
        if not isinstance(value, int):
            for symbol, _ in value.terms:
                origin = self.origins[symbol]
                if origin > found:
                    found = origin
        return found

    def range(self, value: Value) -> Range:
        """The least and the greatest value."""
        if isinstance(value, int):
            return value, value
        low = high = value.const
        for symbol, factor in value.terms:
            least, most = self.ranges[symbol]
            low += factor * (least if factor > 0 else most)
            high += factor * (most if factor > 0 else least)
        return low, high

    def add(self, a: Value, b: Value) -> Value:
        """The sum; one that may wrap can be anything."""
        if type(a) is int and type(b) is int:
            return _wrapped(a + b)
        found = self._sums.get((a, b))
        if found is None:
            found = self._sums[a, b] = self._sum(a, b)
        return found

    def _sum(self, a: Value, b: Value) -> Value:
        terms: dict[int, int] = {}
        const = 0
        for value in (a, b):
            const += value if isinstance(value, int) else value.const
            for symbol, factor in () if isinstance(value, int) else value.terms:
                terms[symbol] = terms.get(symbol, 0) + factor
        kept = tuple(sorted((s, f) for s, f in terms.items() if f))
        return self._fitting("add", _affine(const, kept), a, b)

    def scale(self, a: Value, factor: int) -> Value:
        """A multiple; one that may wrap can be anything."""
        if isinstance(a, int):
            return _wrapped(a * factor)
        found = self._multiples.get((a, factor))
        if found is None:
            terms = tuple((symbol, f * factor) for symbol, f in a.terms if factor)
            value = _affine(a.const * factor, terms)
            found = self._multiples[a, factor] = self._fitting("scale", value, a, factor)
        return found

    def minus(self, a: Value, b: Value) -> Value:
        """The difference."""
        return self.add(a, self.scale(b, -1))

    def _fitting(self, how: str, value: Value, *operands: Value) -> Value:
        low, high = self.range(value)
        if low >= LOWEST and high <= HIGHEST:
            return value
        return self.made(how, ANYTHING, *operands)

    def parts(self, value: Affine) -> tuple[Value, tuple[tuple[int, int], ...]]:
        """A value without its terms of devices, and those: pairs of distance and factor."""
        devices = tuple(term for term in value.terms if term[0] < self.devices)
        others = tuple(term for term in value.terms if term[0] >= self.devices)
        return _affine(value.const, others), devices

    def joined(self, a: Value, b: Value) -> Value:
        """What a register holds where two ways meet."""
        if a == b:
            return a
        (low, high), (least, most) = self.range(a), self.range(b)
        origin = max(self.origin(a), self.origin(b))
        return self.fresh((min(low, least), max(high, most)), origin)


def symbols_of(value: Value) -> set[int]:
    """The symbols of which a value is made."""
    return set() if isinstance(value, int) else {symbol for symbol, _ in value.terms}


def _affine(const: int, terms: tuple[tuple[int, int], ...]) -> Value:
    return Affine(const, terms) if terms else const


def _wrapped(value: int) -> int:
    return value if LOWEST <= value <= HIGHEST else (value - LOWEST) % (1 << 64) + LOWEST


def _li(inst: Li, registers: Registers, symbols: Symbols) -> None:
    del symbols
    registers[inst.rd] = inst.value


def _mov(inst: Mov, registers: Registers, symbols: Symbols) -> None:
    del symbols
    registers[inst.rd] = registers[inst.ra]


def _addi(inst: Addi, registers: Registers, symbols: Symbols) -> None:
    registers[inst.rd] = symbols.add(registers[inst.ra], inst.imm)


def _muli(inst: Muli, registers: Registers, symbols: Symbols) -> None:
    registers[inst.rd] = symbols.scale(registers[inst.ra], inst.imm)


def _add(inst: Add, registers: Registers, symbols: Symbols) -> None:
    a, b = registers[inst.ra], registers[inst.rb]
    registers[inst.rd] = symbols.add(a, b)


def _sub(inst: Sub, registers: Registers, symbols: Symbols) -> None:
    a, b = registers[inst.ra], registers[inst.rb]
    registers[inst.rd] = symbols.minus(a, b)


def _mul(inst: Mul, registers: Registers, symbols: Symbols) -> None:
    a, b = registers[inst.ra], registers[inst.rb]
    if isinstance(b, int):
        registers[inst.rd] = symbols.scale(a, b)
    elif isinstance(a, int):
        registers[inst.rd] = symbols.scale(b, a)
    else:
        registers[inst.rd] = _made("mul", lambda x, y: x * y, a, b, symbols)


def _min(inst: Min, registers: Registers, symbols: Symbols) -> None:
    a, b = registers[inst.ra], registers[inst.rb]
    registers[inst.rd] = _made("min", min, a, b, symbols)


def _max(inst: Max, registers: Registers, symbols: Symbols) -> None:
    a, b = registers[inst.ra], registers[inst.rb]
    registers[inst.rd] = _made("max", max, a, b, symbols)


def _divi(inst: Divi, registers: Registers, symbols: Symbols) -> None:
    a = registers[inst.ra]
    registers[inst.rd] = _made("div", lambda x, y: x // y, a, inst.imm, symbols)


def _made(
    name: str, function: Callable[[int, int], int], a: Value, b: Value, symbols: Symbols
) -> Value:
    """The result of a function that is monotone in each operand, or linear."""
    ends = [function(x, y) for x, y in product(symbols.range(a), symbols.range(b))]
    low, high = min(ends), max(ends)
    fits = low >= LOWEST and high <= HIGHEST
    return symbols.made(name, (low, high) if fits else ANYTHING, a, b)


COMPUTE: dict[type[Inst], Callable[[Any, Registers, Symbols], None]] = {
    Li: _li, Mov: _mov, Add: _add, Sub: _sub, Mul: _mul, Min: _min, Max: _max,
    Addi: _addi, Muli: _muli, Divi: _divi,
}  # fmt: skip
"""What each instruction does that writes a register and nothing else."""
