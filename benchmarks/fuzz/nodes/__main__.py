"""Run all node tests and print the tables; see the package."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from benchmarks.fuzz.nodes.cases import INTEGERS, names
from benchmarks.fuzz.nodes.check import check
from benchmarks.fuzz.nodes.tables import rows, summary, table
from benchmarks.fuzz.report import group_lines
from benchmarks.fuzz.running import Options, add_arguments, is_fault, run


def main() -> int:
    """Judge all that are asked for; exit code 1 if something is wrong or a crash."""
    arguments = _arguments()
    chosen = [name for name in names() if arguments.only in name]
    task = partial(check, INTEGERS if arguments.constants else "")
    ordered = run(task, chosen, Options.of(arguments))
    if arguments.rows is not None:
        arguments.rows.write_text("\n".join(rows(ordered)) + "\n", encoding="utf-8")
    print(table(ordered))
    for verdict in ("refused", "wrong", "crash"):
        print("\n".join([f"{verdict}:", *group_lines(ordered, verdict)]))
    print(summary(ordered))
    return int(any(map(is_fault, ordered.values())))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the node tests of the ONNX standard.")
    parser.add_argument("--constants", action="store_true", help="small integers are constants")
    parser.add_argument("--only", default="", metavar="PART", help="part of the name of a test")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="write what became of each test")
    add_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
