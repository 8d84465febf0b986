"""Judge a mutant: its numbers by ONNX Runtime, its IR by what may be recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from onnx import TensorProto

from benchmarks.fuzz.judging import TOLERANCE, Array, Arrays, compare, failure, references
from benchmarks.fuzz.nearmiss.exact import reason_for
from benchmarks.fuzz.nearmiss.mutant import UNCHANGED, Mutant, make
from benchmarks.fuzz.nearmiss.raised import STRUCTURAL, Compiled, compiled, is_raised, without
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from lpuc.compiler.options import CompileOptions

OPTIONS = CompileOptions(precision="f32", max_context=16)
ROUNDED = ("operand_rounded", "result_rounded")
NO_WEIGHT = frozenset(
    {"constant_to_input", "constant_zero", "constant_one", "constant_infinite"}
    | {"constant_least", "constant_nan", "constant_large"}
)
"""What makes a weight an input or one number: alone it is no parameter, in a stack it is one."""
ALIKE = 1e-5
FEW = 0.3
HALF_TOLERANCE = 5e-3
"""Where something is rounded to f16, sums in another order may end at its neighbour."""


def judge(mutant: Mutant) -> tuple[Outcome, str]:
    """What becomes of a mutant, and whether it was recognised: `raised`, `not raised` or ``."""
    expected, why_not = references(mutant.case.model, mutant.calls)
    if expected is None:
        return Outcome("uncounted", why_not, "reference"), ""
    found: dict[str, Compiled] = {}
    outcomes: dict[str, Outcome] = {}
    with TemporaryDirectory(prefix="lpuc-nearmiss-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(mutant.case.model.SerializeToString())
        results: dict[str, list[dict[str, Array]]] = {}
        plain = without(mutant.case.recogniser)
        for way, left_out in (("raised", frozenset[str]()), ("plain", plain)):
            try:
                found[way] = compiled(path, OPTIONS, left_out)
                results[way] = [found[way].program.run(inputs) for inputs in mutant.calls]
                outcomes[way] = _numbers(results[way], mutant, expected, way)
            except Exception as error:
                outcomes[way] = failure(error, way)
    if _is_same_to_the_bit(mutant) and len(results) == 2:
        outcomes["bits"] = _equal_bits(results["raised"], results["plain"])
    outcome, found_or_not = _joined(mutant, found, outcomes)
    if (
        outcome.verdict == "wrong"
        and outcome.stage in ("raised", "plain", "both")
        and _is_touchy(mutant, expected)
    ):
        return Outcome(
            "uncounted", "inputs that are off by 1e-7 give other outputs", "reference"
        ), ""
    return outcome, found_or_not


def _is_touchy(mutant: Mutant, expected: Sequence[Arrays]) -> bool:
    """Whether the last place of the inputs decides: no order of sums is right then."""
    moved = [{name: _next(array) for name, array in call.items()} for call in mutant.calls]
    others, _ = references(mutant.case.model, moved)
    pairs = zip(others or (), expected, strict=False)
    return any(compare(other, one, TOLERANCE).verdict != "right" for other, one in pairs)


def _next(array: Array) -> Array:
    """The next number of the type, where it has a next one."""
    if array.dtype.kind != "f":
        return array
    return np.where(np.isfinite(array), np.nextafter(array, np.ones_like(array)), array)


def _is_same_to_the_bit(mutant: Mutant) -> bool:
    """Whether the recogniser moves data alone; products with what is no weight stream otherwise.

    Their panels may lie otherwise with the pass, and what is added in which order follows that.
    """
    if _multiplies_no_weight(mutant):
        return False
    if mutant.case.recogniser == "layers":
        return mutant.kind.startswith("constant_") and mutant.kind not in NO_WEIGHT
    return mutant.case.recogniser in STRUCTURAL


def _multiplies_no_weight(mutant: Mutant) -> bool:
    graph = mutant.case.model.graph
    weights = {tensor.name for tensor in graph.initializer}
    products = (node for node in graph.node if node.op_type in ("MatMul", "Gemm"))
    return any(weights.isdisjoint(node.input[:2]) for node in products)


def _equal_bits(raised: Sequence[Arrays], plain: Sequence[Arrays]) -> Outcome:
    for one, other in zip(raised, plain, strict=True):
        for name, array in one.items():
            same = array.dtype == other[name].dtype and array.shape == other[name].shape
            if not (same and np.array_equal(array, other[name], equal_nan=array.dtype.kind == "f")):
                return Outcome("wrong", f"{name}: other bits than without the pass", "bits")
    return Outcome("right", "", "bits")


def _numbers(
    got: Sequence[Arrays], mutant: Mutant, expected: Sequence[Arrays], way: str
) -> Outcome:
    tolerance = HALF_TOLERANCE if _has_half(mutant) else TOLERANCE
    worst, is_f32 = 0.0, mutant.kind in ROUNDED and not _has_half_data(mutant)
    for one, wanted in zip(got, expected, strict=True):
        outcome = compare(one, wanted, tolerance)
        if is_f32 and outcome.verdict == "right":
            outcome = _mostly_equal(one, wanted)
        if outcome.verdict != "right":
            return Outcome("wrong", outcome.detail, way, outcome.error)
        worst = max(worst, outcome.error)
    return Outcome("right", "", way, worst)


def _mostly_equal(got: Arrays, expected: Arrays) -> Outcome:
    """
    Whether a rounding that the model says was made: most elements agree as f32.

    A few may not, where what is rounded lies between two numbers of f16.
    """
    for name, wanted in expected.items():
        if wanted.dtype != np.float32 or wanted.size == 0:
            continue
        off = ~np.isclose(got[name], wanted, rtol=ALIKE, atol=ALIKE, equal_nan=True)
        if off.mean() > FEW:
            return Outcome(
                "wrong", f"{name}: a rounding to f16 is missing", error=float(off.mean())
            )
    return Outcome("right")


def _has_half(mutant: Mutant) -> bool:
    nodes = mutant.case.model.graph.node
    casts = {a.i for node in nodes if node.op_type == "Cast" for a in node.attribute}
    return TensorProto.FLOAT16 in casts or _has_half_data(mutant)


def _has_half_data(mutant: Mutant) -> bool:
    """Whether a weight, an input or an output is in f16."""
    graph = mutant.case.model.graph
    types = {info.type.tensor_type.elem_type for info in (*graph.input, *graph.output)}
    return TensorProto.FLOAT16 in types | {w.data_type for w in graph.initializer}


def _joined(
    mutant: Mutant, found: Mapping[str, Compiled], outcomes: Mapping[str, Outcome]
) -> tuple[Outcome, str]:
    for verdict in ("crash", "wrong"):
        if all(outcomes[way].verdict == verdict for way in ("raised", "plain")):
            return _named(mutant, replace(outcomes["plain"], stage="both")), ""
        for way in ("raised", "plain", "bits"):
            if way in outcomes and outcomes[way].verdict == verdict:
                return _named(mutant, outcomes[way]), ""
    if outcomes["plain"].verdict != outcomes["raised"].verdict:
        refused = next(o for o in outcomes.values() if o.verdict == "refused")
        return Outcome("wrong", f"refused {refused.stage} only: {refused.detail}", "ways"), ""
    if outcomes["raised"].verdict == "refused":
        return outcomes["raised"], ""
    raised, plain = found["raised"].counts, found["plain"].counts
    if not is_raised(mutant.case.target, mutant.case.count, raised, plain):
        if mutant.kind == UNCHANGED:
            return Outcome("wrong", f"{mutant.name}: not raised", "ir"), "not raised"
        return outcomes["raised"], "not raised"
    if reason_for(mutant.case, mutant.kind, mutant.place) is None:
        return Outcome("wrong", f"{mutant.name}: raised, and not listed as exact", "ir"), "raised"
    return outcomes["raised"], "raised"


def _named(mutant: Mutant, outcome: Outcome) -> Outcome:
    detail: Any = f"{mutant.name}: {outcome.detail}"
    return Outcome(outcome.verdict, detail, outcome.stage, outcome.error)


def reference_alone(seed: int, models: Path | None, number: int) -> Result:
    """A process died of this mutant; where ONNX Runtime is what dies, that is seen again."""
    references((mutant := make(seed, number, models)).case.model, mutant.calls)
    return Result(Outcome("crash", f"{mutant.name}: the process died", "process"), str(number))


def run_one(seed: int, models: Path | None, number: int) -> Result:
    """Make a mutant and judge it."""
    mutant = make(seed, number, models)
    outcome, found = judge(mutant)
    recogniser = mutant.case.recogniser
    labels = (f"{recogniser}: {found or outcome.verdict}", f"mutation: {mutant.kind}")
    return Result(outcome, str(number), labels)
