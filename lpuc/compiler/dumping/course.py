"""What a pipeline is that somebody dumps: its passes, and what belongs to it besides the IR."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.files import read_text

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

    from lpuc.compiler.options import CompileOptions

TARGET_FILE, PLAN_FILE = "target.toml", "plan.json"
MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class Course:
    """The passes, written as in a pipeline, how a program has its weights, files to lie beside."""

    specs: tuple[str, ...] = ()
    weights: str = "embed"
    copies: Mapping[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def of(passes: Sequence[ModulePass], options: CompileOptions | None = None) -> Course:
        """That of a compilation, or of passes alone."""
        specs = tuple(str(one.spec()) for one in passes)
        if options is None:
            return Course(specs)
        return Course(specs, options.weights, _copies(options))


def _copies(options: CompileOptions) -> dict[str, str]:
    """What files describe a machine or a plan, by the names that they have beside a dump."""
    copies: dict[str, str] = {}
    (_, machine), plan = options.described, options.plan
    if machine is not None:
        copies[TARGET_FILE] = machine
    if isinstance(plan, str | PathLike):
        copies[PLAN_FILE] = read_text(Path(plan), MOST_BYTES)
    elif plan is not None:
        copies[PLAN_FILE] = f"{json.dumps(plan, indent=1)}\n"
    return copies
