"""The machine: instruction set, program file, interpreter and target descriptions.

`runtime` is the bottom layer. It imports numpy and ml_dtypes and nothing of the compiler, so
whoever runs a program needs no compiler. Read `runtime.isa` for the instructions,
`runtime.program` for the file, `runtime.run` for execution, `runtime.timing` for time.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.calling.loaded import Loaded
    from runtime.weights.image import Check


def load(path: str | PathLike[str], *, check: Check = "used", fuel: int | None = None) -> Loaded:
    """Read a program, to be run: `runtime.calling.loaded` says what it can do."""
    from runtime.calling.loaded import load

    return load(path, check=check, fuel=fuel)
