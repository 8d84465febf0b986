"""`python -m benchmarks.fuzz.damage --count 500 [--seed S] [--model FILE] [--devices 4]`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fuzz.damage.trial import Trial, run_key
from benchmarks.fuzz.running import Options, add_arguments, finish, run

MODEL = Path(__file__).parents[3] / "samples/exports/llama.onnx"


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the counts; exit code 1 if damage goes unnoticed or crashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    add_arguments(parser)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--precision", choices=("f32", "f16", "bf16"), default="f32")
    parser.add_argument("--devices", type=int, default=1)
    given = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        trial = Trial.of(given.model, Path(folder), given.precision, given.devices)
        keys = [(trial.original, trial.folder, given.seed, n) for n in range(given.count)]
        results = run(run_key, keys, Options.of(given))
    return finish({key[-1]: result for key, result in results.items()})


if __name__ == "__main__":
    sys.exit(main())
