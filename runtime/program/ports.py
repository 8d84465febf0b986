"""Checks of one entry's interface: its memory, registers, symbols and ports."""

from collections.abc import Sequence
from math import prod

from runtime.errors import Invalid
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.sharding import around
from runtime.target import Target

MOST_AXES = 8
LARGEST_SYMBOL = 1 << 31
HELD_PER_BYTE, HELD_BYTES = 4, 1 << 26
"""Bytes of tensors at the interface for each byte of the arena, and besides: ports may share bytes,
and their elements may be wider than in the arena, but not without end."""


def check_interface(interface: Interface, target: Target, devices: int) -> None:
    """Raise Invalid unless the ports lie in the arena for all values of the symbols."""
    _check_memory(interface, target)
    _check_devices(interface, devices)
    _check_registers(interface, target)
    symbols = {symbol.name: symbol for symbol in interface.symbols}
    if len(symbols) < len(interface.symbols):
        raise Invalid("two symbols have the same name")
    for symbol in interface.symbols:
        _check_symbol(symbol)
    held = 0
    for kind, ports in (("input", interface.inputs), ("output", interface.outputs)):
        _check_names(kind, ports)
        held += sum(_check_port(port, interface, symbols) for port in ports)
    if held > HELD_PER_BYTE * interface.arena_size + HELD_BYTES:
        raise Invalid(f"its ports hold {held} bytes, far more than the arena")


def _check_memory(interface: Interface, target: Target) -> None:
    base, size = interface.arena_base, interface.arena_size
    if min(interface.params_size, base, size) < 0 or base < interface.params_size or base % 64:
        raise Invalid(
            f"an arena of {size} bytes at {base} does not lie 64-byte aligned behind "
            f"{interface.params_size} bytes of parameters"
        )
    if base + size > target.hbm_bytes:
        raise Invalid(f"{base + size} bytes exceed the {target.hbm_bytes} bytes of HBM")


def _check_registers(interface: Interface, target: Target) -> None:
    known: set[int] = set()
    for register in (
        *(r for r, _ in interface.registers),
        *(s.register for s in interface.symbols),
    ):
        if not 0 < register < target.registers or register in known:
            raise Invalid(f"the interface sets r{register}, which it cannot or sets twice")
        known.add(register)


def _check_symbol(symbol: Symbol) -> None:
    if not 0 <= symbol.lower <= symbol.upper <= LARGEST_SYMBOL:
        raise Invalid(
            f"symbol {symbol.name!r} from {symbol.lower} to {symbol.upper} is no range of extents"
        )


def _check_devices(interface: Interface, devices: int) -> None:
    """The symbols of a ring take the numbers of its devices, and ports are shared by all."""
    ring = around(0, devices)
    for symbol in interface.symbols:
        if symbol.name in ring and (symbol.lower, symbol.upper) != (0, devices - 1):
            raise Invalid(f"symbol {symbol.name!r} is no number of {devices} devices")
    for port in (*interface.inputs, *interface.outputs):
        if port.sharding is None:
            continue
        if port.sharding.devices != devices:
            raise Invalid(f"port {port.name!r} is not shared by {devices} devices")
        try:
            port.sharding.check([None if dim.terms else dim.const for dim in port.shape])
        except ValueError as error:
            raise Invalid(f"port {port.name!r}: {error}") from None


def _check_names(kind: str, ports: Sequence[Port]) -> None:
    known: set[str] = set()
    for port in ports:
        if port.name in known:
            raise Invalid(f"two {kind}s have the name {port.name!r}")
        known.add(port.name)


def _check_port(port: Port, interface: Interface, symbols: dict[str, Symbol]) -> int:
    """The bytes that a device has of it at most; Invalid unless it lies in the arena."""
    if len(port.shape) > MOST_AXES:
        raise Invalid(f"port {port.name!r} has {len(port.shape)} axes, more than {MOST_AXES}")
    if port.limit is not None and port.limit < 0:
        raise Invalid(f"port {port.name!r} has the limit {port.limit}")
    bounds = [_bounds(port, dim, symbols) for dim in port.shape]
    if any(low < 0 for low, _ in bounds):
        raise Invalid(f"port {port.name!r} has an extent that can be negative")
    extents = [high for _, high in bounds]
    pairs = zip(port.local(extents), port.strides, strict=True)
    reach = sum((extent - 1) * abs(stride) for extent, stride in pairs)
    low, size = port.address, port.storage.itemsize
    end = low + (reach + 1) * size if min(extents, default=1) > 0 else low
    inside = interface.arena_base <= low and end <= interface.hbm_bytes
    if not inside or low % size or any(stride < 0 for stride in port.strides):
        raise Invalid(f"port {port.name!r} at bytes {low} to {end} does not lie in the arena")
    return prod(port.local(extents)) * port.dtype.itemsize


def _bounds(port: Port, dim: Dim, symbols: dict[str, Symbol]) -> tuple[int, int]:
    """The least and the largest extent for all values of the symbols."""
    low = high = dim.const
    for name, factor in dim.terms:
        if name not in symbols:
            raise Invalid(f"port {port.name!r} uses the unknown symbol {name!r}")
        ends = (factor * symbols[name].lower, factor * symbols[name].upper)
        low, high = low + min(ends), high + max(ends)
    return low, high
