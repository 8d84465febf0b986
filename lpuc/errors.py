"""
One handler for everything that can go wrong: which message, which exit code.

| exit | what |
|---|---|
| 0 | done |
| 1 | the user's file or input is at fault: one line, `error: <file>: <node>: what; what to do` |
| 2 | wrong usage of the command line |
| 3 | `verify` found a difference, `bisect` something wrong |
| 70 | a bug of the compiler: short message, and a reproducer where one exists |
| 130, 143 | interrupted, terminated |
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runtime.errors import BadOption, Error

USER, USAGE, MISMATCH, INTERNAL, PIPE, INTERRUPTED, TERMINATED = 1, 2, 3, 70, 141, 130, 143

NODES = 4
"""How many ONNX nodes of an operation a report names."""


class UserError(Error):
    """A file or an input of the user is at fault; `file` overrides the file of the command."""

    def __init__(self, message: str, *, file: str | Path | None = None):
        super().__init__(message)
        self.file = None if file is None else str(file)


class UsageError(Error):
    """The command line, or a call, is at fault."""


class InternalError(Error):
    """
    The compiler is at fault; `reproducer` is the file that shows it.

    `operation` is the one that was being looked at, and `nodes` the ONNX nodes that it comes from.
    """

    def __init__(
        self,
        message: str,
        reproducer: Path | None = None,
        *,
        operation: str | None = None,
        nodes: Sequence[str] = (),
    ):
        super().__init__(message)
        self.reproducer, self.operation, self.nodes = reproducer, operation, tuple(nodes)
        self.where: str | None = None
        """The pass that is at fault, if it is one."""
        self.flags = ""
        """Options without which the reproducer does not show it."""


class Terminated(BaseException):
    """SIGTERM arrived."""


@dataclass
class State:
    """What the handler needs to know about the command that runs."""

    debug: bool = False
    file: str | None = None
    """The file the command is about."""


class Verdict(NamedTuple):
    """How the process ends: its exit code and the lines on stderr."""

    code: int
    text: str = ""


def printable(text: str) -> str:
    """Text of a user, safe on a terminal: what is not printable appears as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def printable_lines(text: str) -> str:
    """Several lines, each made printable; tabs stay."""
    return re.sub(r"[^\n\t -~]+", lambda found: printable(found[0]), text)


def _at(file: str | None, message: str) -> Verdict:
    """The user's fault; a message that names the file already does not name it twice."""
    where = f"{file}: " if file else ""
    return Verdict(USER, f"error: {printable(where)}{printable_lines(message.removeprefix(where))}")


def _user_verdict(error: Exception, state: State) -> Verdict | None:
    """The verdict on errors that are the user's, None on others."""
    from runtime.errors import RuntimeFault, Unreadable
    from runtime.traps import Trap

    match error:
        case UserError():
            return _at(error.file or state.file, str(error))
        case Unreadable():
            return _at(error.file, str(error))
        case RuntimeFault() | Trap():
            return _at(state.file, str(error))
        case MemoryError():
            return _at(state.file, "out of memory")
        case OSError():
            return _os_verdict(error, state)
        case _:
            return _compiler_verdict(error, state)


def _os_verdict(error: OSError, state: State) -> Verdict:
    if isinstance(error, BrokenPipeError):
        return Verdict(PIPE)
    name = error.filename if isinstance(error.filename, str) else state.file
    return _at(name, error.strerror or str(error))


def _compiler_verdict(error: Exception, state: State) -> Verdict | None:
    """Errors whose classes only exist where the compiler is installed and in use."""
    if "dialects.errors" in sys.modules:
        from dialects.errors import CompileError

        if isinstance(error, CompileError):
            return _at(state.file, str(error))
    if "xdsl.utils.exceptions" in sys.modules:
        from xdsl.utils.exceptions import ParseError

        if isinstance(error, ParseError):
            return _at(state.file, str(error).strip())
    return None


def _internal_verdict(error: Exception) -> Verdict:
    reproducer = error.reproducer if isinstance(error, InternalError) else None
    kind = "" if isinstance(error, InternalError) else f"{type(error).__name__}: "
    lines = [f"internal error: {kind}{_first_line(str(error))}"]
    if isinstance(error, InternalError) and error.operation is not None:
        lines.append(f"  operation: {printable(error.operation)}{_from_nodes(error.nodes)}")
    if reproducer is not None:
        name = printable(str(reproducer))
        flags = error.flags if isinstance(error, InternalError) else ""
        command = f"lpuc opt --run-reproducer {name}{flags}"
        lines.append(f"  reproducer: {name}; `{command}` shows it again")
    lines.append("  this is a bug of lpuc; --debug shows the traceback")
    return Verdict(INTERNAL, "\n".join(lines))


def _from_nodes(nodes: Sequence[str]) -> str:
    if not nodes:
        return ", which comes from no ONNX node"
    more = f" and {len(nodes) - NODES} more" if len(nodes) > NODES else ""
    kind = "node" if len(nodes) == 1 else "nodes"
    return f", from ONNX {kind} {', '.join(map(printable, nodes[:NODES]))}{more}"


def _first_line(text: str, limit: int = 300) -> str:
    line = printable(text.strip().partition("\n")[0])
    return line if len(line) <= limit else line[:limit] + "..."


def verdict(error: BaseException, state: State) -> Verdict:
    """What to print and which code to exit with."""
    if isinstance(error, KeyboardInterrupt):
        return Verdict(INTERRUPTED, "interrupted")
    if isinstance(error, Terminated):
        return Verdict(TERMINATED, "terminated")
    if isinstance(error, BadOption):
        flag = f"--{error.option.replace('_', '-')}"
        return Verdict(USAGE, f"error: {printable(flag)}: {printable_lines(error.problem)}")
    if isinstance(error, UsageError):
        return Verdict(USAGE, f"error: {printable_lines(str(error))}")
    if not isinstance(error, Exception):
        raise error
    return _user_verdict(error, state) or _internal_verdict(error)


def report(error: BaseException, state: State) -> int:
    """Print what went wrong and give the exit code."""
    result = verdict(error, state)
    if state.debug:
        _drop_notes(error)
        traceback.print_exception(error)
    if result.text:
        print(result.text, file=sys.stderr)
    return result.code


def _drop_notes(error: BaseException | None) -> None:
    """Notes hold the whole module, once for each level of nesting."""
    while error is not None:
        if hasattr(error, "__notes__"):
            error.__notes__ = []
        error = error.__cause__ or error.__context__
