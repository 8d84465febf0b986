"""
Decoders whose extents no number of devices divides, against ONNX Runtime.

    python -m benchmarks.irregular [--devices 2,4,8] [--targets lpu-4nm,lpu-tiny] [--only NAME]
        [--precisions f32,f16]

Heads, key/value heads, widths and vocabularies are forced to be odd, with and without the passes
that recognise patterns. Every level from `esl` on, the program on the reference path and the fast
one have to agree with ONNX Runtime. Exit code 1 if one does not, or if a model is refused.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decoder_inputs import Call, call_inputs, decoder_ports, vocabulary
from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import Shape
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.ring.bases import unraised
from benchmarks.fuzz.running import Options, add_arguments, finish, run
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.verification.verified import difference, subject

TOLERANCE = 5e-5
SHORT_TOLERANCE = 5e-3
"""Of what is compiled in f16."""
LEVELS = ("esl", "mem", "program", "fast")
CONTEXT = 12
WHOLE = 60.0
"""Percent of the parameters that may be whole: what is tiny has norms and biases of some weight."""
LIMIT_SECONDS = 300.0

BASE = Shape("llama", 2, 32, 4, 40, 40, kv_heads=4, positions=0, lanes=8)
TABLE = {
    "heads-3": replace(BASE, heads=3, kv_heads=3),
    "heads-5": replace(BASE, heads=5, kv_heads=5),
    "heads-6-over-3": replace(BASE, heads=6, kv_heads=3),
    "heads-6-over-2": replace(BASE, heads=6, kv_heads=2),
    "heads-14-over-2": replace(BASE, heads=14, kv_heads=2),
    "heads-4-over-1": replace(BASE, kv_heads=1),
    "hidden-61": replace(BASE, width=61),
    "inner-61": replace(BASE, hidden=61),
    "vocabulary-97": replace(BASE, vocabulary=97),
    "vocabulary-9": replace(BASE, vocabulary=9),
    "norms-behind": replace(BASE, kv_heads=2, norms_behind=True),
    "all-odd": replace(BASE, width=61, heads=6, kv_heads=3, hidden=43, vocabulary=97),
    "parallel-6-over-2": replace(BASE, heads=6, kv_heads=2, hidden=43, parallel=True),
    "parallel-merged-6-over-1": replace(BASE, heads=6, kv_heads=1, parallel=True, merged=True),
    "gpt2-heads-3": Shape("gpt2", 2, 24, 3, 40, 97, positions=16),
    "gpt2-heads-5-vocabulary-9": Shape("gpt2", 2, 40, 5, 61, 9, positions=16),
    "opt-heads-3": Shape("opt", 2, 24, 3, 61, 97, positions=16),
    "mixtral-6-over-2": replace(
        BASE, family="mixtral", heads=6, kv_heads=2, hidden=21, vocabulary=97, experts=3
    ),
}
"""By what is odd about them."""

CALLS = {1: (Call(past=0), Call(past=5, mask="random", shift=2)), 3: (Call(new=3, past=4),)}
"""By the number of new tokens, for which a program is compiled."""


@dataclass(frozen=True, order=True)
class Key:
    """A decoder of the table, and how it is compiled."""

    name: str
    devices: int
    target: str
    raised: bool
    new: int = 1
    precision: str = "f32"

    def __str__(self) -> str:
        kind = "raised" if self.raised else "not raised"
        of = f"{self.new} new, {self.precision}"
        return f"{self.name} on {self.devices} x {self.target}, {kind}, {of}"


def keys(
    devices: Sequence[int],
    targets: Sequence[str],
    only: str = "",
    precisions: Sequence[str] = ("f32",),
) -> Iterator[Key]:
    """All ways to compile what is chosen of the table."""
    for name, count, target, precision in product(TABLE, devices, targets, precisions):
        if only in name:
            ways = product((True, False), CALLS)
            yield from (Key(name, count, target, r, n, precision) for r, n in ways)


def errors(folder: Path, key: Key) -> dict[tuple[str, str, str], float]:
    """How far each output of each call is off, by call, level and output."""
    model = folder / f"{key.name}-{key.new}-{key.devices}-{key.target}-{key.raised}"
    model = model / key.precision / "model.onnx"
    write_decoder(model, TABLE[key.name], seed=1)
    pipeline = None if key.raised else unraised(key.devices)
    options = CompileOptions(
        key.target, key.precision, CONTEXT, {"seq": key.new, "batch": 1}, devices=key.devices,
        pipeline=pipeline, whole_budget=WHOLE,
    )  # fmt: skip
    compiled, session = subject(model, options, Instrumentation()), _session(model)
    found: dict[tuple[str, str, str], float] = {}
    for call in CALLS[key.new]:
        rng = np.random.default_rng(list(call.name.encode()))
        inputs = call_inputs(decoder_ports(session), call, rng, vocabulary(session))
        names = [output.name for output in session.get_outputs()]
        expected = dict(zip(names, session.run(names, inputs), strict=True))
        for level in LEVELS:
            got = compiled.runners[level](inputs)
            for name, value in expected.items():
                found[call.name, level, name] = difference(got[name], value)
    return found


def _session(model: Path) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 4
    return onnxruntime.InferenceSession(str(model), settings)


def run_key(folder: Path, key: Key) -> Result:
    """What becomes of one decoder."""
    try:
        found = errors(folder, key)
    except Exception as error:  # whatever it is, the other decoders go on
        text = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        return Result(Outcome("crash", text, "compile"), str(key))
    where = max(found, key=found.__getitem__)
    worst = found[where]
    allowed = TOLERANCE if key.precision == "f32" else SHORT_TOLERANCE
    verdict = "right" if worst <= allowed else "wrong"
    return Result(Outcome(verdict, " ".join(where), where[1], worst), str(key))


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the counts; exit code 1 unless all are right."""
    parser = argparse.ArgumentParser(description="Irregular decoders on several devices.")
    parser.add_argument("--devices", default="2,4,8", metavar="A,B")
    parser.add_argument("--targets", default="lpu-4nm,lpu-tiny", metavar="A,B")
    parser.add_argument("--precisions", default="f32", metavar="A,B", help="f32, f16")
    parser.add_argument("--only", default="", metavar="NAME", help="part of a name of the table")
    add_arguments(parser)
    parser.set_defaults(limit=LIMIT_SECONDS)
    given = parser.parse_args(argv)
    devices, precisions = map(int, given.devices.split(",")), given.precisions.split(",")
    wanted = keys(list(devices), given.targets.split(","), given.only, precisions)
    with tempfile.TemporaryDirectory() as made:
        results = run(partial(run_key, Path(made)), list(wanted), Options.of(given))
    return finish(results)


if __name__ == "__main__":
    sys.exit(main())
