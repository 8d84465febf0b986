"""
How far the levels of a model may be off on one case after the other, found out as far as needed.

What it takes to store an output in its type is allowed in any case, and costs nothing to know. Runs
that round otherwise are made one by one, and only while something is further off than `ENOUGH` of
what is known to be allowed: what is found wrong in the end is what is wrong by all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from dialects.errors import CompileError
from lpuc.levels.cases import Case
from lpuc.levels.contracts import ROUNDOFF
from lpuc.levels.onnx_runtime import BYTES, HALVES, Arrays
from lpuc.levels.tolerance import by_row, departure, is_float
from lpuc.verification.spread import (
    FACTOR,
    RUNS,
    Spreads,
    apart,
    drawn,
    excess_of,
    noisy,
    rounded,
    wider,
)
from lpuc.verification.subject import Prompted
from runtime.program.interface import Port
from runtime.traps import Trap

REFUSALS = (ArithmeticError, LookupError, ValueError, CompileError, Trap)
"""What the semantics of a level raise for numbers that they do not take."""
SPREADING = ("onnx", "lpu")
"""Levels of which is known how far right outputs may be apart."""
ROUNDOFFS = {kind.value: unit for kind, unit in ROUNDOFF.items()}
"""By precision."""
ENOUGH = 0.5
"""Of what is known to be allowed: who is off by no more is right, and nobody asks further."""
INTEGERS = (BYTES, HALVES)
"""What files round to that quantise activations."""
HELD_BYTES = 64 << 20
"""Of what cases are remembered that nobody has asked about yet, at most."""


@dataclass
class Spreading:
    """How far apart the right outputs of one case may be, as far as anybody has asked."""

    modules: Mapping[str, ModuleOp]
    case: Case
    before: Mapping[str, tuple[Spreading, str]] = field(
        default_factory=dict[str, "tuple[Spreading, str]"]
    )
    """Inputs that are off already: the case that left them, as which output."""
    outputs: dict[str, Arrays] = field(default_factory=dict[str, Arrays])
    """What the levels gave that tell."""
    _runs: dict[str, list[Spreads]] = field(default_factory=dict[str, list[Spreads]])

    def bounds(self, level: str) -> Iterator[Spreads]:
        """
        More and more of how far the outputs of a level may be off; the last is all of it.

        Nothing is known of an output that is not there.
        """
        if "onnx" not in self.outputs:
            yield {}
            return
        told = [one for one in SPREADING[: 1 if level == "onnx" else None] if one in self.outputs]
        yield self._sum(told)
        try:
            for seed in range(RUNS):
                for one in reversed(told):
                    self._run(one, seed)
                    yield self._sum(told)
        except REFUSALS:  # numbers that are off may be none that a level takes
            yield {}

    def all_of(self, level: str) -> Spreads:
        """By all runs."""
        *_, last = self.bounds(level)
        return last

    @property
    def nbytes(self) -> int:
        """What it remembers."""
        held = [self.case.inputs, *self.outputs.values()]
        return sum(array.nbytes for arrays in held for array in arrays.values())

    def _run(self, level: str, seed: int) -> None:
        """One more run that rounds otherwise, unless it was made."""
        runs = self._runs.setdefault(level, [])
        if len(runs) > seed:
            return
        zero = np.zeros(())
        off = {n: one.all_of("lpu").get(output, zero) for n, (one, output) in self.before.items()}
        given = (level, self.modules[level], self.case.inputs, off, self.outputs[level])
        runs.append(drawn(*given, seed))

    def _sum(self, levels: list[str]) -> Spreads:
        """Over levels, of the widest run of each."""
        widest = [wider(self._runs[level]) for level in levels if self._runs.get(level)]
        found: Spreads = dict.fromkeys(self.outputs["onnx"], np.zeros(()))
        for spread in widest:
            found = {name: off + spread[name] for name, off in found.items()}
        return found


@dataclass
class AllowedOfText:
    """
    What is allowed behind a prompt that was taken in chunks, whose tokens saw each other's errors.

    Outputs within the tolerance are right, and nobody asks further. Those beyond it, as of many
    rows and layers at f16, may be off by `FACTOR` times what runs at level `lpu` differ by that
    round otherwise, and by as many times the tolerance at most.
    """

    prompted: Prompted
    text: Sequence[int]
    precision: str
    _spread: Spreads = field(default_factory=Spreads)

    def errors(
        self, got: Arrays, right: Arrays, tolerance: float
    ) -> dict[str, tuple[float, float]]:
        """How far each output is off, and how many times as far as it may be."""
        errors = {name: departure(got[name], array) for name, array in right.items()}
        excess = {name: error / tolerance for name, error in errors.items()}
        if any(1 < share <= FACTOR for share in excess.values()):
            allowed = rounded(self.spread(), right, ROUNDOFFS[self.precision])
            for name, share in excess.items():
                if share > 1:
                    given = (got[name], right[name], allowed[name], FACTOR * tolerance)
                    excess[name] = excess_of(*given)
        return {name: (error, excess[name]) for name, error in errors.items()}

    def spread(self) -> Spreads:
        """The widest of several runs, made when somebody asks."""
        if not self._spread:
            clean = self.prompted.outputs("lpu", self.text)
            runs = [
                apart(self.prompted.outputs("lpu", self.text, noisy(seed)), clean)
                for seed in range(RUNS)
            ]
            self._spread = wider(runs)
        return self._spread


class Allowed:
    """What is allowed of the levels of a model on one case after the other."""

    def __init__(
        self,
        modules: Mapping[str, ModuleOp],
        precision: str,
        logits: Port | None = None,
        narrowest: str = "f32",
    ) -> None:
        self.modules, self.precision, self.logits = modules, precision, logits
        self.is_stepped = narrowest in INTEGERS
        """Whether the file rounds to integers: rows are a step off that are so in no other run."""
        self._last = Spreading(modules, Case("", {}))
        self._waiting: list[tuple[Spreading, Arrays]] = []
        """Cases whose logits tell how far they may be off."""
        self._margin = 0.0

    def begin(self, case: Case) -> None:
        """The next case; what it goes on from is off as far as it was."""
        left = {name: (self._last, output) for name, output in case.carried.items()}
        self._last = Spreading(self.modules, case, left)

    def errors(
        self, level: str, got: Arrays, right: Arrays, tolerance: float
    ) -> dict[str, tuple[float, float]]:
        """How far each output of a level is off, and how many times as far as it may be at most."""
        if level in SPREADING:
            self._last.outputs[level] = got
        unit = ROUNDOFFS["f32" if level == "onnx" else self.precision]
        excess = dict[str, float]()
        for spread in self._last.bounds(level):
            allowed = rounded(spread, right, unit)
            excess = {n: excess_of(got[n], x, allowed.get(n), tolerance) for n, x in right.items()}
            if all(share <= ENOUGH for share in excess.values()):
                break
        if self.is_stepped:
            floats = (name for name, array in right.items() if is_float(array))
            excess |= {n: min(excess[n], departure(got[n], right[n]) / tolerance) for n in floats}
        if level == "lpu":
            self._remember(right)
        found = dict[str, tuple[float, float]]()
        for name, share in excess.items():
            error = departure(got[name], right[name])
            found[name] = (error if share or error < float("inf") else 0.0, share)
        return found

    def margin(self) -> float:
        """How far logits may be off, of the largest of their row, at most."""
        while self._waiting:
            self._ask(*self._waiting.pop())
        return self._margin

    def _remember(self, right: Arrays) -> None:
        if self.logits is None or self.logits.name not in right:
            return
        logits: Arrays = {self.logits.name: right[self.logits.name]}
        self._waiting.append((self._last, logits))
        while sum(one.nbytes for one, _ in self._waiting) > HELD_BYTES:
            self._ask(*self._waiting.pop())

    def _ask(self, one: Spreading, right: Arrays) -> None:
        ((name, row),) = right.items()
        allowed = rounded(one.all_of("lpu"), right, ROUNDOFFS[self.precision])
        if name in allowed:
            scale = np.maximum(by_row(np.abs(row.astype(np.float64))), 1.0)
            most = float(np.max(FACTOR * allowed[name] / scale, initial=0.0))
            self._margin = max(self._margin, most)
