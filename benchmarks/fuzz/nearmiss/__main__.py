"""
Change what recognisers know, and look whether they still find it.

    python -m benchmarks.fuzz.nearmiss --count 5000 --seed 0 --jobs 2
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.fuzz.judging import references
from benchmarks.fuzz.nearmiss.mutant import Mutant, make
from benchmarks.fuzz.nearmiss.verdict import judge, reference_alone, run_one
from benchmarks.fuzz.running import Options, add_arguments, finish, judges_that_died, run


def write(mutant: Mutant, folder: Path) -> None:
    """The model, inputs and ONNX Runtime's outputs of the first call, and what was changed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(mutant.case.model.SerializeToString())
    expected, why_not = references(mutant.case.model, mutant.calls)
    for number, inputs in enumerate(mutant.calls):
        suffix = str(number) if number else ""
        np.savez(folder / f"inputs{suffix}.npz", allow_pickle=False, **inputs)
        if expected is not None:
            np.savez(folder / f"outputs{suffix}.npz", allow_pickle=False, **expected[number])
    text = f"{mutant.name}\n{why_not}".rstrip()
    (folder / "about.txt").write_text(text + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Change what recognisers know.")
    parser.add_argument("--count", type=int, default=1000, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="K", help="mutant K, written to --folder")
    parser.add_argument("--folder", type=Path, default=Path("nearmiss"))
    parser.add_argument("--models", type=Path, metavar="DIR", help="cut cases from exports")
    add_arguments(parser)
    return parser.parse_args()


def main() -> int:
    """Run mutants; exit code 1 if one is wrong, crashes, or is recognised without a reason."""
    arguments = _arguments()
    if arguments.only is not None:
        mutant = make(arguments.seed, arguments.only, arguments.models)
        write(mutant, arguments.folder)
        print(mutant.name, *judge(mutant), sep="\n")
        return 0
    options = Options.of(arguments)
    task = partial(run_one, arguments.seed, arguments.models)
    results = run(task, range(arguments.count), options)
    alone = partial(reference_alone, arguments.seed, arguments.models)
    return finish({**results, **judges_that_died(alone, results, options)})


if __name__ == "__main__":
    sys.exit(main())
