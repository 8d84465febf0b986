"""`python -m benchmarks.fuzz.programs [--count 2000] [--texts 400] [--seed N] [--jobs N]`"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.fuzz.pool import Result, run_all
from benchmarks.fuzz.programs.bases import make_bases
from benchmarks.fuzz.programs.cases import Key, run_limited, run_program, run_text
from benchmarks.fuzz.report import coverage_lines, report

LIMIT_SECONDS = 60.0


def keys(programs: int, changed_texts: int) -> Iterable[Key]:
    """So many programs and texts."""
    yield from (("program", number) for number in range(programs))
    yield from (("text", number) for number in range(changed_texts))


def run(wanted: Iterable[Key], folder: Path, seed: int, jobs: int) -> dict[Key, Result]:
    """Judge all."""
    results: dict[Key, Result] = {}
    for key, result in run_all(partial(run_limited, folder, seed), wanted, jobs, LIMIT_SECONDS):
        results[key] = result
        if result.outcome.verdict != "right":
            print(f"{key}: {result.outcome.detail}", file=sys.stderr, flush=True)
    return dict(sorted(results.items()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the counts; exit code 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="changed programs")
    parser.add_argument("--texts", type=int, default=400, help="changed texts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--only", nargs=2, metavar=("program|text", "K"), help="write one to ./fuzz"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_bases(folder)
        if arguments.only is not None:
            kind, number = arguments.only
            keep = Path(f"fuzz-{kind}-{number}")
            alone = run_program if kind == "program" else run_text
            print(alone(folder, arguments.seed, int(number), keep))
            return 0
        wanted = keys(arguments.count, arguments.texts)
        results = run(wanted, folder, arguments.seed, arguments.jobs)
    print("\n".join(coverage_lines(results)))
    print(report(results))
    return int(any(result.outcome.verdict != "right" for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
