"""Run all node tests and print the tables; see the package."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from benchmarks.fuzz.nodes.cases import INTEGERS, names
from benchmarks.fuzz.nodes.check import check
from benchmarks.fuzz.nodes.tables import rows, summary, table
from benchmarks.fuzz.pool import LIMIT_SECONDS, Result, run_all
from benchmarks.fuzz.report import group_lines, tally


def main() -> int:
    """Judge all that are asked for; exit code 1 if something is wrong or a crash."""
    arguments = _arguments()
    chosen = [name for name in names() if arguments.only in name]
    task = partial(check, INTEGERS if arguments.constants else "")
    results: dict[str, Result] = dict(run_all(task, chosen, arguments.jobs, arguments.limit))
    ordered = {name: results[name] for name in chosen}
    if arguments.rows is not None:
        arguments.rows.write_text("\n".join(rows(ordered)) + "\n", encoding="utf-8")
    print(table(ordered))
    for verdict in ("refused", "wrong", "crash"):
        print("\n".join([f"{verdict}:", *group_lines(ordered, verdict)]))
    print(summary(ordered))
    counts = tally(ordered)
    return int(counts["wrong"] + counts["crash"] > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the node tests of the ONNX standard.")
    parser.add_argument("--constants", action="store_true", help="small integers are constants")
    parser.add_argument("--only", default="", metavar="PART", help="part of the name of a test")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="write what became of each test")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds for a test")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
