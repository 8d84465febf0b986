"""`python -m benchmarks.fuzz.invalid --jobs 2 [--count N --seed S] [--operator NAME]`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fuzz.invalid.cases import valid
from benchmarks.fuzz.invalid.trial import Key, keys, run_alone, run_key
from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.running import Options, add_arguments, finish, is_fault, run


def chosen(count: int | None, seed: int, operator: str | None) -> list[Key]:
    """The valid models and all that is made of them, or a sample."""
    found = [k for k in keys() if operator in (None, valid()[k[0]].operator)]
    if count is None or count >= len(found):
        return found
    order = np.random.default_rng(seed).permutation(len(found))[:count]
    return [found[i] for i in sorted(order)]


def judged(wanted: Sequence[Key], options: Options, rows: Path | None = None) -> dict[Key, Result]:
    """Judge all; what ends a process is judged anew without ONNX Runtime."""
    results = run(run_key, wanted, options, lambda result: is_fault(result) and not died(result))
    again = [key for key, result in results.items() if died(result)]
    alone = replace(options, start=0, minutes=None)
    results |= run(run_alone, again, alone) if again else {}
    if rows is not None:
        lines = [_row(key, result) for key, result in results.items()]
        rows.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return results


def died(result: Result) -> bool:
    """Whether a process ended, of ONNX Runtime or of the compiler."""
    return result.outcome.stage == "process"


def _row(key: Key, result: Result) -> str:
    outcome, detail = result.outcome, result.outcome.detail.replace("\n", " ")
    label = result.labels[-1] if result.labels else "?"
    return "\t".join((outcome.verdict, label, result.name or str(key), outcome.stage, detail))


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the counts; exit code 1 if something is wrong or crashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--count", type=int, help="a sample of so many models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--operator", help="only this one, com.microsoft.NAME for theirs")
    parser.add_argument("--rows", type=Path, help="write a line for each model to this file")
    given = parser.parse_args(argv)
    wanted = chosen(given.count, given.seed, given.operator)
    return finish(judged(wanted, Options.of(given), given.rows))


if __name__ == "__main__":
    sys.exit(main())
