"""
Judge the numbers of each pass while a model is compiled: one call, and four generated tokens.

Where a level ends, a prompt in chunks is run as well; its passes are judged on that one by one if
what comes out departs.

```python
check = NumericsCheck(module)
with check.around(one, is_last=False):
    one.apply(context, module)
```
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.devices import devices_of
from lpuc.diagnosis.judging.runs import run
from lpuc.diagnosis.judging.snapshots import Snapshot, Step, Walk, narrowest
from lpuc.diagnosis.reduction.inputs import drawn_or_none, prompts_or_none
from lpuc.diagnosis.search import Problem, Search
from lpuc.levels.cases import Case, Cases
from lpuc.levels.execution import STEP
from lpuc.levels.interface import interface_above
from lpuc.levels.onnx_runtime import Runner
from lpuc.levels.prompts import prompts_of
from lpuc.levels.texts import greedy_cases
from lpuc.levels.tolerance import tolerance_of
from passes.analysis.functions import options
from passes.analysis.levels import level_of

RESOLVED = "onnx-resolve-shapes"
"""The pass behind which the interface of a model is known, and it can be called."""
CALLED = "short"
"""The case that is called."""
NEW_TOKENS = 4


class NumericsCheck:
    """Runs the IR before and behind each pass; `search.Problem` for numbers that depart."""

    def __init__(self, module: ModuleOp) -> None:
        precision = options(module).get("precision")
        name = getattr(precision, "data", "f32")
        self.walk = Walk(module, level_of(module))
        self.search = Search(self.walk.done, name, tolerance_of("mem", name, narrowest(module)))
        self.found: Problem | None = None
        self.cases: list[Case] = []
        self.longer: list[Case] = []
        """Texts and prompts: judged where a level ends, and pass by pass if it is wrong there."""
        self._ended = 0
        inputs = drawn_or_none(module)
        self.cases += [] if inputs is None else [Case("drawn", dict(inputs))]
        self.cases += prompts_or_none(module)

    @property
    def passed(self) -> int:
        """How many passes there are before the one in which numbers depart."""
        step, done = None if self.found is None else self.found.step, self.walk.done
        return next((i for i, known in enumerate(done) if known is step), len(done) - 1)

    def compared(self, one: ModulePass) -> dict[str, object]:
        """How much of what instructions write could be compared, for the index of a dump."""
        known = self.search.compared.get(one.name)
        if known is None:
            return {}
        left = [{"op": op, "why": why, "count": n} for (op, why), n in known.left.items()]
        return {"compared": known.count, "left": left}

    @contextmanager
    def around(self, one: ModulePass, is_last: bool) -> Generator[None]:
        """Around one pass; behind the last of a level, tokens are generated."""
        with self.walk.around(one):
            yield
        try:
            self._judge(one, is_last)
        except Problem as problem:
            self.found = problem
            raise

    def _judge(self, one: ModulePass, is_last: bool) -> None:
        step = self.walk.done[-1]
        if one.name == RESOLVED:
            self._begin(step)
        elif not step.is_idle:
            for case in self.cases:
                self.search.step(step, case)
        if self.longer and is_last and step.after.level != "onnx":
            self._end()

    def _begin(self, resolved: Step) -> None:
        """The model can be called: judge what led here."""
        module = resolved.after.module
        made = Cases(interface_above(module), devices=devices_of(module))
        quick = {case.name: case for case in made.quick()}
        self.cases[:] = [quick.get(CALLED) or next(iter(quick.values()))]
        self.longer += [prompt.case for prompt in prompts_of(made, module)]
        for case, host in greedy_cases(made, _runner(resolved.after), NEW_TOKENS):
            self.search.host = host
            self.longer.append(case)
        self.search.passes(self.cases)

    def _end(self) -> None:
        """
        What comes out of a level, against what did of the one before it; of the first, the model's.

        Of a prompt that is no more than a sign that its passes are to be judged.
        """
        steps = [step for step in self.walk.done[self._ended :] if not step.is_idle]
        self._ended = len(self.walk.done)
        for case in self.longer if steps else ():
            try:
                self.search.step(_together(steps), case, is_whole=False)
            except Problem:
                self.search.passes([case], steps)
                if case.entry != STEP:
                    raise


def _together(steps: Sequence[Step]) -> Step:
    """Several passes as one, of which only what comes out is compared."""
    last = steps[-1]
    return Step(last.one, steps[0].before, last.after, {})


def _runner(model: Snapshot) -> Runner:
    """The model as it was imported, as what the host asks."""
    return lambda inputs: run(model, Case("", dict(inputs)))
