"""
Make a failing model of a fuzzer small: `lpuc reduce`, judged as the fuzzer judges.

    python -m benchmarks.fuzz.shrink FOLDER

FOLDER holds `model.onnx`, `inputs*.npz` and, in `about.txt`, the settings, as `--only K` writes
them; `small/` below it receives the result.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from benchmarks.fuzz.command import Case, outcome_of, write_case
from benchmarks.fuzz.judging import Settings
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.report import masked
from lpuc.diagnosis.reduction.model.case import Case as Candidate
from lpuc.diagnosis.reduction.model.steps import reduce, search_of

Signature = tuple[str, str, str]


def signature(outcome: Outcome) -> Signature:
    """What makes two failures the same; of wrong numbers only that they are wrong."""
    detail = "" if outcome.verdict == "wrong" else masked(outcome.detail.partition("[")[0])
    return outcome.verdict, outcome.stage, detail


def shrink(case: Case) -> Case:
    """The smallest case found that fails as the given one does."""
    found = outcome_of(case)
    wanted = signature(found)
    settings = replace(case.settings, reference_path=found.stage == "reference")
    if found.stage != "compile":
        settings = replace(settings, with_summary=False)

    def made(candidate: Candidate) -> Case:
        return replace(case, model=candidate.model, calls=candidate.calls, settings=settings)

    start = Candidate(case.model, case.calls)
    search = search_of(start, lambda candidate: signature(outcome_of(made(candidate))) == wanted)
    reduce(search)
    return made(search.best)


def load(folder: Path) -> Case:
    """A case that `--only` wrote."""
    calls = [dict(np.load(path)) for path in sorted(folder.glob("inputs*.npz"))]
    text = (folder / "about.txt").read_text(encoding="utf-8").splitlines()[0]
    return Case(onnx.load(folder / "model.onnx"), calls, Settings(**json.loads(text)))


def main() -> int:
    """Shrink the case of a folder."""
    folder = Path(sys.argv[1])
    case = load(folder)
    small = shrink(case)
    write_case(small, folder / "small")
    outcome = outcome_of(small)
    print(f"{len(case.model.graph.node)} nodes became {len(small.model.graph.node)}")
    print(f"{outcome.verdict} {outcome.stage}: {outcome.detail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
