"""Random decoders give ONNX Runtime's numbers; the generator draws what decoders are made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from onnx import numpy_helper

from benchmarks.fuzz.command import outcome_of
from benchmarks.fuzz.decoders.cases import TOLERANCES, make

SEED = 0
NUMBERS = [pytest.param(n, marks=pytest.mark.slow if n >= 8 else ()) for n in range(12)]
"""Of decoders that differ in all that follows; eight are no slow tests."""

FEATURES = (
    "cache: fixed", "cache: none", "grouped heads", "multi-query", "several caches",
    "shared cache", "f16 cache", "f16 casts", "batch: dynamic", "batch: fixed, more than one",
    "new tokens: dynamic", "new tokens: several", "odd extents", "window", "left padded",
    "mask: int64 2-D", "mask: none", "mask: bool 4-D", "mask: float 4-D",
    "mask: computed, bool 4-D", "mask: computed, additive",
    "rotary: half-split", "rotary: interleaved", "rotary: partial", "rotary: tables as inputs",
    "rotary: tables gathered", "rotary: tables computed", "rotary: com.microsoft",
    "rotary: RotaryEmbedding", "attention: spelled", "attention: Attention",
    "attention: GroupQueryAttention", "norm: LayerNormalization", "norm: RMSNormalization",
    "norm: SimplifiedLayerNormalization", "norm: Skip*", "norm: layer spelled",
    "norm: rms spelled", "norm: with casts", "norm by: pow -0.5", "norm by: sqrt, div",
    "norm by: sqrt, reciprocal", "norm by: one over sqrt", "activation: Gelu",
    "activation: Gelu tanh", "activation: gelu by erf", "activation: gelu by tanh",
    "activation: quick gelu", "activation: relu", "activation: silu", "feed-forward: gated",
    "tied weights", "ends in TopK", "ends in ArgMax", "extra output: hidden",
    "extra output: scores", "scalar output", "scalar input", "scalar constants",
    "shape arithmetic", "shape: range", "shape: expand", "shape: where chain",
)  # fmt: skip
"""What a tenth of the graphs have at least."""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_random_decoder_gives_the_numbers_of_onnx_runtime(number: int):
    outcome = outcome_of(make(SEED, number))
    assert outcome.verdict == "right", outcome


@pytest.mark.parametrize("precision", ["f16", "bf16"])
@pytest.mark.parametrize("number", [12, 96])
def test_a_decoder_without_cache_compiles_at_every_precision(number: int, precision: str):
    """With one token: softmax, sums and norms over one element change the type alone.

    On the small machine; one of them in one precision on the other, too.
    """
    case = make(SEED, number)
    assert "cache: none" in case.labels and "new tokens: several" not in case.labels
    tolerance = max(TOLERANCES[precision], case.settings.tolerance)
    for target in ("lpu-tiny", "lpu-4nm") if (number, precision) == (12, "f16") else ("lpu-tiny",):
        settings = replace(case.settings, precision=precision, tolerance=tolerance, target=target)
        outcome = outcome_of(replace(case, settings=settings))
        assert outcome.verdict == "right", outcome


def test_a_tenth_of_the_graphs_has_each_feature_and_half_a_dynamic_past():
    count = 200
    found = Counter(label for number in range(count) for label in make(SEED, number).labels)
    # 1000 graphs have each feature in a tenth; of fewer, chance takes two deviations away
    assert {f: found[f] for f in FEATURES if found[f] < 0.06 * count} == {}
    assert found["cache: dynamic"] >= 0.43 * count


def test_a_seed_and_a_number_give_the_same_decoder_again():
    one, same, other = make(3, 5), make(3, 5), make(3, 6)
    assert one.model.SerializeToString() == same.model.SerializeToString()
    assert one.model.SerializeToString() != other.model.SerializeToString()
    assert all((one.calls[0][name] == a).all() for name, a in same.calls[0].items())


def test_ids_are_drawn_over_the_whole_vocabulary():
    highest: set[bool] = set()
    for number in range(30):
        case = make(SEED, number)
        gathers = [
            n for n in case.model.graph.node if "input_ids" in n.input and "Gather" in n.name
        ]
        weights = {t.name: t for t in case.model.graph.initializer}
        rows = numpy_helper.to_array(weights[gathers[0].input[0]]).shape[0]
        top = max(int(call["input_ids"].max()) for call in case.calls)
        assert top < rows
        highest.add(top >= 0.9 * rows)
    assert True in highest
