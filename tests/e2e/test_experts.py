"""Mixtures of experts in one node, `MoE` and `QMoE`, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from dialects.errors import CompileError
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.movement import GatherOp
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from tests.e2e.single import MICROSOFT, Array, Case, Inputs, f32

EXPERTS, WIDTH, INNER, ROWS = 4, 32, 16, 3
GATES = {"activation_type": "swiglu", "swiglu_fusion": 1}
FULL = {"activation_alpha": 1.7, "activation_beta": 1.0, "swiglu_limit": 0.75}


def bytes_of(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def plain(gated: bool = False, biased: bool = True, **others: Array | None) -> Inputs:
    rows = INNER * (2 if gated else 1)
    return {
        "x": f32(ROWS, WIDTH),
        "router": f32(ROWS, EXPERTS, seed=1) * 2,
        "w1": f32(EXPERTS, rows, WIDTH, seed=2) / 4,
        "b1": f32(EXPERTS, rows, seed=3) if biased else None,
        "w2": f32(EXPERTS, WIDTH, INNER, seed=4) / 4,
        "b2": f32(EXPERTS, WIDTH, seed=5) if biased else None,
        **others,
    }


def packed(bits: int, gated: bool = False, block: int = 0, points: bool = False) -> Inputs:
    rows, per = INNER * (2 if gated else 1), 8 // bits
    blocks = [(), ()] if not block else [(WIDTH // block,), (INNER // block,)]
    sizes = zip((rows, WIDTH), blocks, strict=True)
    scales = [np.abs(f32(EXPERTS, n, *more, seed=n)) / 9 for n, more in sizes]
    held: dict[str, Array | None] = {"f3": None, "f3s": None, "f3b": None}
    if points:
        for name, scale in zip(("z1", "z2"), scales, strict=True):
            held[name] = bytes_of(*scale.shape[:-1], -(-scale.shape[-1] // per), seed=8)
    return {
        "x": f32(ROWS, WIDTH) / 4,
        "router": f32(ROWS, EXPERTS, seed=1) * 2,
        "w1": bytes_of(EXPERTS, rows, WIDTH // per, seed=2),
        "s1": scales[0],
        "b1": f32(EXPERTS, rows, seed=3),
        "w2": bytes_of(EXPERTS, WIDTH, INNER // per, seed=4),
        "s2": scales[1],
        "b2": f32(EXPERTS, WIDTH, seed=5),
        **held,
    }


def case(folder: Path, op: str, inputs: Inputs, **options: Any) -> Case:
    held = [
        name for name, value in inputs.items() if value is not None and name not in ("x", "router")
    ]
    options = {"k": 2, **options}
    return Case(folder, op, inputs, domain=MICROSOFT, constants=held, **options)


def assert_near(got: list[Array], want: list[Array]) -> None:
    """Within what sums in another order differ by."""
    (one,), (other,) = got, want
    assert (one.shape, one.dtype) == (other.shape, other.dtype)
    np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5 * np.abs(other).max())


MIXTURES: dict[str, tuple[Inputs, dict[str, Any]]] = {
    "relu": (plain(), {}),
    "gelu, normalised": (plain(), {"activation_type": "gelu", "normalize_routing_weights": 1}),
    "silu, one expert": (plain(biased=False), {"activation_type": "silu", "k": 1}),
    "identity, all": (plain(), {"activation_type": "identity", "k": EXPERTS}),
    "gates": (plain(gated=True), GATES),
    "gates that are clipped": (
        plain(gated=True),
        {**GATES, **FULL, "normalize_routing_weights": 1},
    ),
    "a batch": (plain(x=f32(1, ROWS, WIDTH)), {"activation_type": "silu"}),
    "equals": (plain(router=np.zeros((ROWS, EXPERTS), np.float32)), {"k": 1}),
}  # fmt: skip
APART = {**packed(4), "z1": None, "z2": None, "z3": None, "apart": f32(ROWS, EXPERTS, seed=7)}
"""Some of the weights of experts lie below zero."""
QUANTISED: dict[str, tuple[Inputs, dict[str, Any]]] = {
    "4 bits": (packed(4), {"expert_weight_bits": 4, "activation_type": "silu"}),
    "8 bits": (packed(8), {"expert_weight_bits": 8, "activation_type": "gelu"}),
    "4 bits, zero points": (packed(4, points=True), {"expert_weight_bits": 4}),
    "8 bits, zero points": (packed(8, points=True), {"expert_weight_bits": 8}),
    "4 bits, blocks": (packed(4, block=16), {"expert_weight_bits": 4, "block_size": 16}),
    "4 bits, gates": (packed(4, gated=True), {"expert_weight_bits": 4, **GATES, **FULL}),
    "weights apart": (APART, {"expert_weight_bits": 4}),
    "weights apart, normalised": (
        APART, {"expert_weight_bits": 4, "normalize_routing_weights": 1}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_are_those_of_onnx_runtime(name: str, tmp_path: Path):
    inputs, options = MIXTURES[name]
    given = case(tmp_path, "MoE", inputs, **options)
    assert_near(given.ours(), given.reference())


@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_ones_too(name: str, tmp_path: Path):
    inputs, options = QUANTISED[name]
    given = case(tmp_path, "QMoE", inputs, **options)
    assert_near(given.ours(), given.reference())


@pytest.mark.parametrize(
    ("op", "inputs", "options", "words"),
    [
        ("MoE", plain(f3=f32(EXPERTS, INNER, WIDTH)), {}, "the input fc3_experts_weights"),
        ("MoE", plain(gated=True), {"activation_type": "swiglu"}, "swiglu_fusion other than 1"),
        ("MoE", plain(), {"use_sparse_mixer": 1}, "use_sparse_mixer other than 0"),
        ("MoE", plain(), {"activation_type": "tanh"}, "activation_type other than"),
        ("MoE", plain(), {"k": EXPERTS + 1}, "k is 5, there are 4 experts"),
        ("MoE", plain(w2=f32(EXPERTS, WIDTH, INNER + 1)), {}, "fc2_experts_weights"),
        ("MoE", plain(router=f32(ROWS + 1, EXPERTS)), {}, "router_probs"),
        ("QMoE", packed(4), {"expert_weight_bits": 2}, "expert_weight_bits other than 4, 8"),
        ("QMoE", packed(4), {"expert_weight_bits": 8}, "fc1_experts_weights"),
        ("QMoE", packed(4, block=16), {"block_size": 24}, "blocks of 24 do not fill 32 columns"),
        ("QMoE", packed(4), {"fc1_expert_weight_bits": 8}, "fc1_expert_weight_bits is not"),
    ],
)
def test_what_has_no_meaning_is_refused(
    op: str, inputs: Inputs, options: dict[str, Any], words: str, tmp_path: Path
):
    with pytest.raises(CompileError, match=words):
        case(tmp_path, op, inputs, **options).ours()


@pytest.mark.parametrize("op", ["MoE", "QMoE"])
def test_only_chosen_experts_are_read(op: str, tmp_path: Path):
    """Weights meet nothing but a gather of experts."""
    given = case(tmp_path, op, plain() if op == "MoE" else packed(4))
    options = CompileOptions("lpu-4nm", "f32")
    module = lower(load_module(given.path, options), options, "lpu", Instrumentation())
    assert isinstance(module, ModuleOp)
    readers = [
        {type(use.operation) for use in op.result.uses}
        for op in module.walk()
        if isinstance(op, ConstantOp) and op.result_tensor().rank == 3
    ]
    assert len(readers) == 2 and all(found == {GatherOp} for found in readers)
