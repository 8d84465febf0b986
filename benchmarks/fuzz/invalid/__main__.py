"""`python -m benchmarks.fuzz.invalid --jobs 2 [--count N --seed S] [--operator NAME]`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.fuzz.invalid.cases import valid
from benchmarks.fuzz.invalid.trial import Key, keys, run_alone, run_key
from benchmarks.fuzz.pool import Result, run_all
from benchmarks.fuzz.report import coverage_lines, report


def chosen(count: int | None, seed: int, operator: str | None) -> list[Key]:
    """The valid models and all that is made of them, or a sample."""
    found = [k for k in keys() if operator in (None, valid()[k[0]].operator)]
    if count is None or count >= len(found):
        return found
    order = np.random.default_rng(seed).permutation(len(found))[:count]
    return [found[i] for i in sorted(order)]


def run(wanted: Sequence[Key], jobs: int, rows: Path | None) -> dict[Key, Result]:
    """Judge all; what ends a process is judged anew without ONNX Runtime."""
    results: dict[Key, Result] = {}
    died: list[Key] = []
    for key, result in run_all(run_key, wanted, jobs):
        if result.outcome.stage == "process":
            died.append(key)
        else:
            results[key] = result
            _note(rows, key, result)
    for key, result in run_all(run_alone, died, jobs):
        results[key] = result
        _note(rows, key, result)
    return dict(sorted(results.items()))


def _note(rows: Path | None, key: Key, result: Result) -> None:
    """One line for a result, as soon as it is there."""
    if rows is None:
        return
    outcome, detail = result.outcome, result.outcome.detail.replace("\n", " ")
    label = result.labels[-1] if result.labels else "?"
    fields = (outcome.verdict, label, result.name or str(key), outcome.stage, detail)
    with rows.open("a", encoding="utf-8") as file:
        file.write("\t".join(fields) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the counts; exit code 1 if something is wrong or crashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--count", type=int, help="a sample of so many models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--operator", help="only this one, com.microsoft.NAME for theirs")
    parser.add_argument("--rows", type=Path, help="append a line for each model to this file")
    given = parser.parse_args(argv)
    wanted = chosen(given.count, given.seed, given.operator)
    results = run(wanted, given.jobs, given.rows)
    print("\n".join(coverage_lines(results)))
    print(report(results))
    return int(any(r.outcome.verdict in ("wrong", "crash") for r in results.values()))


if __name__ == "__main__":
    sys.exit(main())
