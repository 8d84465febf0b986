"""The table of `--time-passes`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp


class Timing(NamedTuple):
    """How long one pass took, and how many operations it left."""

    name: str
    seconds: float
    ops: int


def count_ops(module: ModuleOp) -> int:
    """The operations of a module, itself included."""
    return sum(1 for _ in module.walk())


def print_timings(timings: Sequence[Timing]) -> None:
    """A line for each pass, in order, and one for all; to stderr."""
    total = sum(t.seconds for t in timings)
    rows = [*timings, Timing("total", total, timings[-1].ops if timings else 0)]
    width = max(len(row.name) for row in rows)
    print(f"{'pass':{width}}  {'ms':>9}  {'%':>5}  {'ops after':>9}", file=sys.stderr)
    for row in rows:
        share = 100 * row.seconds / total if total else 0.0
        line = f"{row.name:{width}}  {row.seconds * 1e3:9.1f}  {share:5.1f}  {row.ops:9}"
        print(line, file=sys.stderr)
