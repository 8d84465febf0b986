"""
Make a failing model small.

```python
search = reduced(case, fails, nodes=failure.nodes)
search.best
```

In this order: one call; extents that are numbers; nothing but the neighbourhood of the nodes that
the failure names; fewer outputs; nodes in halves, quarters and so on, which takes layers away
whole, down to single ones; what plays the same part in all layers; attributes, operands and
extents. Until nothing helps: no node of what is left can be taken away by any of the ways of
`cuts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from onnx import inliner

from lpuc.diagnosis.reduction.model import cuts, extents, repeats
from lpuc.diagnosis.reduction.model.case import Case, extent_names, is_standard, runs
from lpuc.diagnosis.reduction.search import MOST_TRIES, Search

RADII = (0, 1, 2, 4, 8, 16)

Fails = Callable[[Case], bool]
Make = Callable[[Case, int, int], Iterator[Case]]


def valid_as(case: Case) -> Fails:
    """
    Whether another case is one that the checker and ONNX Runtime take.

    What they do not take of the given one they need not take of others.
    """
    standard, runnable = is_standard(case.model), runs(case)

    def is_valid(other: Case) -> bool:
        return (not standard or is_standard(other.model)) and (not runnable or runs(other))

    return is_valid


def search_of(
    case: Case,
    fails: Fails,
    most: int = MOST_TRIES,
    shown: Callable[[Case, int], None] = lambda _best, _tries: None,
) -> Search[Case]:
    """A search that begins with a case that fails."""
    case = replace(case, extents=extent_names(case.model))
    is_valid = valid_as(case)
    return Search(case, lambda c: is_valid(c) and fails(c), Case.key, most, shown)


def reduce(search: Search[Case], nodes: Sequence[str] = ()) -> None:
    """Make the best of a search as small as it gets; `nodes` are those that are at fault."""
    steps = _Steps(search)
    search.first(replace(search.best, calls=[call]) for call in search.best.calls)
    search.first(steps.inlined())
    search.first(cuts.with_numbers(search.best))
    search.first(c for radius in RADII for c in cuts.around(steps.known(), nodes, radius))
    before = None
    while search.best is not before:
        before = search.best
        search.halve(_outputs, steps.of(cuts.without_outputs))
        search.halve(_groups, steps.of(repeats.without_groups))
        search.halve(_nodes, steps.of(cuts.without_nodes))
        search.sweep(lambda c: len(cuts.attributes(c)), steps.of(cuts.without_attribute), 1)
        search.sweep(lambda c: len(cuts.operands(c)), steps.of(cuts.without_operand), 1)
        search.sweep(lambda c: len(extents.extents(c)), steps.of(extents.smaller), 1)
        search.first(cuts.with_numbers(search.best))


def _nodes(case: Case) -> int:
    return case.nodes


def _groups(case: Case) -> int:
    return len(repeats.groups(case))


def _outputs(case: Case) -> int:
    return len(case.model.graph.output)


class _Steps:
    """What cuts work on: the best so far with its values, which are computed when it is new."""

    def __init__(self, search: Search[Case]) -> None:
        self.search = search
        self._of, self._known = search.best, search.best

    def known(self) -> Case:
        best = self.search.best
        if self._known.values is None or self._of is not best:
            self._of, self._known = best, best.known()
        return self._known

    def of(self, make: Make) -> Make:
        """The cuts of a case whose values are known."""

        def cut(_best: Case, start: int, stop: int) -> Iterator[Case]:
            return make(self.known(), start, stop)

        return cut

    def inlined(self) -> Iterator[Case]:
        """With the bodies of local functions in the place of their calls."""
        model = self.search.best.model
        if model.functions:
            yield replace(self.search.best, model=inliner.inline_local_functions(model))
