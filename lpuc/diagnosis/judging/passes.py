"""
Judge one pass by running the IR before it and behind it on one case.

1. Values that the pass put in each other's place were equal bit for bit before it.
2. Both are run. If what they give is equal bit for bit, and so is every value that they share, the
   pass is right about this case.
3. Otherwise each operation behind the pass is run with the operands that the run before it had,
   where it has them (*forced*), so that an error shows where it is made and not behind it. A value
   that both have may differ by `MARGIN` times the rounding of the operations between it and the
   shared values that it is computed from: the largest change that `RUNS` runs of the IR before the
   pass show when each of them is off by its local bound. Where a pass is exact, only sums round.
4. A product is also held to what its own operands give, within its own local bound: where a pass
   rounds them, rule 3 allows far more.
5. What leaves the model may differ by as much as whole runs with such errors do, never by more than
   the tolerance of its precision; not at all behind an exact pass on buffers or instructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lpuc.diagnosis.judging.departures import Departure, departure, outputs_depart
from lpuc.diagnosis.judging.isa.judging import judge_instructions
from lpuc.diagnosis.judging.mem.forcing import judge_buffers
from lpuc.diagnosis.judging.pairing import Pairs, live_values, pairs_of
from lpuc.diagnosis.judging.products import product_departs
from lpuc.diagnosis.judging.runs import Runs, same_bits
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.judging.tensors.coarser import coarser_of
from lpuc.diagnosis.judging.tensors.forcing import judge_forced
from lpuc.diagnosis.judging.traces import Key, layer_names
from lpuc.levels.contracts import Coarser, rounding, roundoff

Array = np.ndarray[Any, np.dtype[Any]]


def judge(step: Step, before: Runs, after: Runs, tolerance: float) -> Departure | None:
    """The first number behind a pass that differs by more than the pass may change it."""
    merged = _merged(step, before)
    if merged is not None:
        return merged
    if after.is_on_buffers:
        found = judge_buffers(step, before, after)
        return found or _outputs(step, before, after, tolerance, {})
    if not after.is_traced:
        found = judge_instructions(step.numbers.change == "exact", before, after)
        return found or _outputs(step, before, after, tolerance, {})
    pairs = pairs_of(before, after, step.heirs) if before.is_traced and after.is_traced else {}
    if _all_equal(before, after, pairs):
        return None
    pairs = pairs_of(before, after, step.heirs, live_values(step.after.module)) if pairs else {}
    coarser = coarser_of(before, after, pairs) if pairs else {}
    found = judge_forced(step, before, after, pairs, coarser) if pairs else None
    found = found or product_departs(after, pairs)
    return found or _outputs(step, before, after, tolerance, coarser)


def judge_outputs(before: Runs, after: Runs, tolerance: float, unit: float) -> Departure | None:
    """
    The first output of some passes that is off by more than runs behind them are apart.

    What the host gives may be stored with a unit roundoff before anything is computed of it.
    """
    stored = {n: rounding(a, unit) for n, a in before.given.items() if roundoff(a)}
    spreads = ({n: a + stored.get(n, 0.0) for n, a in s.items()} for s in after.spreads())
    return _within(before.given, after.given, tolerance, spreads)


def _merged(step: Step, before: Runs) -> Departure | None:
    """The first value that the pass took for another one, which had other numbers."""
    for value, first in step.merged if before.is_traced else ():
        turn = 0
        while (event := before.table.get((value, turn))) is not None:
            taken = before.table.get((first, turn))
            if taken is not None and not same_bits(taken.array, event.array):
                found = departure(taken.array, event.array, 0.0)
                assert found is not None, "they are not equal"
                return Departure(event.op.name, layer_names(event.op, turn), *found)
            turn += 1
    return None


def _outputs(
    step: Step, before: Runs, after: Runs, tolerance: float, coarser: Mapping[Key, Coarser]
) -> Departure | None:
    """The first output that is off; the more runs show how far it may be, the further."""
    is_exact = not before.is_traced and step.numbers.change == "exact"
    spreads: Iterable[Mapping[str, Array]] = ({},) if is_exact else before.spreads(coarser)
    return _within(before.outputs, after.outputs, tolerance, spreads)


def _within(
    right: Mapping[str, Array],
    got: Mapping[str, Array],
    tolerance: float,
    spreads: Iterable[Mapping[str, Array]],
) -> Departure | None:
    if all(same_bits(got[name], array) for name, array in right.items()):
        return None
    found = None
    for spread in spreads:
        found = outputs_depart(got, right, tolerance, spread)
        if found is None:
            return None
    return found


def _all_equal(before: Runs, after: Runs, pairs: Pairs) -> bool:
    ours, theirs = after.outputs, before.outputs
    if any(not same_bits(ours[name], theirs[name]) for name in theirs):
        return False
    return all(same_bits(after.table[key].array, pair.array) for key, pair in pairs.items())
