"""
Make sure that `dialects`, `passes` and `runtime` are ours.

The names are common; a stray `runtime.py` in the working directory would otherwise be imported in
place of the machine and fail far from the cause.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

SIBLINGS = ("dialects", "passes", "runtime")


class ForeignModuleError(ImportError):
    """A module of somebody else hides one of ours."""


def _found(name: str) -> str | None:
    """The file that `import name` reads, or None."""
    try:
        spec = find_spec(name)
    except ValueError:
        return None
    return spec.origin if spec else None


def foreign_module(root: Path) -> str | None:
    """What is wrong with the first sibling that does not lie in `root`, or None."""
    for name in SIBLINGS:
        expected = root / name / "__init__.py"
        found = _found(name)
        if found is None:
            return f"module '{name}' of lpuc was not found; reinstall lpuc"
        if os.path.realpath(found) != os.path.realpath(expected):
            return (
                f"module '{name}' is {ascii(found)[1:-1]}, which hides lpuc's own; "
                "rename it, or run lpuc from another folder"
            )
    return None


def _is_command() -> bool:
    """Whether this process is the command `lpuc` or `python -m lpuc`."""
    program = Path(sys.argv[0]).stem if sys.argv else ""
    return program in ("lpuc", "-m")


def check_siblings() -> None:
    """Raise `ForeignModuleError`; as a command, print one line and exit with 1."""
    problem = foreign_module(Path(__file__).parent.parent)
    if problem is None:
        return
    if _is_command():
        raise SystemExit(f"error: {problem}")
    raise ForeignModuleError(problem)
