"""
The event model of time against the one that ticks, on as many random programs as asked for.

    python -m benchmarks.ticks --first 0 --count 1000
"""

from __future__ import annotations

import argparse
import sys

from runtime.timing import predict
from tests.unit.runtime.timing.random_programs import random_program
from tests.unit.runtime.timing.ticks import Ticks


def main() -> None:
    """Compare the models, print what differs, exit 1 if anything does."""
    parser = argparse.ArgumentParser(description="Compare two models of time.")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1000, help="programs")
    parser.add_argument("--length", type=int, default=30, help="instructions in each")
    arguments = parser.parse_args()
    different = 0
    for seed in range(arguments.first, arguments.first + arguments.count):
        program = random_program(seed, arguments.length)
        predicted, ticked = predict(program, {}).cycles, Ticks(program, {}).run()
        if predicted != ticked:
            print(f"seed {seed}: {predicted} cycles predicted, {ticked} ticked")
            different += 1
    print(f"{different} of {arguments.count} programs differ")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
