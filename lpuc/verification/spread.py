"""
How far apart the outputs of right runs may be: the spread of runs in which each product is off.

A product is off by up to its local bound (`lpuc.levels.contracts`), all else by up to a unit of
roundoff of its type; numbers of a short type by one step more, or rounding would take that away.
What is stored in a short type, weights and caches, may be off by a step as it is. Whole numbers of
f32 are exact: bytes that were cast would else be others at random, and hide what is wrong.

```python
drawn("lpu", module, case.inputs, {}, outputs, seed=0)["logits"]
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dialects.lpu.fused import AttentionOp
from dialects.lpu.interface import interface_of
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from dialects.names import unescape
from dialects.observing import Observer, OnDevices
from dialects.onnx.ops import OnnxOp
from lpuc.diagnosis.judging.runs import bound_of, distance, with_noise
from lpuc.diagnosis.judging.traces import Event, Recorder
from lpuc.levels.contracts import MOVES, ROUNDOFF, roundoff
from lpuc.levels.execution import Arrays, run_level
from lpuc.levels.tolerance import by_row, departure, is_float
from passes.analysis.functions import step_function
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
Spreads = dict[str, Array]
"""How far each output may be off, by row."""

FACTOR = 4.0
"""How many times the spread of such runs a right output may be off."""
RUNS = 2
F32 = ROUNDOFF[ElementType.F32]
WHOLE = 2.0**22
"""Beyond it hardly any number of f32 is not whole."""
PRODUCTS = ("MatMul", "Gemm", "Attention")
"""Parts of the names of ONNX operators that multiply matrices."""


def is_product(op: Operation) -> bool:
    """Whether an operation multiplies matrices."""
    if isinstance(op, OnnxOp):
        return any(part in op.name for part in PRODUCTS)
    return isinstance(op, MatmulOp | AttentionOp)


def drawn(
    level: str, module: ModuleOp, inputs: Arrays, before: Spreads, outputs: Arrays, seed: int
) -> Spreads:
    """
    By how much a run that rounds otherwise is off from what a level, `onnx` or `lpu`, gave.

    `before` has how far inputs are off already.
    """
    given = _moved(module, inputs, before, np.random.default_rng(seed))
    return apart(run_level(level, module, given, observer=noisy(seed)), outputs)


def noisy(seed: int) -> Observer:
    """Makes every number of a run be off by as much as it may be."""
    return Recorder(_Noise(np.random.default_rng((seed, 1))))


def apart(got: Arrays, outputs: Arrays) -> Spreads:
    """How far each row of outputs is off."""
    return {name: by_row(distance(got[name], array)) for name, array in outputs.items()}


def wider(runs: Sequence[Spreads]) -> Spreads:
    """The largest of several runs."""
    first, *others = runs
    found = dict(first)
    for run in others:
        found = {name: np.maximum(found[name], run[name]) for name in found}
    return found


def excess_of(got: Array, right: Array, spread: Array | None, tolerance: float) -> float:
    """
    How many times as far an output is off as it may be, where it is that most.

    It may be `FACTOR` times the spread, and never more than the tolerance of the largest number of
    its row. Integers may be others where those of runs that round are.
    """
    error = departure(got, right)
    if spread is None or got.shape != right.shape or got.dtype != right.dtype:
        return 0.0 if error == 0 else error / tolerance
    off = by_row(distance(got, right))
    if not is_float(right):
        return float("inf") if np.any(off > spread) else 0.0
    largest = tolerance * np.maximum(by_row(_size(right)), 1.0)
    with np.errstate(all="ignore"):
        share = off / np.minimum(largest, FACTOR * spread)
    return float(np.max(np.where(off == 0, 0.0, share), initial=0.0))


def rounded(spread: Spreads, right: Arrays, unit: float) -> Spreads:
    """A spread, and what it takes to store outputs in a type."""
    names = [name for name in spread if name in right]
    stored = {n: max(unit, roundoff(right[n])) * by_row(_size(right[n])) for n in names}
    return {n: spread[n] + stored[n] for n in names}


class _Noise:
    """Makes every number of a run be off."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random

    def __call__(self, event: Event, parts: OnDevices) -> OnDevices:
        unit, is_source = roundoff(event.array), not event.op.operands
        if not unit or (not is_source and event.op.name in MOVES) or (is_source and unit <= F32):
            return parts
        noise = bound_of(event) if is_product(event.op) else unit * _size(event.array)
        if unit > F32:
            noise = noise + unit * _size(event.array)
        else:
            noise = np.where(_is_whole(event.array), 0.0, noise)
        return with_noise(event, parts, noise, self.random)


def _is_whole(array: Array) -> Array:
    """Whether numbers of f32 are counts, codes or sums of these, which nothing rounds."""
    with np.errstate(invalid="ignore"):
        return (array == np.rint(array)) & (np.abs(array) < WHOLE)


def _size(array: Array) -> Array:
    if not roundoff(array):
        return np.zeros(array.shape)
    return np.abs(np.where(np.isfinite(array), array, 0).astype(np.float64))


def _moved(
    module: ModuleOp, inputs: Arrays, before: Spreads, random: np.random.Generator
) -> Arrays:
    """Inputs that are off already, or are kept in a shorter type than they come in."""
    function = step_function(module)
    found = dict(inputs)
    for declared, value in zip(interface_of(function).arguments, function.args, strict=True):
        name = unescape(declared.name)
        array: Array = found[name]
        unit = ROUNDOFF.get(tensor_of(value).dtype, 0.0) if roundoff(array) else 0.0
        stored = 2 * unit if unit > roundoff(array) else 0.0
        off: Array = before.get(name, 0.0) + stored * _size(array)
        if np.any(off):
            shape: tuple[int, ...] = array.shape
            with np.errstate(all="ignore"):
                found[name] = (array + off * random.uniform(-1, 1, shape)).astype(array.dtype)
    return found
