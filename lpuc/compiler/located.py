"""Read IR text and remember where each operation of it stands."""

from __future__ import annotations

import re

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

from dialects.refusal import Refused
from dialects.verification import verify_module
from lpuc.compiler.dumping.reading import expand_locations
from lpuc.compiler.pipeline import make_context
from lpuc.errors import UserError

_STRING = r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"'
_CLOSED = re.compile(rf'(?:[^"/]++|//[^\n]*+|/|{_STRING})*+')
"""Text whose strings end. What was matched is not tried again, so that it takes linear time."""


class LocatedParser(Parser):
    """A parser that notes where in the text each operation starts."""

    places: dict[Operation, int]

    def parse_operation(self) -> Operation:
        start = self.pos
        op = super().parse_operation()
        self.places[op] = start
        return op


def parse_module(text: str, name: str, is_judged: bool = True) -> ModuleOp:
    """
    Read and verify a module; a fault of the text is the user's. `name` is that of its file.

    Locations that are keys into a table of the module become the names that they stand for.
    """
    module = parse_as_written(text, name, is_judged)
    expand_locations(module)
    return module


def parse_as_written(text: str, name: str, is_judged: bool = True) -> ModuleOp:
    """The same, with locations as they stand there."""
    try:
        return read_module(text, name, is_judged)
    except (ParseError, VerifyException, ValueError, MemoryError, OverflowError) as error:
        raise UserError(str(error).strip()) from error
    except RecursionError:
        raise UserError("regions are nested too deeply") from None


def read_module(text: str, name: str, is_judged: bool = True) -> ModuleOp:
    """A module that holds to the rules of its level; `UserError` with the line that does not."""
    _check_strings(text)
    parser = LocatedParser(make_context(), text, name)
    parser.places = {}
    module = parser.parse_module()
    if not is_judged:
        return module
    try:
        verify_module(module)
    except Refused as error:
        line = text.count("\n", 0, parser.places.get(error.op, 0)) + 1
        raise UserError(f"line {line}: {error}") from error
    module.verify()
    return module


def _check_strings(text: str) -> None:
    """Refuse a string without an end, for which the lexer would look in exponential time."""
    found = _CLOSED.match(text)
    assert found is not None
    if found.end() < len(text):
        line = text.count("\n", 0, found.end()) + 1
        raise UserError(f"line {line}: the string that begins here does not end")
