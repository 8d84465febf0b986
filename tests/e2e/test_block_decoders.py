"""Decoders with weights of 4 bits: the same program as of any others, with other numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest
from xdsl.dialects.builtin import ModuleOp

import lpuc
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from tests.e2e.block_quantising import in_blocks
from tests.e2e.committed import CONTEXT, ONE
from tests.e2e.test_experts import MIXTURES, QUANTISED, assert_near, case


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blocks") / "model.onnx"
    onnx.save(in_blocks(onnx.load(ONE)), path)
    return path


def _operations(path: Path) -> Counter[str]:
    options = CompileOptions(max_context=CONTEXT, prompt_chunk=0)
    module = lower(load_module(path, options), options, "lpu", Instrumentation())
    assert isinstance(module, ModuleOp)
    return Counter(op.name for op in module.walk())


def test_every_level_is_right_on_two_devices(model: Path):
    """Layers are rolled, and products of one operand merged, as with any weights."""
    found = lpuc.verify(model, precision="f32", max_context=CONTEXT, devices=2, prompt_chunk=0)
    assert found.is_right
    assert max(max(row.values()) for row in found.table.values()) < 5e-6


def test_the_machine_does_what_it_does_with_other_weights(model: Path):
    assert _operations(model) == _operations(ONE)


@pytest.mark.parametrize("op", ["MoE", "QMoE"])
@pytest.mark.parametrize("devices", [2, 4])
def test_experts_on_several_devices(op: str, devices: int, tmp_path: Path):
    inputs, options = (
        MIXTURES["silu, one expert"] if op == "MoE" else QUANTISED["4 bits, zero points"]
    )
    given = case(tmp_path, op, inputs, **options)
    program = lpuc.compile(given.path, precision="f32", devices=devices)
    assert_near([*program.run(given.inputs).values()], given.reference())
