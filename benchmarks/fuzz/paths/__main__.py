"""
Compare the fast path with the executable specifications of the instructions.

    python -m benchmarks.fuzz.paths --count 10000 --seed 0 --jobs 2
    python -m benchmarks.fuzz.paths --seed 0 --only 17

A seed has a random program, one that runs freely beside its single steps, some instructions on
random operands, and sometimes two programs on devices that restart between them. `--faults` plants
faults in the fast path instead, and looks whether they are noticed.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from benchmarks.fuzz.paths.cases import differences, kinds, run_one
from benchmarks.fuzz.paths.faults import FAULTS
from benchmarks.fuzz.paths.planting import noticed
from benchmarks.fuzz.running import Options, add_arguments, finish, run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The fast path against the specifications.")
    parser.add_argument("--count", type=int, default=1000, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="K", help="the cases of number K alone")
    add_arguments(parser)
    parser.add_argument("--faults", action="store_true", help="plant faults, and find them")
    return parser.parse_args()


def _plant() -> int:
    missed = 0
    for fault in FAULTS:
        found = noticed(fault, range(1000))
        missed += found is None
        print(f"{'missed' if found is None else f'seed {found}':>10}  {fault.meets}: {fault.what}")
    print(f"{len(FAULTS) - missed} of {len(FAULTS)} faults noticed")
    return int(missed > 0)


def main() -> int:
    """Run the cases; exit code 1 if the paths differ anywhere."""
    arguments = _arguments()
    if arguments.faults:
        return _plant()
    if arguments.only is not None:
        found = differences(arguments.seed, arguments.only)
        print("\n".join(found))
        return int(bool(found))
    results = run(partial(run_one, arguments.seed), range(arguments.count), Options.of(arguments))
    print(f"{len(results)} seeds, {sum(len(kinds(number)) for number in results)} cases")
    return finish(results)


if __name__ == "__main__":
    sys.exit(main())
