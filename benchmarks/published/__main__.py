"""Print the table of published figures; see the package."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.published.frozen import freeze, frozen
from benchmarks.published.points import BOUND, POINTS, PUBLISHED_AT, Point, compiled, model_of
from lpuc.profiling.floor import floor_of
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict


@dataclass(frozen=True)
class Row:
    """A point in milliseconds; `fits` is whether the machine has so much memory.

    `frozen` is None at contexts that the frozen code has no room for.
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
    compile_seconds: float
    predict_seconds: float

    def text(self) -> str:
        """A row of a table; the residual is ours over the published figure."""
        name = f"{self.shape} x{self.devices}{'' if self.fits else ' (does not fit)'}"
        cells = [name, "" if self.published is None else f"{self.published:.2f}"]
        for ours in (self.frozen, self.today):
            cells.append("" if ours is None else f"{ours:.3f}")
            cells.append(_residual(ours, self.published))
        cells += [f"{self.floor:.3f}", f"{self.today / self.floor:.3f}"]
        cells += [f"{self.compile_seconds:.1f}", f"{self.predict_seconds:.1f}"]
        return f"| {' | '.join(cells)} |"


def _residual(ours: float | None, published: float | None) -> str:
    return "" if ours is None or published is None else f"{ours / published - 1:+.1%}"


HEADER = (
    "| model | published ms | frozen code | residual | today's code | residual | floor | "
    "over floor | compile s | predict s |\n|---|---|---|---|---|---|---|---|---|---|"
)


def milliseconds(program: Program, context: int) -> float:
    """Of one token with so many before it."""
    return predict(program, {program.interface.symbols[0].name: context}).seconds * 1e3


def measured(point: Point, context: int, bound: int, folder: Path) -> Row:
    """Compile one shape without weights and time one token."""
    began = time.process_time()
    program = compiled(point, bound, folder)
    made = time.process_time()
    today = milliseconds(program, context)
    ended = time.process_time()
    used = program.interface.arena_base + program.interface.arena_size
    target = Target.load(point.target)
    floor = floor_of(model_of(point, bound, folder), context, "f16").seconds(target, point.devices)
    return Row(
        point.shape, point.devices, point.target, context,
        point.published if context == PUBLISHED_AT else None,
        milliseconds(frozen(point), context) if context < BOUND else None, today,
        floor * 1e3, used <= target.hbm_bytes, made - began, ended - made,
    )  # fmt: skip


def speedups(rows: list[Row]) -> list[str]:
    """How many times as fast the 20B shape is on several devices."""
    shape = [row for row in rows if row.shape == "gpt3-20b"]
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


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Published figures beside predicted ones.")
    parser.add_argument("--context", type=int, default=PUBLISHED_AT)
    parser.add_argument("--bound", type=int, default=BOUND)
    parser.add_argument("--only", choices=sorted({p.shape for p in POINTS}))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--freeze", type=Path, metavar="FOLDER", help="write today's code instead")
    arguments = parser.parse_args()
    rows = list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.freeze is not None:
            freeze(arguments.freeze, Path(folder))
            return
        print(HEADER)
        for point in POINTS:
            if arguments.only in (None, point.shape):
                rows.append(measured(point, arguments.context, arguments.bound, Path(folder)))
                print(rows[-1].text(), flush=True)
    print("\n".join(["", *speedups(rows)]))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
