"""No pass changes what a model computes: its IR is run after each of them."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.decoder_inputs import Call
from lpuc.compiler.driver import load_module
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.pipeline import PIPELINE, run_pipeline, specification_of, stage_passes
from lpuc.levels.execution import Array, run_level
from lpuc.levels.tolerance import difference
from tests.e2e.committed import ONE, expected, feeds, options

TOLERANCE = 5e-5
CALL = Call(new=3, past=5, mask="random", shift=2)
EXECUTABLE = [stage for stage in PIPELINE if stage.level in ("onnx", "lpu", "mem")]


def test_meaning_stays_after_each_pass():
    inputs = feeds(ONE, CALL)
    reference = expected(ONE, inputs)
    module = load_module(ONE, options("lpu-tiny", CALL.new))
    for level, one in [(s.level, one) for s in EXECUTABLE for one in stage_passes(s)]:
        run_pipeline(module, (one,), Instrumentation())
        got = run_level(level, module, inputs)
        errors = {name: difference(got[name], value) for name, value in reference.items()}
        assert max(errors.values()) <= TOLERANCE, f"after {one.name}: {errors}"


def test_exact_passes_change_no_bit():
    inputs = feeds(ONE, CALL)
    module = load_module(ONE, options("lpu-tiny", CALL.new))
    before: tuple[str, Mapping[str, Array]] = "", {}
    for level, one in [(s.level, one) for s in EXECUTABLE for one in stage_passes(s)]:
        run_pipeline(module, (one,), Instrumentation())
        got = run_level(level, module, inputs)
        spec = specification_of(type(one))
        if spec is not None and spec.numbers.change == "exact" and before[0] == level:
            changed = [n for n, a in got.items() if a.tobytes() != before[1][n].tobytes()]
            assert not changed, f"{one.name} is not exact: {changed}"
        before = level, got
