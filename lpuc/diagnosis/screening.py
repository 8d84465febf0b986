"""Run the finished program on many cases, to know on which of them its passes are to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lpuc.diagnosis.failure import Endless
from lpuc.diagnosis.judging.departures import outputs_depart
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.search import Search
from lpuc.levels.cases import Case
from lpuc.levels.onnx_runtime import Reference, Refusal

Array = np.ndarray[Any, np.dtype[Any]]

WIDER = 8.0
"""How many times as wide as that of one case a bound is, relative to the numbers, for others."""


def screened(
    search: Search, reference: Reference | None, cases: Sequence[Case], notes: list[str]
) -> tuple[list[Case], list[Case], Exception | None]:
    """
    The cases that ONNX Runtime can run; those whose outputs, by the program, are not its; and what
    keeps the program from being made.

    Without a reference there are no suspects. A case on which something is raised is one.
    """
    kept, suspects, right = list[Case](), list[Case](), dict[str, Mapping[str, Array]]()
    for case in cases:
        try:
            right[case.name] = {} if reference is None else reference(case.inputs)
            kept.append(case)
        except Refusal as error:
            notes.append(f"{case.name}: {error}")
    if not search.is_whole:
        notes.append("the passes lead to no program, which is not looked at")
        return kept, [], None
    try:
        _ = search.program
    except Exception as error:  # whatever emission raises
        return kept, [], error
    if reference is None or not kept:
        return kept, [], None
    scale = _relative(search, kept[min(1, len(kept) - 1)])
    for case in kept:
        expected = right[case.name]
        spread = {
            n: np.asarray(scale.get(n, search.tolerance) * _size(a)) for n, a in expected.items()
        }
        try:
            is_off = outputs_depart(search.fast(case), expected, search.tolerance, spread)
        except Endless:  # one is enough: others would not end either
            return kept, [case], None
        except Exception:  # a trap, or whatever else the program runs into
            is_off = True
        if is_off:
            suspects.append(case)
    return kept, suspects, None


def _size(array: Array) -> float:
    return float(np.max(np.abs(array.astype(np.float64)), initial=1.0, where=np.isfinite(array)))


def _relative(search: Search, case: Case) -> dict[str, float]:
    """How far off each output may be, relative to its largest number, by a run of level `lpu`."""
    traced = [s.after for s in search.steps if s.after.level in ("lpu", "lpu_esl")]
    if not traced:
        return {}
    try:
        runs = Runs(traced[-1], case)
        return {n: WIDER * float(np.max(a, initial=0.0)) / _size(runs.outputs[n])
                for n, a in runs.spread.items()}  # fmt: skip
    except Exception:  # the level is broken, which its passes are judged for
        return {}
