"""What a user's model can get wrong: one class, reported in one line by the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Self, cast

from xdsl.dialects.builtin import (
    ArrayAttr,
    FusedLoc,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import DiagnosticException

from runtime.errors import Error

_NONE = NoneAttr()


class CompileError(DiagnosticException, Error):
    """
    The model, not the compiler, is at fault; `xdsl-opt --verify-diagnostics` prints it.

    `node` and `op` name the ONNX node and its operator, `hint` says what would help. `place` is the
    operation of the IR, where the refusal is of a single one.
    """

    place: Operation | None = None

    def __init__(
        self,
        message: str,
        *,
        node: str | None = None,
        op: str | None = None,
        hint: str | None = None,
    ):
        super().__init__(message)
        self.message, self.node, self.op, self.hint = message, node, op, hint

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.node, self.op) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}; {self.hint}" if self.hint else text

    def at(self, node: str, op: str) -> Self:
        """The same refusal with its place in the model."""
        return type(self)(self.message, node=node, op=op, hint=self.hint)


class Unsupported(CompileError):
    """The model may be right, but asks for what the compiler lacks."""


class ManySteps(Unsupported):
    """More steps at once than are written out; fewer tokens at a time may take fewer."""


def location_names(location: Attribute) -> tuple[str, ...]:
    """The ONNX node names in a location, in order, each once."""
    if isinstance(location, NameLoc):
        return (location.desc.data,)
    if isinstance(location, FusedLoc):
        names: dict[str, None] = {}
        for part in cast("ArrayAttr[Attribute]", location.locations):
            if isinstance(part, NameLoc):
                names[part.desc.data] = None
            else:
                names.update(dict.fromkeys(location_names(part)))
        return tuple(names)
    return ()


@lru_cache(1 << 15)
def _name_loc(name: str) -> NameLoc:
    """A location that is right by construction: its verifiers are a tenth of an import."""
    location, description = NameLoc.__new__(NameLoc), StringAttr.__new__(StringAttr)
    object.__setattr__(description, "data", name)
    object.__setattr__(location, "desc", description)
    object.__setattr__(location, "location", _NONE)
    return location


def location_of(names: Iterable[str]) -> LocationAttr:
    """The location that stands for these ONNX nodes, each once, in order."""
    return together([_name_loc(name) for name in dict.fromkeys(names)])


def together(parts: Sequence[LocationAttr]) -> LocationAttr:
    """Different locations as one; it is not verified either, part by part."""
    if len(parts) < 2:
        return parts[0] if parts else UnknownLoc()
    location = FusedLoc.__new__(FusedLoc)
    object.__setattr__(location, "locations", ArrayAttr[Attribute](parts))
    object.__setattr__(location, "metadata", _NONE)
    return location


def node_names(op: Operation) -> tuple[str, ...]:
    """
    The ONNX nodes that an operation came from.

    In IR that was dumped, locations are keys into a table of nodes. Whoever makes a location of
    those of operations takes the keys, by `location_names`.
    """
    names = location_names(op.location)
    return _of_keys(op, names) if names and names[0].startswith("#") else names


def _of_keys(op: Operation, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The names that keys stand for, if the module of an operation has a table of them."""
    from dialects.lpu.nodes import NODES, NodesAttr, expanded

    top = op
    while (around := top.parent_op()) is not None:
        top = around
    table = top.attributes.get(NODES)
    if not isinstance(table, NodesAttr):
        return keys
    try:
        return expanded(keys, table.names)
    except KeyError:
        return keys  # somebody wrote a location into a dump


def unsupported(
    op: Operation, message: str, hint: str | None = None, kind: type[Unsupported] = Unsupported
) -> Unsupported:
    """A refusal that names the node and operator of an IR operation."""
    names = node_names(op)
    error = kind(message, node=names[0] if names else None, op=op.name, hint=hint)
    error.place = op
    return error
