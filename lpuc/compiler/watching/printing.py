"""IR as text, and how it is shown: on stderr, never on stdout, which carries results."""

from __future__ import annotations

import sys
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from lpuc.compiler.watching.eliding import DEFAULT, elided
from lpuc.errors import UserError, printable

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass


def ir_text(module: ModuleOp, locations: bool = True) -> str:
    """A module as text."""
    from xdsl.printer import Printer

    stream = StringIO()
    Printer(stream, print_debuginfo=locations).print_op(module)
    return stream.getvalue() + "\n"


class Prints(NamedTuple):
    """Around which passes IR is printed, and how much of it."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    before_all: bool = False
    after_all: bool = False
    after_change: bool = False
    after_failure: bool = False
    node: str | None = None
    """Print only what comes from this ONNX node; `*` in it stands for anything."""
    larger: int = DEFAULT
    """Lists and constants of more elements are cut short."""

    def check(self, module: ModuleOp) -> None:
        """`UserError` if no operation of what the passes start with comes from the node."""
        if self.node is None:
            return
        from dialects.spelling import did_you_mean
        from lpuc.compiler.watching.filtering import is_meant, names_of

        known = names_of(module)
        if not any(is_meant(self.node, name) for name in known):
            hint = did_you_mean(self.node, known, 'locations name them: loc("NODE")')
            raise UserError(f"no operation comes from an ONNX node '{self.node}'; {hint}")

    def text(self, module: ModuleOp) -> str:
        """What is shown of a module."""
        if self.node is None:
            return elided(ir_text(module), self.larger)
        from lpuc.compiler.watching.filtering import filtered_text

        return elided(filtered_text(module, self.node), self.larger)

    def show_before(self, one: ModulePass, module: ModuleOp) -> None:
        """Print IR in front of a pass, where that is asked for."""
        if self.before_all or one.name in self.before:
            _show(f"Before {_title(one)}", self.text(module))

    def show_after(self, one: ModulePass, module: ModuleOp, changed: bool) -> None:
        """Print IR behind a pass, where that is asked for."""
        asked = self.after_all or one.name in self.after
        if asked or (self.after_change and changed):
            _show(f"After {_title(one)}", self.text(module))

    def show_failed(self, one: ModulePass, module: ModuleOp) -> None:
        """Print what a pass that failed has left; that need not be IR any more."""
        if not self.after_failure:
            return
        try:
            text = self.text(module)
        except Exception as error:  # the failure of the pass is what must be reported
            text = f"// it cannot be printed: {printable(f'{type(error).__name__}: {error}')}\n"
        _show(f"After {type(one).__name__} Failed ({one.name})", text)


def _title(one: ModulePass) -> str:
    return f"{type(one).__name__} ({one.name})"


def _show(title: str, text: str) -> None:
    """Print IR under a title, which has the form that MLIR gives it."""
    print(f"// -----// IR Dump {title} //----- //\n{text}", file=sys.stderr)
