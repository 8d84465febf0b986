"""`python -m benchmarks.fuzz.programs [--count 2000] [--texts 400] [--seed N] [--jobs N]`"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.fuzz.programs.bases import make_bases
from benchmarks.fuzz.programs.cases import Key, run_limited, run_program, run_text
from benchmarks.fuzz.running import Options, add_arguments, finish, run


def keys(programs: int, changed_texts: int) -> list[Key]:
    """So many programs and texts."""
    changed: list[Key] = [("program", number) for number in range(programs)]
    return [*changed, *(("text", number) for number in range(changed_texts))]


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the counts; exit code 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="changed programs")
    parser.add_argument("--texts", type=int, default=400, help="changed texts")
    parser.add_argument("--seed", type=int, default=0)
    add_arguments(parser)
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
        task = partial(run_limited, folder, arguments.seed)
        results = run(task, keys(arguments.count, arguments.texts), Options.of(arguments))
    return finish(results)


if __name__ == "__main__":
    sys.exit(main())
