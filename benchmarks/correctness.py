"""
Compare compiled decoders with ONNX Runtime: every export, level and target on many inputs.

    python benchmarks/correctness.py --models DIR [--targets lpu-4nm,lpu-tiny] [--only NAME]
    python benchmarks/correctness.py --models DIR --devices 4

`DIR/exports/<exporter>__<model>/` holds `model.onnx` and `cases/*/{inputs,outputs}.npz`. To the
stored cases come batches, masks and positions of `decoder_inputs`, on which ONNX Runtime is asked
anew. Left out are calls that it refuses, and in f16 those with tokens that may look at nothing:
-65504 plus a score depends on where it is rounded. Exit code 1 if a result is wrong or crashes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from lpuc.cli.threads import limit_threads

limit_threads(1)

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402

from benchmarks.decoder_inputs import (  # noqa: E402
    call_inputs,
    calls,
    decoder_ports,
    vocabulary,
)
from dialects.errors import CompileError  # noqa: E402
from lpuc.compiler.instrument import Instrumentation  # noqa: E402
from lpuc.compiler.options import CompileOptions  # noqa: E402
from lpuc.errors import UserError  # noqa: E402
from lpuc.verification.verified import Subject, subject  # noqa: E402
from runtime.errors import RuntimeFault  # noqa: E402
from runtime.traps import Trap  # noqa: E402

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

LEVELS = ("onnx", "lpu", "mem", "program", "fast")
RING_LEVELS = ("esl", "mem", "program", "fast")
"""Those that several devices execute."""
TARGETS = ("lpu-4nm", "lpu-tiny")
MAX_CONTEXT = 64
SHOWN = 5
"""How many messages about wrong results are printed for a model on a target at a level."""

TOLERANCES = {"f32": 5e-5, "f16": 5e-3, "bf16": 1e-1}
REFUSALS = (CompileError, UserError, RuntimeFault, Trap)


@dataclass(frozen=True)
class Case:
    """Inputs, what ONNX Runtime makes of them, and the dimensions to compile for."""

    name: str
    inputs: Arrays
    outputs: Arrays
    shape: tuple[tuple[str, int], ...]


@dataclass
class Score:
    """What became of the cases of one model on one target at one level."""

    right: int = 0
    worst: float = 0.0
    refused: list[str] = field(default_factory=list[str])
    wrong: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Names of cases, and what is wrong."""


Scores = dict[tuple[str, str], Score]
"""By target and level."""


def error_of(got: Array, expected: Array) -> float:
    """The largest error, absolute or relative, whichever is less; NaN equals NaN."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    a, b = got.astype(np.float64), expected.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(all="ignore"):
        error = np.abs(a - b) / np.maximum(np.abs(b), 1.0)
    error[same] = 0.0
    error[~same & ~np.isfinite(error)] = np.inf
    return float(error.max(initial=0.0))


def sequence_of(inputs: Arrays) -> tuple[int, int]:
    """Batch and new tokens of a call."""
    batch, new = next(a.shape for name, a in inputs.items() if "input_ids" in name)
    return batch, new


def free_extents(session: Any, inputs: Arrays) -> dict[str, int]:
    """Named dimensions of heads and lanes of a cache, which no option of `lpuc` implies."""
    ports = [p for p in session.get_inputs() if len(p.shape) == 4]
    axes = ((p.shape[axis], inputs[p.name].shape[axis]) for p in ports for axis in (1, 3))
    return {n: extent for n, extent in axes if isinstance(n, str) and not n.isdecimal()}


def _shape(inputs: Arrays, free: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    batch, new = sequence_of(inputs)
    return tuple({**free, "batch": batch, "seq": new}.items())


def cases_of(folder: Path) -> tuple[list[Case], int]:
    """The stored cases and the others, and how many calls are left out."""
    session, exact = reference_session(folder / "model.onnx")
    stored = [_stored(path, session, exact) for path in sorted((folder / "cases").iterdir())]
    more = list(_more(session, dict(stored[0].shape)))
    found = [case for case in more if case is not None]
    return stored + found, len(more) - len(found)


def reference_session(model: Path) -> tuple[Any, bool]:
    """
    ONNX Runtime on a model, and whether it rounds as the model says.

    It quantises activations to 8 bits where a product allows it; here it may not.
    """
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 4
    loaded = onnx.load(model)
    attributes = [a for node in loaded.graph.node for a in node.attribute]
    levels = [a for a in attributes if a.name == "accuracy_level" and a.i > 1]
    for attribute in levels:
        attribute.i = 1
    return onnxruntime.InferenceSession(loaded.SerializeToString(), settings), not levels


def _run(session: Any, inputs: Arrays) -> Arrays:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _stored(path: Path, session: Any, exact: bool) -> Case:
    inputs = dict(np.load(path / "inputs.npz"))
    outputs = dict(np.load(path / "outputs.npz")) if exact else _run(session, inputs)
    return Case(path.name, inputs, outputs, _shape(inputs, free_extents(session, inputs)))


def _more(session: Any, extents: Mapping[str, int]) -> Iterator[Case | None]:
    rng = np.random.default_rng(7)
    free = {name: value for name, value in extents.items() if name not in ("batch", "seq")}
    ports, ids = decoder_ports(session, free), vocabulary(session)
    has_mask = any(port.role == "mask" for port in ports)
    is_f16 = any(port.dtype is np.float16 for port in ports)
    for call in calls():
        if not has_mask and call.mask not in ("ones", "random"):
            continue
        if is_f16 and call.is_blind:
            yield None
            continue
        inputs = call_inputs(ports, call, rng, ids)
        try:
            outputs = _run(session, inputs)
        except Exception:  # those of ONNX Runtime have no other common base
            yield None
            continue
        yield Case(call.name, inputs, outputs, _shape(inputs, free))


def tolerance_of(case: Case, precision: str) -> float:
    """What the precision allows, or that of the model if it is less precise."""
    is_f16 = any(array.dtype == np.float16 for array in case.outputs.values())
    return max(TOLERANCES[precision], TOLERANCES["f16"] if is_f16 else 0.0)


def check_case(runner: Any, case: Case, score: Score, tolerance: float) -> None:
    """Run one case and add what became of it to the score."""
    try:
        got = runner(case.inputs)
    except REFUSALS as error:
        score.refused.append(str(error))
        return
    except Exception as error:
        score.wrong.append((case.name, f"{type(error).__name__}: {str(error)[:300]}"))
        return
    errors = {name: error_of(got[name], case.outputs[name]) for name in case.outputs}
    worst = max(errors, key=errors.__getitem__)
    score.worst = max(score.worst, errors[worst])
    if errors[worst] <= tolerance:
        score.right += 1
    else:
        score.wrong.append((case.name, f"{worst} is off by {errors[worst]:.1e}"))


def _compiled(
    model: Path, target: str, precision: str, shape: tuple[tuple[str, int], ...], devices: int
) -> Subject | Exception:
    options = CompileOptions(target, precision, MAX_CONTEXT, dict(shape), devices=devices)
    try:
        return subject(model, options, Instrumentation())
    except Exception as error:
        return error


def check_model(
    folder: Path, targets: Sequence[str], levels: Sequence[str], precision: str = "f32",
    devices: int = 1,
) -> tuple[str, Scores, int]:  # fmt: skip
    """All cases of one export; one compilation for each batch and number of new tokens."""
    cases, skipped = cases_of(folder)
    scores: Scores = {(target, level): Score() for target in targets for level in levels}
    for target in targets:
        for shape in sorted({case.shape for case in cases}):
            result = _compiled(folder / "model.onnx", target, precision, shape, devices)
            for level, case in product(levels, [c for c in cases if c.shape == shape]):
                tolerance = tolerance_of(case, precision)
                check_case(_runner(result, level), case, scores[target, level], tolerance)
    return folder.name, scores, skipped


def _runner(result: Subject | Exception, level: str) -> Any:
    """What runs a level; fails as the compilation did."""
    if isinstance(result, Subject):
        return result.runners[level]

    def fail(_inputs: Arrays) -> Arrays:
        raise result

    return fail


def grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Names of cases by message."""
    groups: dict[str, list[str]] = {}
    for name, message in pairs:
        groups.setdefault(message, []).append(name)
    return groups


def print_model(name: str, scores: Scores, skipped: int) -> None:
    """A line for each target and level, and the messages."""
    for (target, level), score in scores.items():
        counts = f"{score.right:6} {len(score.refused):8} {len(score.wrong):6}"
        print(f"{name:26} {target:9} {level:8} {score.worst:10.1e} {counts}")
    if skipped:
        print(f"    {skipped} calls are left out")
    for message in sorted({m for score in scores.values() for m in score.refused}):
        print(f"    refused: {message}")
    for key, score in scores.items():
        for message, names in list(grouped(score.wrong).items())[:SHOWN]:
            print(f"    wrong: {' '.join(key)}: {message} ({len(names)} cases, as {names[0]})")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare decoders with ONNX Runtime.")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR")
    parser.add_argument("--targets", default=",".join(TARGETS), metavar="A,B")
    parser.add_argument("--levels", metavar="A,B", help="by default all that the devices have")
    parser.add_argument("--devices", type=int, default=1, help="how many make a ring")
    parser.add_argument("--precision", default="f32", choices=tuple(TOLERANCES))
    parser.add_argument("--only", default="", metavar="NAME", help="part of the name of an export")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="models at once")
    return parser.parse_args()


def main() -> int:
    """Check all models, print the table, and say whether nothing was wrong."""
    arguments = _arguments()
    folders = sorted(p.parent for p in (arguments.models / "exports").glob("*/model.onnx"))
    chosen = [folder for folder in folders if arguments.only in folder.name]
    targets, devices = arguments.targets.split(","), arguments.devices
    default = LEVELS if devices == 1 else RING_LEVELS
    levels = arguments.levels.split(",") if arguments.levels else default
    check = partial(
        check_model, targets=targets, levels=levels, precision=arguments.precision, devices=devices
    )
    print(f"{'model':26} {'target':9} {'level':8} {'max error':>10}  right  refused  wrong")
    totals = np.zeros(3, int)
    with ProcessPoolExecutor(max_workers=arguments.jobs) as pool:
        for name, scores, skipped in pool.map(check, chosen):
            print_model(name, scores, skipped)
            for score in scores.values():
                totals += (score.right, len(score.refused), len(score.wrong))
    right, refused, wrong = totals
    print(f"{len(chosen)} models: {right} right, {refused} refused, {wrong} wrong")
    return 1 if wrong or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
