"""Print the table of published figures; see the package."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.published.frozen import digest, freeze, frozen
from benchmarks.published.points import (
    ASKED,
    BOUND,
    HELD_OUT,
    POINTS,
    PUBLISHED_AT,
    Point,
    compiled,
    model_of,
)
from lpuc.profiling.floor import floor_of
from runtime.errors import Error
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.profiling.causes import Spent
from runtime.timing.profiling.path import critical_path
from runtime.timing.profiling.record import Record, record


@dataclass(frozen=True)
class Row:
    """A point in milliseconds; `fits` is whether the machine has so much memory.

    `frozen` is None where the frozen code has no room, or there is none. `causes` are the three
    largest shares of the critical path.
    """

    shape: str
    devices: int
    target: str
    context: int
    published: float | None
    frozen: float | None
    today: float
    floor: float
    fits: bool
    causes: dict[str, float]
    compile_seconds: float
    predict_seconds: float

    def text(self) -> str:
        """A row of a table; the residual is ours over the published figure."""
        name = f"{self.shape} x{self.devices}{'' if self.fits else ' (does not fit)'}"
        cells = [name, str(self.context), "" if self.published is None else f"{self.published:.2f}"]
        for ours in (self.frozen, self.today):
            cells.append("" if ours is None else f"{ours:.3f}")
            cells.append(_residual(ours, self.published))
        cells += [f"{self.floor:.3f}", f"{self.today / self.floor:.3f}"]
        cells.append(", ".join(f"{cause} {share:.0%}" for cause, share in self.causes.items()))
        cells += [f"{self.compile_seconds:.1f}", f"{self.predict_seconds:.1f}"]
        return f"| {' | '.join(cells)} |"


def _residual(ours: float | None, published: float | None) -> str:
    return "" if ours is None or published is None else f"{ours / published - 1:+.1%}"


HEADER = (
    "| model | context | published ms | frozen code | residual | today's code | residual | floor | "
    "over floor | on the critical path | compile s | predict s |\n|" + 12 * "---|"
)


def milliseconds(program: Program, context: int) -> float:
    """Of one token with so many before it."""
    return predict(program, {program.interface.symbols[0].name: context}).seconds * 1e3


def measured(point: Point, contexts: list[int], bound: int, folder: Path) -> Iterator[Row]:
    """Compile one shape without weights and time one token at some contexts."""
    began = time.process_time()
    program = compiled(point, bound, folder)
    made = time.process_time() - began
    used = program.interface.arena_base + program.interface.arena_size
    before = frozen(point) if point in POINTS else None
    target = Target.load(point.target)
    is_same = bound == BOUND and before is not None and digest(before) == digest(program)
    for context in contexts:
        began = time.process_time()
        run = record(program, {program.interface.symbols[0].name: context})
        took, today = time.process_time() - began, run.seconds * 1e3
        old = today if is_same else None
        if before is not None and not is_same and context < BOUND:
            old = milliseconds(before, context)
        floor = floor_of(model_of(point, bound, folder), context, "f16")
        yield Row(
            point.shape, point.devices, point.target, context,
            point.published if context == PUBLISHED_AT else None, old, today,
            floor.seconds(target, point.devices) * 1e3, used <= target.hbm_bytes, largest(run),
            made, took,
        )  # fmt: skip


def largest(run: Record) -> dict[str, float]:
    """The three causes with most of the critical path, as shares."""
    spent = Counter[str]()
    for piece in critical_path(run):
        spent[str(piece.spent)] += piece.end - piece.begin
    spent[str(Spent.REFRESH)] = int(spent[str(Spent.MEMORY)] * (1 - run.target.refresh_leaves))
    spent[str(Spent.MEMORY)] -= spent[str(Spent.REFRESH)]
    return {cause: cycles / run.cycles for cause, cycles in spent.most_common(3)}


def speedups(rows: list[Row]) -> list[str]:
    """How many times as fast the 20B shape is on several devices."""
    shape = [row for row in rows if (row.shape, row.context) == ("gpt3-20b", PUBLISHED_AT)]
    alone = next((row for row in shape if row.devices == 1), None)
    if alone is None:
        return []
    lines = list[str]()
    for row in shape[1:]:
        line = f"20B on {row.devices} devices: {alone.today / row.today:.2f}x of one"
        if alone.frozen is not None and row.frozen is not None:
            line += f", frozen code {alone.frozen / row.frozen:.2f}x"
        lines.append(line + ("; published 5.43x" if row.devices == 8 else ""))
    return lines


def _rows(point: Point, contexts: list[int], bound: int, folder: Path) -> Iterator[Row]:
    """Those of a point; one that the compiler refuses has none, and says why."""
    try:
        yield from measured(point, contexts, bound, folder)
    except Error as error:
        print(f"| {point.shape} x{point.devices} | refused: {error} |" + 10 * " |", flush=True)


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Published figures beside predicted ones.")
    parser.add_argument("--context", type=int, nargs="+", default=[PUBLISHED_AT])
    parser.add_argument("--bound", type=int, default=BOUND)
    parser.add_argument("--only", choices=sorted({p.shape for p in ASKED}))
    parser.add_argument("--held-out", action="store_true", help="shapes that nothing is made for")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--freeze", type=Path, metavar="FOLDER", help="write today's code instead")
    arguments = parser.parse_args()
    rows = list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.freeze is not None:
            freeze(arguments.freeze, Path(folder))
            return
        print(HEADER)
        for point in ASKED:
            is_asked = (point.shape in HELD_OUT) == arguments.held_out
            if arguments.only == point.shape or (arguments.only is None and is_asked):
                for row in _rows(point, arguments.context, arguments.bound, Path(folder)):
                    rows.append(row)
                    print(row.text(), flush=True)
    print("\n".join(["", *speedups(rows)]))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
