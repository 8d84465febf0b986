"""Each type of parts in a compiled model, changed alone, is refused or changes no number."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.rewriter import Rewriter

from benchmarks.decoder_inputs import Call
from dialects.affine import Affine
from dialects.lpu.types import Tensor
from dialects.lpu_esl.types import ShardType, shard_type
from dialects.refusal import Refused
from dialects.verification import verify_module
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from passes.analysis.functions import step_function
from runtime.sharding import Factor, Sharding
from tests.e2e.committed import CONTEXT, ONE, feeds

DEVICES, TRIALS = 4, 60


def _shards(module: ModuleOp) -> list[SSAValue]:
    """The values of `step` that are claimed to lie in parts."""
    values = (value for op in step_function(module).walk() for value in op.results)
    return [value for value in values if isinstance(value.type, ShardType)]


def _bits(axis: tuple[Factor, ...]) -> Iterator[Factor]:
    """The same cuts, one bit of the device each, where nothing is padded."""
    for factor in axis:
        assert factor.extent % factor.parts == 0
        for bit in reversed(range(factor.parts.bit_length() - 1)):
            yield Factor(2, 2, factor.stride << bit)
        yield Factor(factor.each)


def _other(kind: ShardType, rng: random.Random) -> ShardType:
    """As many elements on each device, of other axes or by other bits."""
    swapped = {1: 2, 2: 1} if rng.random() < 0.6 else {}
    axes = [
        tuple(Factor(f.extent, f.parts, swapped.get(f.stride, f.stride)) if f.parts > 1 else f
              for f in _bits(axis))
        for axis in kind.sharding.axes
    ]  # fmt: skip
    if rng.random() < 0.6:
        rng.shuffle(axes)
    pairs = zip(axes, kind.data.shape, strict=True)
    dims = [Affine(int(np.prod([f.extent for f in a]))) if a else extent for a, extent in pairs]
    return shard_type(Tensor.of(dims, kind.data.dtype), Sharding(DEVICES, tuple(axes)))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_claim_that_is_changed_is_refused_or_changes_nothing(seed: int):
    rng, found = random.Random(seed), Counter[str]()
    options = CompileOptions(precision="f32", max_context=CONTEXT, devices=DEVICES)
    good = lower(load_module(ONE, options), options, "esl", Instrumentation())
    inputs = feeds(ONE, Call(new=1, past=3, mask="random"))
    expected = run_level("esl", good, inputs)
    for _ in range(TRIALS):
        module = good.clone()
        value = rng.choice(_shards(module))
        kind, other = value.type, _other(value.type, rng)  # pyright: ignore[reportArgumentType]
        if other.data != kind.data or other == kind:
            continue
        Rewriter.replace_value_with_new_type(value, other)
        try:
            verify_module(module)
        except Refused:
            found["refused"] += 1
            continue
        found["accepted"] += 1
        for name, array in run_level("esl", module, inputs).items():
            np.testing.assert_array_equal(array, expected[name], err_msg=str(value))
    assert found["refused"] > 10
