"""The table of `--pass-statistics`: what each pass changed, and the operations by dialect."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from passes.rewriting.base import RewritingPass
from passes.rewriting.tally import Tally, tallied

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

COUNTS = tuple(field.name for field in fields(Tally))


def ops_by_dialect(module: ModuleOp) -> dict[str, int]:
    """How many operations of each dialect a module holds, itself included; sorted by name."""
    found = Counter(op.name.partition(".")[0] for op in module.walk())
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Statistics:
    """What one pass did. xDSL's own passes change IR without being counted: `tally` is None."""

    name: str
    tally: Tally | None
    before: Mapping[str, int]
    after: Mapping[str, int]

    def cells(self) -> tuple[str, ...]:
        """The pass as a row of the table."""
        counts = ("-",) * len(COUNTS) if self.tally is None else map(str, astuple(self.tally))
        return (self.name, *counts, ", ".join(self._dialects()))

    def _dialects(self) -> Generator[str]:
        for dialect in sorted({*self.before, *self.after}):
            before, after = self.before.get(dialect, 0), self.after.get(dialect, 0)
            yield f"{dialect} {before}" + (f" -> {after}" if after != before else "")


@contextmanager
def counting(one: ModulePass, module: ModuleOp, into: list[Statistics]) -> Generator[None]:
    """Around one pass; a pass that fails is not counted."""
    before = ops_by_dialect(module)
    with tallied() as tally:
        yield
    counted = tally if isinstance(one, RewritingPass) else None
    into.append(Statistics(one.name, counted, before, ops_by_dialect(module)))


def print_statistics(rows: Sequence[Statistics]) -> None:
    """A line for each pass, in order; to stderr."""
    table = [("pass", *COUNTS, "operations by dialect"), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *counts, dialects in table:
        cells = (f"{c:>{width}}" for c, width in zip(counts, widths[1:-1], strict=True))
        print("  ".join([f"{name:{widths[0]}}", *cells, dialects]), file=sys.stderr)
