"""Raising finds every layer of the committed models, and changes no result."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from benchmarks.decoder_inputs import Call
from dialects.errors import node_names
from dialects.lpu import fused
from dialects.lpu.elementwise import CastOp, MapOp
from dialects.lpu.execution import run_interface
from dialects.lpu.products import ReduceOp
from lpuc.compiler.driver import load_module
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.pipeline import PIPELINE, parse_passes, run_pipeline
from lpuc.levels.tolerance import difference
from passes import PASS_NAMES
from passes.analysis.functions import functions, model_folder
from tests.e2e.committed import EXPORTS, feeds, model_id, options

RAISING = (*[name for name in PASS_NAMES if name.startswith("lpu-raise-")], "lpu-merge-matmuls")
FUSED = {cls.name for cls in fused.OPS}
CALL = Call(new=3, past=5, mask="alone", shift=2)
OF_A_BODY = {
    "gpt2": {"lpu.attention": 1, "lpu.norm": 3, "gelu_tanh": 1, "lpu.matmul": 5},
    "llama": {"lpu.attention": 1, "lpu.norm": 3, "lpu.rotary": 2, "silu": 1, "lpu.matmul": 6},
    "opt": {"lpu.attention": 1, "lpu.norm": 3, "lpu.matmul": 6},
    "opt_torchscript": {"lpu.attention": 1, "lpu.norm": 3, "lpu.matmul": 6},
    "qwen2": {"lpu.attention": 1, "lpu.norm": 3, "lpu.rotary": 2, "silu": 1, "lpu.matmul": 6},
}
"""What `step` has: one layer for all, and the last norm and the product with the vocabulary."""


@cache
def lowered(model: Path) -> ModuleOp:
    """A model at level `lpu`, by all passes but those that raise."""
    module = load_module(model, options("lpu-tiny", CALL.new))
    names = [name for stage in PIPELINE[:2] for name in stage.passes if name not in RAISING]
    run_pipeline(module, parse_passes(",".join(names)), Instrumentation())
    return module


def raised(model: Path, without: str = "") -> ModuleOp:
    module = lowered(model).clone()
    names = [name for name in RAISING if name != without]
    run_pipeline(module, parse_passes(",".join((*names, "dce"))), Instrumentation())
    module.verify()
    return module


def outputs(model: Path, module: ModuleOp) -> dict[str, np.ndarray]:
    return run_interface(functions(module)[0], feeds(model, CALL), model_folder(module))


def counts(module: ModuleOp) -> Counter[str]:
    step = functions(module)[0]
    found = Counter(op.name for op in step.walk())
    found.update(op.fn.data for op in step.walk() if isinstance(op, MapOp))
    return found


def test_nothing_is_fused_unless_it_is_raised():
    assert not FUSED & set(counts(lowered(EXPORTS[1])))


@pytest.mark.parametrize("model", EXPORTS, ids=model_id)
def test_all_of_a_layer_is_raised(model: Path):
    found = counts(raised(model))
    expected = OF_A_BODY[model.stem]
    assert {name: found[name] for name in expected} == expected
    assert not any(found[name] for name in ("exp", "sqrt", "tanh", "sigmoid", "lpu.softmax"))


@pytest.mark.parametrize("without", ["", *RAISING])
def test_results_stay_whichever_pass_is_left_out(without: str):
    model = EXPORTS[1]
    expected, got = outputs(model, lowered(model)), outputs(model, raised(model, without))
    assert max(difference(got[name], value) for name, value in expected.items()) <= 5e-5


def test_no_operation_touches_every_key_but_attention():
    """Extents that grow with the context are those of the cache, of scores and of masks."""
    step = functions(raised(EXPORTS[1]))[0]
    growing = [
        op
        for op in step.walk()
        if isinstance(op, MapOp | CastOp | ReduceOp)
        and op.result_tensor().dtype.is_float
        and not op.result_tensor().is_static
    ]
    assert not growing


def test_an_attention_is_located_at_all_that_it_replaces():
    step = functions(raised(EXPORTS[1]))[0]
    (attention,) = [op for op in step.walk() if isinstance(op, fused.AttentionOp)]
    before = {name for op in functions(lowered(EXPORTS[1]))[0].walk() for name in node_names(op)}
    names = set(node_names(attention))
    assert {"softmax", "matmul"} <= {_kind(name) for name in names} and names <= before


def _kind(name: str) -> str:
    return "softmax" if "oftmax" in name else "matmul" if "atMul" in name else "other"
