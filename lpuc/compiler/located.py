"""Read IR text and remember where each operation of it stands."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser

from dialects.refusal import Refused
from dialects.verification import verify_module
from lpuc.compiler.pipeline import make_context
from lpuc.errors import UserError


class LocatedParser(Parser):
    """A parser that notes where in the text each operation starts."""

    places: dict[Operation, int]

    def parse_operation(self) -> Operation:
        start = self.pos
        op = super().parse_operation()
        self.places[op] = start
        return op


def read_module(text: str, name: str) -> ModuleOp:
    """A module that holds to the rules of its level; `UserError` with the line that does not."""
    parser = LocatedParser(make_context(), text, name)
    parser.places = {}
    module = parser.parse_module()
    try:
        verify_module(module)
    except Refused as error:
        line = text.count("\n", 0, parser.places.get(error.op, 0)) + 1
        raise UserError(f"line {line}: {error}") from error
    module.verify()
    return module
