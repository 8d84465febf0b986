"""The interface section as JSON: strict reading and writing of `runtime.program.interface`.

The section is a list of pairs, name and interface, one for each entry of the program; the first is
`step`. An order of its own, rather than an object, keeps the order of the entries.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from runtime.errors import Malformed
from runtime.numerics.elements import ElementType
from runtime.program.interface import Dim, Interface, Port, Symbol
from runtime.sharding import Sharding

T = TypeVar("T")
Entry = tuple[str, Interface]
STEP, CHUNK = "step", "prompt_chunk"
"""The name of the entry that every program has: one call of the ONNX graph."""


def entries_to_json(entries: Sequence[Entry]) -> list[Any]:
    """JSON-able form of all entries."""
    return [[name, to_json(interface)] for name, interface in entries]


def entries_from_json(data: object) -> tuple[Entry, ...]:
    """The entries of `entries_to_json`, `step` first; Malformed for anything else."""
    if not isinstance(data, list):
        raise Malformed("the interface section is not a list of entries")
    entries = tuple(entry_from_json(item) for item in cast(list[object], data))
    if not entries or entries[0][0] != STEP:
        raise Malformed(f"the first entry of the interface section is not {STEP!r}")
    return entries


def entry_from_json(data: object) -> Entry:
    """The entry of a pair of name and interface."""
    cells = cast(list[object], data)
    if not isinstance(data, list) or len(cells) != 2 or not isinstance(cells[0], str):
        raise Malformed("an entry is a pair of name and interface")
    return (cells[0], from_json(cells[1]))


def to_json(interface: Interface) -> dict[str, Any]:
    """JSON-able form of an interface."""
    return {
        "inputs": [_port_to_json(port) for port in interface.inputs],
        "outputs": [_port_to_json(port) for port in interface.outputs],
        "symbols": [dict(vars(symbol)) for symbol in interface.symbols],
        "params_size": interface.params_size,
        "arena_base": interface.arena_base,
        "arena_size": interface.arena_size,
        "registers": [list(pair) for pair in interface.registers],
        "pc": interface.pc,
    }


def _port_to_json(port: Port) -> dict[str, Any]:
    shape = [{"const": dim.const, "terms": dict(dim.terms)} for dim in port.shape]
    cells = dict(vars(port))
    if port.sharding is None:
        del cells["sharding"]
    else:
        cells["sharding"] = str(port.sharding)
    return cells | {
        "dtype": port.dtype.value,
        "storage": port.storage.value,
        "shape": shape,
        "strides": list(port.strides),
    }


def from_json(data: object) -> Interface:
    """The interface of `to_json`; Malformed for anything else."""
    table = _Table("interface", data)
    interface = Interface(
        inputs=table.items("inputs", _port),
        outputs=table.items("outputs", _port),
        symbols=table.items("symbols", _symbol),
        params_size=table.integer("params_size"),
        arena_base=table.integer("arena_base"),
        arena_size=table.integer("arena_size"),
        registers=table.items("registers", _pair),
        pc=table.integer("pc"),
    )
    table.close()
    return interface


def _port(data: object) -> Port:
    table = _Table("port", data)
    port = Port(
        name=table.text("name"),
        dtype=table.element("dtype"),
        storage=table.element("storage"),
        shape=table.items("shape", _dim),
        strides=table.items("strides", _integer),
        address=table.integer("address"),
        role=table.text("role"),
        limit=table.optional_integer("limit"),
        sharding=table.optional_sharding("sharding"),
    )
    table.close()
    if len(port.shape) != len(port.strides):
        raise Malformed(f"port {port.name!r}: shape and strides differ in length")
    return port


def _symbol(data: object) -> Symbol:
    table = _Table("symbol", data)
    lower, upper = table.integer("lower"), table.integer("upper")
    symbol = Symbol(table.text("name"), table.integer("register"), lower, upper)
    table.close()
    return symbol


def _dim(data: object) -> Dim:
    table = _Table("dim", data)
    terms = _Table("terms", table.take("terms"))
    pairs = tuple((name, terms.integer(name)) for name in list(terms.cells))
    dim = Dim(table.integer("const"), pairs)
    table.close()
    if any(factor == 0 for _, factor in pairs):
        raise Malformed("a dim has a term with factor 0")
    return dim


def _integer(data: object) -> int:
    if type(data) is not int or abs(data) >= 2**62:
        raise Malformed(f"the interface holds {data!r} where an integer belongs")
    return data


def _pair(data: object) -> tuple[int, int]:
    cells = cast(list[object], data)
    if not isinstance(data, list) or len(cells) != 2:
        raise Malformed("an entry register is a pair of register and value")
    return (_integer(cells[0]), _integer(cells[1]))


class _Table:
    """A JSON object of which every key must be taken once and with the right type."""

    def __init__(self, what: str, data: object) -> None:
        if not isinstance(data, dict):
            raise Malformed(f"the interface holds {data!r:.40} where a {what} belongs")
        self.what = what
        self.cells = dict(cast(dict[str, object], data))

    def take(self, key: str) -> object:
        """The value of a key."""
        if key not in self.cells:
            raise Malformed(f"a {self.what} of the interface has no {key!r}")
        return self.cells.pop(key)

    def close(self) -> None:
        """Refuse keys that nobody took."""
        for key in self.cells:
            raise Malformed(f"a {self.what} of the interface has the unknown key {key!r}")

    def integer(self, key: str) -> int:
        """An integer."""
        return _integer(self.take(key))

    def optional_integer(self, key: str) -> int | None:
        """An integer or null."""
        value = self.take(key)
        return None if value is None else _integer(value)

    def optional_sharding(self, key: str) -> Sharding | None:
        """A sharding, or nothing at all."""
        if key not in self.cells:
            return None
        try:
            return Sharding.parse(self.text(key))
        except ValueError as error:
            raise Malformed(f"{key} of a {self.what}: {error}") from None

    def text(self, key: str) -> str:
        """A string."""
        value = self.take(key)
        if not isinstance(value, str):
            raise Malformed(f"{key} of a {self.what} is not text")
        return value

    def element(self, key: str) -> ElementType:
        """An element type by name."""
        name = self.text(key)
        if name not in set(ElementType):
            raise Malformed(f"{key} of a {self.what} is the unknown element type {name!r}")
        return ElementType(name)

    def items(self, key: str, parse: Callable[[object], T]) -> tuple[T, ...]:
        """A list, each item parsed."""
        value = self.take(key)
        if not isinstance(value, list):
            raise Malformed(f"{key} of a {self.what} is not a list")
        return tuple(parse(item) for item in cast(list[object], value))
