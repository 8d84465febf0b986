"""
Break rings in every way, and print which check refuses what.

    python -m benchmarks.fuzz.ring --count 400 --seed 0 --jobs 2
    python -m benchmarks.fuzz.ring --base llama-tiny-3 --only 1039

`--count` is how many changes of each kind are tried for each program, 0 means all of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.fuzz.ring.bases import BASES, Base, read_base, write_base
from benchmarks.fuzz.ring.changes import KINDS
from benchmarks.fuzz.ring.judging import CHECKS, Judge
from benchmarks.fuzz.ring.tables import Table
from benchmarks.fuzz.ring.trial import Key, accepted, judge_of, run_limited
from benchmarks.fuzz.running import Options, add_arguments, run


def chosen(judge: Judge, count: int, random: Random) -> Iterator[int]:
    """Numbers of so many changes of each kind, of all where the count is 0."""
    for kind in KINDS:
        numbers = [at for at, change in enumerate(judge.changes) if change.kind == kind]
        yield from random.sample(numbers, min(count or len(numbers), len(numbers)))


def keys(folder: Path, bases: Iterable[Base], count: int, seed: int) -> list[Key]:
    """Each program with the numbers of its changes, mixed: a run that ends early saw of each."""
    found: list[Key] = []
    for base in bases:
        judge = judge_of(folder, base)
        found += ((base, number) for number in chosen(judge, count, Random(seed)))
    Random(seed).shuffle(found)
    return found


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Broken rings, refused or harmless.")
    parser.add_argument("--count", type=int, default=100, help="changes of each kind, 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", default="", help="part of the name of the programs to break")
    parser.add_argument("--only", type=int, metavar="K", help="the change with this number alone")
    add_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the tables; exit code 1 if a check is wrong."""
    given = _arguments(argv)
    bases = [base for base in BASES if given.base in base.name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for base in bases:
            write_base(folder, base)
        if given.only is not None:
            return _again(folder, bases[0], given.only)
        refused = [f"{b.name}: {r}" for b in bases for r in accepted(read_base(folder, b))]
        wanted = keys(folder, bases, given.count, given.seed)
        table = Table.of(run(partial(run_limited, folder), wanted, Options.of(given)))
    print("\n".join([*table.lines(), *refused]))
    return int(table.has_faults or bool(refused))


def _again(folder: Path, base: Base, number: int) -> int:
    """Print one change and what becomes of it."""
    judge = judge_of(folder, base)
    change = judge.changes[number]
    for at in range(change.first, change.end):
        print(f"- {judge.program.code[at]}")
    print("\n".join(f"+ {inst}" for inst in change.insts))
    for check, verdict in judge.judged(change).items():
        print(f"{change.kind}, {check} of {', '.join(CHECKS)}: {verdict.what} {verdict.detail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
