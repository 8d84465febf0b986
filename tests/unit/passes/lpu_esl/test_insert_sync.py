"""Whatever is scattered over devices comes back as it was, by the exchange that is inserted."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.parser import Parser

from dialects.lpu.execution import run_interface
from lpuc.compiler.pipeline import make_context, parse_passes
from passes.analysis.functions import step_function
from runtime.sharding import Factor, Sharding

MODEL = """
builtin.module attributes {{lpu.options = {{devices = {n} : i64}}}} {{
  func.func @step(%x : !lpu_esl.shard<{shape}, f32, {sharding}>) -> !lpu.tensor<{shape}, f32> {{
    %y = lpu_esl.unshard %x because "a test"
        : !lpu_esl.shard<{shape}, f32, {sharding}> -> !lpu.tensor<{shape}, f32>
    func.return %y : !lpu.tensor<{shape}, f32>
  }}
}}
"""


@st.composite
def shardings(draw: st.DrawFn) -> tuple[tuple[int, ...], Sharding]:
    """Axes of up to three factors, some cut over axes of the mesh that no other factor uses."""
    bits = draw(st.integers(1, 3))
    free = draw(st.permutations(range(bits)))
    axes: list[tuple[Factor, ...]] = []
    shape: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        factors: list[Factor] = []
        for _ in range(draw(st.integers(0, 3))):
            extent = draw(st.integers(1, 5))
            cut = bool(free) and draw(st.booleans())
            factors.append(Factor(extent, 2, 1 << free.pop()) if cut else Factor(extent))
        axes.append(tuple(factors))
        whole = draw(st.integers(1, 4))
        shape.append(int(np.prod([factor.extent for factor in factors])) if factors else whole)
    return tuple(shape), Sharding(1 << bits, tuple(axes))


@settings(max_examples=60, deadline=None)
@given(shardings())
def test_an_exchange_puts_parts_where_they_were(case: tuple[tuple[int, ...], Sharding]) -> None:
    shape, sharding = case
    text = MODEL.format(n=sharding.devices, shape=list(shape), sharding=sharding)
    module = Parser(make_context(), text).parse_module()
    (one,) = parse_passes("lpu-esl-insert-sync")
    one.apply(make_context(), module)
    assert "lpu_esl.unshard" not in str(module)
    array = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    found = run_interface(step_function(module), {"0": array}, Path(), devices=sharding.devices)
    np.testing.assert_array_equal(found["0"], array)
