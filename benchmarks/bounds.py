"""
What the judge of passes sees of an error in one product: 4 times its local bound, in one element.

    python -m benchmarks.bounds MODEL... [--precision f32,f16] [--times 4] [--seed 0] [--every 1]

For each pass that changes something, each product behind it is off once, in an element that the
seed chooses; the pass is then judged as `--check-numerics` does. Printed are, for each level, how
many were planted, how many reported, and those that were not by pass. Without an error nothing may
be reported: exit code 1 if something is.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.ir import Operation

from dialects.devices import devices_of
from dialects.lpu.fused import AttentionOp
from dialects.lpu.products import MatmulOp
from dialects.lpu_mem.kernels import Point
from dialects.lpu_mem.ops import DataOp, VecmatOp
from dialects.lpu_mem.semantics import Watch, run_function
from dialects.observing import Memo, Observer, OnDevices
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import pipeline_of, stage_passes
from lpuc.diagnosis.checking import CALLED, RESOLVED
from lpuc.diagnosis.judging.isa.written import Found, Writes
from lpuc.diagnosis.judging.mem.written import Written, window_of
from lpuc.diagnosis.judging.passes import judge
from lpuc.diagnosis.judging.reuse import Reuse
from lpuc.diagnosis.judging.runs import Outputs, Runs, bound_of
from lpuc.diagnosis.judging.snapshots import Step, steps
from lpuc.diagnosis.judging.traces import Event
from lpuc.levels.cases import Case, Cases
from lpuc.levels.contracts import roundoff
from lpuc.levels.execution import entries_of
from lpuc.levels.interface import interface_above
from lpuc.levels.tolerance import tolerance_of
from passes.analysis.functions import model_folder
from runtime.isa.instructions.matrix import Vecmat
from runtime.run.interpreter import Hook
from runtime.run.run import Run

Array = np.ndarray[Any, np.dtype[Any]]
PRODUCTS = ("onnx.MatMul", "onnx.Gemm", MatmulOp.name, AttentionOp.name)
CONTEXT = 24


@dataclass(frozen=True)
class Plant:
    """An error in one result of one operation, or of one product of instructions."""

    op: Operation | None
    """None for instructions, of which `turn` counts the products."""
    turn: int
    index: tuple[int, ...]
    error: float


@dataclass
class Planted(Runs):
    """A snapshot whose runs all have the error."""

    plant: Plant | None = None

    def _run(
        self,
        observer: Observer | None = None,
        memo: Memo | None = None,
        watch: Watch | None = None,
    ) -> Outputs:
        plant = self.plant
        assert plant is not None
        if self.is_on_buffers:
            return _run_mem(self, _Writing(plant), watch)
        if not self.is_traced:
            return self._run_isa(plant)
        return super()._run(_planting(plant, observer), memo)

    def _run_isa(self, plant: Plant) -> Outputs:
        machine = self.snapshot.machine
        others = machine.on_step
        machine.on_step = _Stepping(plant, others)
        try:
            return super()._run()
        finally:
            machine.on_step = others


@dataclass
class _Stepping:
    """Puts the error into memory behind a product, before anybody else looks there."""

    plant: Plant
    others: Hook | None
    turns: int = 0

    def __post_init__(self) -> None:
        self.writes = Writes(self._look)

    def __call__(self, run: Run) -> None:
        self.writes(run)
        if self.others is not None:
            self.others(run)

    def _look(self, found: Found) -> None:
        if found.operation != Vecmat.MNEMONIC or found.device:
            return
        self.turns += 1
        if self.turns == self.plant.turn + 1:
            at = np.unravel_index(self.plant.index[0], found.array.shape)
            found.array[at] = _off(found.array.reshape(-1), self.plant)[self.plant.index]


def _planting(plant: Plant, observer: Observer | None) -> Observer:
    turns = Counter[Operation]()

    def changed(
        op: Operation, operands: list[OnDevices], results: list[OnDevices]
    ) -> list[OnDevices]:
        if op is plant.op:
            turns[op] += 1
            if turns[op] == plant.turn + 1:
                results = [[_off(part, plant) for part in results[0]], *results[1:]]
        return results if observer is None else observer(op, operands, results)

    return changed


def _off(array: Array, plant: Plant) -> Array:
    found = array.copy()
    found[plant.index] = np.asarray(float(found[plant.index]) + plant.error).astype(found.dtype)
    return found


def _run_mem(
    runs: Runs,
    observer: Callable[[DataOp, Point, Mapping[str, int]], None],
    watch: Watch | None = None,
) -> Outputs:
    module, case = runs.snapshot.module, runs.case
    given = (case.inputs, model_folder(module), case.values, None, devices_of(module))
    return run_function(entries_of(module)[case.entry], *given, observer=observer, watch=watch)


@dataclass
class _Writing:
    """Puts the error into a buffer."""

    plant: Plant
    turns: int = 0

    def __call__(self, op: DataOp, point: Point, _names: Mapping[str, int]) -> None:
        if op is self.plant.op:
            self.turns += 1
            if self.turns == self.plant.turn + 1:
                data = window_of(op, point).of(point.regions[0])
                data[self.plant.index] = _off(data, self.plant)[self.plant.index]


def plants(
    runs: Runs, times: float, random: np.random.Generator, buffers: Runs | None
) -> Iterator[Plant]:
    """An error in each product of a run; of instructions, `buffers` became them."""
    found: list[tuple[Operation | None, int, Array]]
    if runs.is_on_buffers:
        found = [(one.op, one.turn, one.bounds()[0]) for one in _products(runs)]
    elif not runs.is_traced:
        assert buffers is not None, "instructions come of buffers"
        bounds = (one.bounds()[0].reshape(-1) for one in _products(buffers))
        found = [(None, turn, bound) for turn, bound in enumerate(bounds)]
    else:
        events = [e for e in runs.events if e.op.name in PRODUCTS and _is_rounded(e)]
        found = [(e.op, e.turn, bound_of(e)) for e in events]
    for op, turn, bound in found:
        places = np.argwhere(np.isfinite(bound) & (bound > 0))
        if len(places):
            index = tuple(int(i) for i in random.choice(places))
            sign = random.choice((-1.0, 1.0))
            yield Plant(op, turn, index, sign * times * float(bound[index]))


def _products(runs: Runs) -> list[Written]:
    return [one for one in runs.written if isinstance(one.op, VecmatOp)]


def _is_rounded(event: Event) -> bool:
    return event.value is event.op.results[0] and roundoff(event.array) > 0


@dataclass
class Counts:
    """What was planted and reported, by level, and what was not, by pass."""

    planted: Counter[str] = field(default_factory=Counter[str])
    reported: Counter[str] = field(default_factory=Counter[str])
    missed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    wrong: list[str] = field(default_factory=list[str])


def judge_step(
    counts: Counts, step: Step, before: Runs, after: Runs, tolerance: float,
    times: float, every: int, random: np.random.Generator, buffers: Runs | None,
) -> None:  # fmt: skip
    """One pass without an error, and with one in each product behind it."""
    level, name = after.snapshot.level, step.one.name
    found = judge(step, before, after, tolerance)
    if found is not None:
        counts.wrong.append(f"{name}: {found}")
        return
    for number, plant in enumerate(plants(after, times, random, buffers)):
        if number % every:
            continue
        planted = Planted(after.snapshot, after.case, after.basis, after.memo, plant=plant)
        counts.planted[level] += 1
        if judge(step, before, planted, tolerance) is None:
            counts.missed[level, name] += 1
        else:
            counts.reported[level] += 1


def judge_model(
    model: Path, precision: str, times: float, every: int, random: np.random.Generator
) -> Counts:
    """All passes from tensors to instructions on one call."""
    options = CompileOptions("lpu-4nm", precision, CONTEXT)
    counts, memo, case, last, buffers = Counts(), Reuse(), None, None, None
    passes = list(chain.from_iterable(map(stage_passes, pipeline_of(1))))
    tolerance = tolerance_of("mem", precision)
    for step in steps(load_module(model, options), passes):
        if step.one.name == RESOLVED:
            case = _call(step)
        elif case is not None and not step.is_idle:
            memo.look_at(step)
            before = last or Runs(step.before, case, memo=memo)
            basis = before if before.is_traced else before.basis
            last = Runs(step.after, case, basis, memo)
            buffers = last if last.is_on_buffers else buffers
            judge_step(counts, step, before, last, tolerance, times, every, random, buffers)
    return counts


def _call(resolved: Step) -> Case:
    quick = {c.name: c for c in Cases(interface_above(resolved.after.module)).quick()}
    return quick.get(CALLED) or next(iter(quick.values()))


def main() -> int:
    """Print what was seen, by model, precision and level."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--precision", default="f32,f16")
    parser.add_argument("--times", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="Only every so many products.")
    chosen = parser.parse_args()
    is_right = True
    for model in chosen.models:
        for precision in chosen.precision.split(","):
            random = np.random.default_rng(chosen.seed)
            counts = judge_model(model, precision, chosen.times, chosen.every, random)
            is_right = is_right and not counts.wrong
            for level, planted in counts.planted.items():
                print(
                    f"{model} {precision} {level}: {counts.reported[level]} of {planted} reported"
                )
            for (level, name), count in sorted(counts.missed.items()):
                print(f"    {level}, {name}: {count} not reported")
            for line in counts.wrong:
                print(f"    without an error: {line}")
            sys.stdout.flush()
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
