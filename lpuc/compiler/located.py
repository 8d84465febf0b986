"""
Read IR text, and say of what is wrong with it, or with what becomes of it, where it stands.

```
error: x.mlir:3:8: 'lpu.fill': expected 8 hex digits
```

An operation stands where its name does, as in MLIR.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException
from xdsl.utils.lexer import Span

from dialects.errors import CompileError, node_names
from dialects.refusal import Refused
from dialects.verification import verify_module
from lpuc.compiler.dumping.reading import expand_locations
from lpuc.compiler.pipeline import make_context
from lpuc.errors import UserError

_STRING = r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"'
_CLOSED = re.compile(rf'(?:[^"/]++|//[^\n]*+|/|{_STRING})*+')
"""Text whose strings end. What was matched is not tried again, so that it takes linear time."""
_RESULTS = re.compile(r"(?:%[^\s=,:]++(?::\d++)?\s*+,?\s*+)++=\s*+")
"""What stands in front of the name of an operation that has results."""


class TextError(UserError):
    """What is wrong with a text, at a line and a column from 1."""

    def __init__(self, problem: str, name: str, line: int, column: int):
        super().__init__(problem, file=f"{name}:{line}:{column}")
        self.problem, self.line, self.column = problem, line, column


def _name_at(text: str, start: int) -> int:
    """Where the name of an operation stands, the text of which starts there."""
    results = _RESULTS.match(text, start)
    return start if results is None else results.end()


class LocatedParser(Parser):
    """A parser that notes where in the text each operation starts."""

    places: dict[Operation, int]
    start: int = 0
    """Where the operation that is being read starts."""

    def parse_operation(self) -> Operation:
        start = self.start = self.pos
        op = super().parse_operation()
        self.places[op] = start
        return op

    def _get_op_by_name(self, name: str) -> type[Operation]:
        """xDSL names the token behind an operation that it does not know."""
        try:
            return super()._get_op_by_name(name)
        except ParseError as error:
            source = self.lexer.input
            at = max(source.content.find(name, _name_at(source.content, self.start)), self.start)
            raise ParseError(Span(at, at + len(name), source), error.msg) from None


@dataclass
class Source:
    """A text, or a part of one that starts at line `first`, and where operations stand in it."""

    text: str
    name: str
    first: int = 1
    places: dict[Operation, int] = field(default_factory=dict[Operation, int])

    def read(self, is_judged: bool = True) -> ModuleOp:
        """The module, which holds to the rules of its level; `TextError` with what does not."""
        self._check_strings()
        parser = LocatedParser(make_context(), self.text, self.name)
        parser.places = self.places
        try:
            module = parser.parse_module()
        except ParseError as error:
            raise self.error(error.msg, error.span.start) from error
        except (VerifyException, ValueError, MemoryError, OverflowError) as error:
            raise self.error(str(error), parser.pos) from error
        except RecursionError:
            raise self.error("regions are nested too deeply", parser.pos) from None
        if is_judged:
            self._judge(module)
        return module

    def _judge(self, module: ModuleOp) -> None:
        """Hold a module to our rules, and to xDSL's, which have no words for the operation."""
        try:
            verify_module(module)
            module.verify()
        except Refused as error:
            raise self.error(str(error), self.place_of(error.op) or 0) from error
        except VerifyException as error:
            found = _first_refused(module)
            place = None if found is None else self.place_of(found)
            name = "" if found is None else f"'{found.name}': "
            raise self.error(f"{name}{error}", place or 0) from error
        except RecursionError:
            raise self.error("regions are nested too deeply", 0) from None

    def _check_strings(self) -> None:
        """Refuse a string without an end, for which the lexer would look in exponential time."""
        found = _CLOSED.match(self.text)
        assert found is not None
        if found.end() < len(self.text):
            raise self.error("the string that begins here does not end", found.end())

    def error(self, problem: str, place: int) -> TextError:
        """What is wrong at a place in the text; a problem of many lines is told in one."""
        line, column = self.line_and_column(place)
        return TextError(" ".join(problem.split()), self.name, line, column)

    def line_and_column(self, place: int) -> tuple[int, int]:
        """Both from 1, the line from the start of the whole file."""
        start = self.text.rfind("\n", 0, place) + 1
        return self.text.count("\n", 0, start) + self.first, place - start + 1

    def place_of(self, op: Operation | None) -> int | None:
        """Where the name of an operation stands, or of the next around it that has a place."""
        while op is not None and op not in self.places:
            op = op.parent_op()
        if op is None:
            return None
        return _name_at(self.text, self.places[op])

    def refusal(self, error: CompileError) -> UserError:
        """
        What a pass refuses, with the place of the operation, if it is one of the text still, or of
        the first that comes from the same ONNX node.
        """
        place = self.place_of(error.place)
        if place is None and error.node is not None:
            named = (op for op in self.places if error.node in node_names(op))
            place = self.place_of(min(named, key=self.places.__getitem__, default=None))
        return UserError(str(error)) if place is None else self.error(str(error), place)


def _first_refused(module: ModuleOp) -> Operation | None:
    """The first operation that xDSL refuses by itself."""
    for op in module.walk():
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException:
            return op
    return None


def parse_module(text: str, name: str, is_judged: bool = True) -> ModuleOp:
    """
    A module that holds to the rules of its level; `TextError` with what does not. `name` is that of
    the file.

    Locations that are keys into a table of the module become the names that they stand for.
    """
    module = Source(text, name).read(is_judged)
    expand_locations(module)
    return module
