"""What a user's model can get wrong: one class, reported in one line by the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

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

_NONE = NoneAttr()


class CompileError(DiagnosticException):
    """
    The model, not the compiler, is at fault; `xdsl-opt --verify-diagnostics` prints it.

    `node` and `op` name the ONNX node and its operator, `hint` says what would help.
    """

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


def location_names(location: Attribute) -> tuple[str, ...]:
    """The ONNX node names in a location, in order, each once."""
    if isinstance(location, NameLoc):
        return (location.desc.data,)
    if isinstance(location, FusedLoc):
        parts = cast("ArrayAttr[Attribute]", location.locations)
        names = (name for part in parts for name in location_names(part))
        return tuple(dict.fromkeys(names))
    return ()


def _name_loc(name: str) -> NameLoc:
    """A location that is right by construction: its verifier is a tenth of an import."""
    location = NameLoc.__new__(NameLoc)
    object.__setattr__(location, "desc", StringAttr(name))
    object.__setattr__(location, "location", _NONE)
    return location


def location_of(names: Iterable[str]) -> LocationAttr:
    """The location that stands for these ONNX nodes, each once, in order."""
    parts = [_name_loc(name) for name in dict.fromkeys(names)]
    if not parts:
        return UnknownLoc()
    return parts[0] if len(parts) == 1 else FusedLoc(tuple(parts), _NONE)


def node_names(op: Operation) -> tuple[str, ...]:
    """The ONNX nodes that an operation came from."""
    return location_names(op.location)


def unsupported(op: Operation, message: str, hint: str | None = None) -> CompileError:
    """A `CompileError` that names the node and operator of an IR operation."""
    names = node_names(op)
    return CompileError(message, node=names[0] if names else None, op=op.name, hint=hint)
