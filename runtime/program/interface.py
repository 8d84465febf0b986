"""The interface of a program: inputs, outputs, symbols and where they lie in HBM.

An extent is affine in the symbols: `Dim(1, (("past", 1),))` is past + 1. `Interface.bind` solves
the symbols from the shapes of actual inputs and refuses what does not fit, by name. Symbols that no
shape determines, such as a number of tokens to produce, are given by value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runtime.errors import Unlinkable
from runtime.numerics.elements import ElementType
from runtime.sharding import Sharding, around

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Dim:
    """`const` plus the sum of `coefficient * symbol` over `terms`, which are kept sorted."""

    const: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(sorted(self.terms)))

    def value(self, symbols: Mapping[str, int]) -> int:
        """The extent for given symbols."""
        return self.const + sum(factor * symbols[name] for name, factor in self.terms)

    def __str__(self) -> str:
        parts = [name if factor == 1 else f"{factor}*{name}" for name, factor in self.terms]
        if self.const or not parts:
            parts.append(str(self.const))
        return " + ".join(parts)


@dataclass(frozen=True)
class Symbol:
    """A dynamic extent, from `lower` to `upper` inclusive; `register` holds it at entry."""

    name: str
    register: int
    lower: int
    upper: int


@dataclass(frozen=True)
class Port:
    """An input or output tensor and its buffer in the arena.

    `dtype` is the type at the interface, `storage` the type in HBM, `strides` count elements of
    `storage`, `address` is in bytes. Integer inputs must lie in 0 to `limit` - 1 if it is given;
    token ids are never negative. With a `sharding` each of several devices holds a part: `shape` is
    that of the whole tensor, `strides` and `address` are those of the part.
    """

    name: str
    dtype: ElementType
    storage: ElementType
    shape: tuple[Dim, ...]
    strides: tuple[int, ...]
    address: int
    role: str = "data"
    limit: int | None = None
    sharding: Sharding | None = None

    def extents(self, symbols: Mapping[str, int]) -> tuple[int, ...]:
        """Shape for given symbols."""
        return tuple(dim.value(symbols) for dim in self.shape)

    def local(self, extents: Sequence[int]) -> tuple[int, ...]:
        """What each device holds of a tensor of these extents."""
        return tuple(extents) if self.sharding is None else self.sharding.local(extents)

    def byte_strides(self) -> tuple[int, ...]:
        """Strides in bytes."""
        return tuple(stride * self.storage.itemsize for stride in self.strides)


@dataclass(frozen=True)
class Interface:
    """Everything a call of an entry needs besides code: ports, symbols, memory sizes, registers.

    HBM holds parameters at 0 to `params_size` and the arena at `arena_base` to
    `arena_base + arena_size`, in bytes. `registers` are constants (id, value) set at entry. `pc` is
    the word address of the first instruction.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    symbols: tuple[Symbol, ...]
    params_size: int
    arena_base: int
    arena_size: int
    registers: tuple[tuple[int, int], ...] = field(default=())
    pc: int = 0

    @property
    def hbm_bytes(self) -> int:
        """What a device needs of HBM: from the first parameter to the end of the arena."""
        return self.arena_base + self.arena_size

    @property
    def memory(self) -> tuple[int, int, int]:
        """Size of the parameters, base and size of the arena; the same in all entries."""
        return (self.params_size, self.arena_base, self.arena_size)

    @property
    def least(self) -> dict[str, int]:
        """The least value of each symbol."""
        return {symbol.name: symbol.lower for symbol in self.symbols}

    @property
    def greatest(self) -> dict[str, int]:
        """The greatest value of each symbol."""
        return {symbol.name: symbol.upper for symbol in self.symbols}

    def entry_registers(self, symbols: Mapping[str, int]) -> dict[int, int]:
        """Values of the registers that are set when the program starts."""
        return dict(self.registers) | {s.register: symbols[s.name] for s in self.symbols}

    def bind(
        self, inputs: Mapping[str, Array], values: Mapping[str, int] | None = None
    ) -> dict[str, int]:
        """Values of the symbols; Unlinkable when the inputs or the given `values` do not fit."""
        given = dict(values or {})
        self._check_names(inputs)
        self._check_values(given)
        for port in self.inputs:
            _check_kind(port, inputs[port.name])
        symbols = self._solve(inputs, given)
        for symbol in self.symbols:
            _check_bounds(symbol, symbols)
        for port in self.inputs:
            _check_shape(port, inputs[port.name], symbols)
            _check_limit(port, inputs[port.name])
        return symbols

    def _check_names(self, inputs: Mapping[str, Array]) -> None:
        known = {port.name for port in self.inputs}
        for name in inputs:
            if name not in known:
                raise Unlinkable(name, f"one of the inputs {', '.join(sorted(known))}", repr(name))
        for port in self.inputs:
            if port.name not in inputs:
                raise Unlinkable(port.name, f"{port.dtype.value} {_shape(port)}", "nothing")

    def _check_values(self, values: Mapping[str, int]) -> None:
        known = {symbol.name for symbol in self.symbols}
        for name in values:
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise Unlinkable(name, f"one of the symbols {names}", repr(name))

    def _solve(self, inputs: Mapping[str, Array], given: Mapping[str, int]) -> dict[str, int]:
        """Solve dims with one unknown symbol until nothing changes, from the values given."""
        symbols = dict(given)
        pairs = [
            (port, dim, int(extent))
            for port in self.inputs
            for dim, extent in zip(port.shape, inputs[port.name].shape, strict=True)
        ]
        while solved := _solvable(pairs, symbols):
            port, dim, extent = solved
            _solve_one(port, dim, extent, symbols)
        return symbols


def device_symbols(interface: Interface, device: int, devices: int) -> dict[str, int]:
    """The symbols `d0`, `d1`, ... of an entry, those that it has, on a device of a ring.

    `dj` is the number of the device that is `j` steps to the right. One that is alone has none.
    """
    numbers = around(device, devices)
    return {s.name: numbers[s.name] for s in interface.symbols if s.name in numbers}


def call_symbols(interface: Interface, devices: int) -> tuple[Symbol, ...]:
    """The symbols of an entry that a call determines, not those that a device knows by itself."""
    own = device_symbols(interface, 0, devices)
    return tuple(symbol for symbol in interface.symbols if symbol.name not in own)


def _solvable(
    pairs: list[tuple[Port, Dim, int]], symbols: dict[str, int]
) -> tuple[Port, Dim, int] | None:
    for pair in pairs:
        if sum(name not in symbols for name, _ in pair[1].terms) == 1:
            return pair
    return None


def _solve_one(port: Port, dim: Dim, extent: int, symbols: dict[str, int]) -> None:
    known = sum(f * symbols[n] for n, f in dim.terms if n in symbols)
    name, factor = next((n, f) for n, f in dim.terms if n not in symbols)
    value, rest = divmod(extent - dim.const - known, factor)
    if rest:
        raise Unlinkable(port.name, f"extent {dim} with a whole {name}", str(extent))
    symbols[name] = value


def _check_kind(port: Port, value: Array) -> None:
    if value.dtype != port.dtype.dtype:
        raise Unlinkable(port.name, f"elements of type {port.dtype.value}", str(value.dtype))
    if value.ndim != len(port.shape):
        raise Unlinkable(port.name, f"rank {len(port.shape)}", f"shape {list(value.shape)}")


def _check_bounds(symbol: Symbol, symbols: Mapping[str, int]) -> None:
    value = symbols.get(symbol.name)
    if value is None:
        raise Unlinkable(symbol.name, "an input whose shape gives it, or a value", "neither")
    if not symbol.lower <= value <= symbol.upper:
        bounds = f"{symbol.lower} to {symbol.upper}, the bound at compile time"
        raise Unlinkable(symbol.name, bounds, str(value))


def _check_shape(port: Port, value: Array, symbols: Mapping[str, int]) -> None:
    if value.shape != port.extents(symbols):
        formula, extents = _shape(port), str(list(port.extents(symbols)))
        expected = extents if formula == extents else f"{formula} = {extents}"
        raise Unlinkable(port.name, expected, str(list(value.shape)))


def _check_limit(port: Port, value: Array) -> None:
    if (port.limit is None and port.role != "ids") or not value.size:
        return
    low, high = int(value.min()), int(value.max())
    if low < 0 or (port.limit is not None and high >= port.limit):
        wanted = "values from 0 on" if port.limit is None else f"values from 0 to {port.limit - 1}"
        raise Unlinkable(port.name, wanted, str(low if low < 0 else high))


def _shape(port: Port) -> str:
    return f"[{', '.join(str(dim) for dim in port.shape)}]"
