"""
The command line of a fuzzer: `--count 1000 --seed 0 --jobs 2`, or `--only K` for one case again.

```python
def make(seed: int, number: int) -> Case: ...

if __name__ == "__main__":
    sys.exit(main("Decoders that nobody wrote.", make))
```
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from benchmarks.fuzz.judging import Arrays, Call, Settings, judge_calls, references
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.running import Options, add_arguments, finish, run


@dataclass(frozen=True)
class Case:
    """A model with inputs for one or several calls, and how to compile it."""

    model: onnx.ModelProto
    calls: Sequence[Arrays]
    settings: Settings = field(default_factory=Settings)
    name: str = ""
    labels: tuple[str, ...] = ()
    """What it is made of, for the coverage."""


Make = Callable[[int, int], Case]
"""Makes the case of a seed and a number; a function at the top of a module."""


def outcome_of(case: Case) -> Outcome:
    """What ONNX Runtime and the compiler make of a case."""
    expected, why_not = references(case.model, case.calls)
    if expected is None:
        return Outcome("uncounted", why_not, "reference")
    calls = [Call(i, e) for i, e in zip(case.calls, expected, strict=True)]
    return judge_calls(case.model, calls, case.settings)


Judge = Callable[[Case], Outcome]
"""Says what becomes of a case; a function at the top of a module."""


def run_case(make: Make, judge: Judge, seed: int, number: int) -> Result:
    """Make a case and judge it."""
    case = make(seed, number)
    return Result(judge(case), case.name or str(number), case.labels)


def write_case(case: Case, folder: Path) -> None:
    """Write the model, and the inputs and ONNX Runtime's outputs of each call."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    expected, why_not = references(case.model, case.calls)
    for number, inputs in enumerate(case.calls):
        suffix = str(number) if len(case.calls) > 1 else ""
        np.savez(folder / f"inputs{suffix}.npz", allow_pickle=False, **inputs)
        if expected is not None:
            np.savez(folder / f"outputs{suffix}.npz", allow_pickle=False, **expected[number])
    settings = json.dumps(asdict(case.settings))
    text = f"{settings}\n{', '.join(case.labels)}\n{why_not}"
    (folder / "about.txt").write_text(text.rstrip() + "\n", encoding="utf-8")


def _arguments(description: str, argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=1000, help="how many cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="K", help="case K alone, written to --folder")
    parser.add_argument("--folder", type=Path, default=Path("fuzz"), help="where --only writes")
    add_arguments(parser)
    return parser.parse_args(argv)


def _again(make: Make, judge: Judge, seed: int, number: int, folder: Path) -> int:
    """Make one case, write it, and print what becomes of it."""
    case = make(seed, number)
    write_case(case, folder)
    outcome = judge(case)
    print(f"{folder}: {' '.join(case.labels)}")
    print(f"{outcome.verdict} {outcome.stage}: {outcome.detail} (error {outcome.error:.1e})")
    return int(outcome.verdict in ("wrong", "crash"))


def main(
    description: str, make: Make, argv: Sequence[str] | None = None, judge: Judge = outcome_of
) -> int:
    """Run a fuzzer; exit code 1 if something is wrong or crashes."""
    arguments = _arguments(description, argv)
    if arguments.only is not None:
        return _again(make, judge, arguments.seed, arguments.only, arguments.folder)
    task = partial(run_case, make, judge, arguments.seed)
    return finish(run(task, range(arguments.count), Options.of(arguments)))
