"""IR as text, and where it is shown: on stderr, never on stdout, which carries results."""

from __future__ import annotations

import sys
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp


def ir_text(module: ModuleOp, locations: bool = True) -> str:
    """A module as text."""
    from xdsl.printer import Printer

    stream = StringIO()
    Printer(stream, print_debuginfo=locations).print_op(module)
    return stream.getvalue() + "\n"


def show(title: str, text: str) -> None:
    """Print IR to stderr, under a title."""
    print(f"// ----- {title} -----\n{text}", file=sys.stderr)
