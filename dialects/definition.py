"""
Operations whose syntax is made with the first of them that is read or written.

```python
@op_definition
class NegOp(IRDLOperation):
    name = "lpu.neg"
    assembly_format = "$x attr-dict `:` type($x)"
```

xDSL parses an assembly format where the class is defined; most processes neither read nor write IR.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from xdsl.irdl import IRDLOperation, irdl_op_definition
from xdsl.irdl.declarative_assembly_format import FormatProgram
from xdsl.parser import Parser
from xdsl.printer import Printer

T = TypeVar("T", bound=IRDLOperation)


def op_definition(cls: type[T]) -> type[T]:
    """`irdl_op_definition`; what is wrong with an assembly format shows when it is used first."""
    text = cls.assembly_format
    if text is None:
        return irdl_op_definition(cls)
    cls.assembly_format = None
    defined = irdl_op_definition(cls)
    _give_syntax(defined, text)
    return defined


def _give_syntax(cls: type[IRDLOperation], text: str) -> None:
    definition = cls.get_irdl_definition()
    cls.assembly_format = definition.assembly_format = text

    @cache
    def syntax() -> FormatProgram:
        return FormatProgram.from_str(text, definition)

    def read(own: type[IRDLOperation], parser: Parser) -> IRDLOperation:
        return syntax().parse(parser, own)

    def write(self: IRDLOperation, printer: Printer) -> None:
        syntax().print(printer, self)

    for name, function in {"parse": classmethod(read), "print": write}.items():
        setattr(cls, name, function)
