"""
Which single assumption, at an end of its band, moves the published figures, and by how much.

    python -m benchmarks.published.fits [--code frozen] [--json FILE]

A row is the machine with one entry changed, on today's or the frozen code: every entry that is
graded as an assumption at its better end (`lpuc/profiling/band.py`), and a clock of 1 GHz, which
one source gives. Cells are residuals, ours over the published figure; of the 20B shape it is that
of the speed-up, 5.43. `fits` says which of OPT 30B and 66B x2 come within 5 %. Entries that move
OPT 1.3B by less than 0.1 %, those of links aside, are only named. Nothing of it is used anywhere:
these figures are fixed by so few constants that several explain them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.published.frozen import CODES, code_of
from benchmarks.published.points import POINTS, PUBLISHED_AT
from lpuc.profiling.band import assumed, extremes
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict

JUDGED = ("opt-30b-x1", "opt-66b-x2")
SHOWN = ("opt-1.3b-x1", *JUDGED)
SPEEDUP, SPEEDUP_OF, SPED_UP = 5.43, "20B", ("gpt3-20b-x1", "gpt3-20b-x8")
WITHIN = 0.05
LEAST = 0.001


@dataclass(frozen=True)
class Fit:
    """One change of the machine and the residuals with it."""

    entry: str
    value: str
    residuals: dict[str, float]

    def text(self) -> str:
        """A row of a table."""
        return row(self.entry, self.value, residuals=self.residuals)


def row(*cells: str, residuals: Mapping[str, float]) -> str:
    """Some cells, the residuals, and which of the judged points are within the bound."""
    shown = " | ".join([*cells, *(f"{r:+.1%}" for r in residuals.values())])
    within = [name for name in JUDGED if abs(residuals[name]) <= WITHIN]
    return f"| {shown} | {', '.join(within)} |"


def machines() -> Iterator[tuple[str, str, Target]]:
    """The usual one, and each change."""
    usual = Target.load("lpu-4nm")
    yield "as it is", "", usual
    yield "clock_hz", "1e9", faster_clock(usual)
    for key in assumed(usual):
        others = {k: replace(e, grade="vendor") for k, e in usual.entries.items()}
        only = others | {key: usual.entries[key]}
        better, _ = extremes(replace(usual, entries=only))
        value = getattr(better, key)
        if value != getattr(usual, key):
            text = f"{value:g}" if isinstance(value, float) else str(value)
            yield key, text, replace(better, entries=usual.entries)


def faster_clock(usual: Target) -> Target:
    """A clock of 1 GHz, with latencies of memory and links as long as they were."""
    ratio = 1e9 / usual.clock_hz
    return replace(
        usual, clock_hz=1e9, hbm_latency=round(usual.hbm_latency * ratio),
        link_hop_latency=round(usual.link_hop_latency * ratio),
    )  # fmt: skip


def milliseconds(program: Program, target: Target) -> float:
    """Of a token in the middle of the published runs."""
    symbols = {program.interface.symbols[0].name: PUBLISHED_AT}
    return predict(replace(program, target=target), symbols).seconds * 1e3


def residual(programs: dict[str, Program], name: str, target: Target) -> float:
    """Ours over published, less 1; of the 20B shape it is that of the speed-up."""
    if name == SPEEDUP_OF:
        alone, eight = (milliseconds(programs[one], target) for one in SPED_UP)
        return alone / eight / SPEEDUP - 1
    published = {point.name: point.published for point in POINTS}[name]
    return milliseconds(programs[name], target) / (published or 1) - 1


def residuals(programs: dict[str, Program], target: Target) -> dict[str, float]:
    """Those of all that is shown."""
    return {name: residual(programs, name, target) for name in (*SHOWN, SPEEDUP_OF)}


def programs_of(code: str) -> dict[str, Program]:
    """The programs of all points that are timed, by name, of one of `CODES`."""
    timed = [point for point in POINTS if point.name in {*SHOWN, *SPED_UP}]
    with tempfile.TemporaryDirectory() as folder:
        return {point.name: code_of(point, code, Path(folder)) for point in timed}


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Single assumptions that move published figures.")
    parser.add_argument("--code", choices=CODES, default=CODES[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    programs = programs_of(arguments.code)
    print(
        "| entry | value | 1.3B | 30B | 66B x2 | 20B, 5.43x | fits |\n|---|---|---|---|---|---|---|"
    )
    found, still = list[Fit](), list[str]()
    usual = milliseconds(programs[SHOWN[0]], Target.load("lpu-4nm"))
    for entry, value, target in machines():
        moved = milliseconds(programs[SHOWN[0]], target) / usual - 1
        if found and abs(moved) < LEAST and not entry.startswith("link"):
            still.append(entry)
            continue
        found.append(Fit(entry, value, residuals(programs, target)))
        print(found[-1].text(), flush=True)
    print(f"\nless than {LEAST:.1%} of 1.3B: {', '.join(still)}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(fit) for fit in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
