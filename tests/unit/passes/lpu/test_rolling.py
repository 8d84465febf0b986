"""Rolled layers compute what the layers computed, in code that does not grow with their number."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.test_value import create_ssa_value

from dialects.lpu.control import ForOp
from dialects.lpu.execution import input_tensors, run_interface
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import step_function, symbol_ranges
from passes.lpu.rolling.repeats import repeats
from passes.lpu.rolling.segments import Segment
from tests.unit.passes.lpu.layered import ROW, STEPS, Layered

steps = st.lists(st.sampled_from(STEPS), min_size=1, max_size=6).filter(
    lambda s: {"product", "shared"} & set(s)
)


def _rolled(module: ModuleOp) -> ModuleOp:
    rolled = module.clone()
    for one in parse_passes("lpu-roll-layers,cse,dce"):
        one.apply(make_context(), rolled)
    rolled.verify()
    return rolled


def _loops(module: ModuleOp) -> list[ForOp]:
    return [op for op in step_function(module).body.block.ops if isinstance(op, ForOp)]


def _inputs(module: ModuleOp, tokens: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    tensors = input_tensors(step_function(module))
    shapes = {n: [d.evaluate({"P": tokens}) for d in t.shape] for n, t in tensors.items()}
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


@settings(deadline=None, max_examples=25)
@given(steps, st.integers(2, 5), st.sampled_from([0, 3]))
def test_results_stay(chosen: list[str], layers: int, tokens: int):
    module = Layered(chosen, layers).module()
    rolled = _rolled(module)
    inputs = _inputs(module, tokens)
    expected, got = (
        run_interface(step_function(m), inputs, Path(), {"P": tokens}) for m in (module, rolled)
    )
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)


@settings(deadline=None, max_examples=10)
@given(steps.filter(lambda s: "output" not in s))
def test_code_does_not_grow_with_the_layers(chosen: list[str]):
    sizes = {
        sum(1 for _ in _rolled(Layered(chosen, layers).module()).walk()) for layers in (4, 8, 32)
    }
    assert len(sizes) == 1


def test_a_loop_of_all_layers():
    (loop,) = _loops(_rolled(Layered(["product", "state", "neg"], 7).module()))
    assert loop.upper.data.const == 7
    assert [tensor_of(v) for v in loop.init] == [ROW]


def test_loop_variables_have_a_range():
    module = _rolled(Layered(["product", "state", "neg"], 7).module())
    assert symbol_ranges(step_function(module)) == {"P": (0, 7), "l": (0, 6)}


def _best(text: str) -> tuple[int, int, int] | None:
    """(start, period, count) by trying all; letters are segments of one operation."""
    found = [
        (start, period, count)
        for period in range(1, len(text) + 1)
        for start in range(len(text))
        for count in range(2, len(text) // period + 1)
        if text[start : start + period * count] == text[start : start + period] * count
        and start + period * count <= len(text)
    ]
    return min(found, key=lambda f: (-f[1] * f[2], f[1], f[0]), default=None)


@given(st.text("abc", min_size=1, max_size=12))
def test_the_best_repeat_covers_most_then_is_short_then_early(text: str):
    segments = [Segment(None, None, (0,), ord(c), True, True) for c in text]  # pyright: ignore[reportArgumentType]
    found = repeats(segments, needs_state=True)
    best = (found[0].start, found[0].period, found[0].count) if found else None
    assert best == _best(text)


@pytest.mark.parametrize("lacking", ["has_state", "has_product"])
def test_a_repeat_without_state_or_product_is_none(lacking: str):
    flags = {"has_state": True, "has_product": True, lacking: False}
    segment = Segment(None, None, (0,), 1, **flags)  # pyright: ignore[reportArgumentType]
    assert repeats([segment] * 3, needs_state=True) == []


def _chain(length: int, period: int) -> list[Segment]:
    """Segments of eight kinds, of which one has a product: half repeat, half are random."""
    rng = np.random.default_rng(length)
    kinds = rng.integers(0, 8, length)
    kinds[: length // 2] = np.resize(kinds[:period], length // 2)
    return [_segment(int(kind), is_product=kind == 3) for kind in kinds]


def _segment(kind: int, *, is_product: bool) -> Segment:
    value = create_ssa_value(TensorType(ROW))
    return Segment(value, value, (0,), kind, has_state=False, has_product=is_product)


def _steps(segments: list[Segment]) -> int:
    """Functions called and generators entered again, those of numpy included."""
    steps = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        repeats(segments, needs_state=False)
    finally:
        sys.setprofile(None)
    return steps


@pytest.mark.parametrize("period", [1, 7, 40])
def test_steps_grow_as_the_model_does(period: int):
    """Not as its square, whether much repeats or nothing."""
    short, long = (_steps(_chain(length, period)) for length in (1000, 4000))
    assert long < 6 * short
