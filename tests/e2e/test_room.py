"""What does not fit one device fits several: the refusal says how many, and they do."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp

import lpuc
from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from dialects.errors import CompileError
from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.reports.model import ModelReport
from passes.lpu_esl.plan import LpuEslPlanPass
from runtime.program.program import Program
from tests.e2e.committed import ONE

TARGET = Path(lpuc.__file__).parents[1] / "runtime/targets/lpu-4nm.toml"


def _small(folder: Path, nbytes: int) -> Path:
    """A machine with so little memory."""
    text, count = re.subn(
        r"hbm_bytes = \{ value = \d+", f"hbm_bytes = {{ value = {nbytes}", TARGET.read_text()
    )
    assert count == 1
    (folder / "small.toml").write_text(text)
    return folder / "small.toml"


OPTIONS = CompileOptions(max_context=32, prompt_chunk=0)


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of nothing but products, which is compiled for many devices in no time."""
    extents, nodes, weights = (64, 256, 256, 64), list[onnx.NodeProto](), list[TensorProto]()
    for n, shape in enumerate(pairwise(extents)):
        numbers = np.random.default_rng(n).standard_normal(shape).astype(np.float32)
        weights.append(numpy_helper.from_array(numbers, f"w{n}"))
        nodes.append(helper.make_node("MatMul", [f"x{n}", f"w{n}"], [f"y{n}"], f"product{n}"))
        nodes.append(helper.make_node("Relu", [f"y{n}"], [f"x{n + 1}"], f"relu{n}"))
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in ("x0", "x3")
    )
    graph = helper.make_graph(nodes, "products", [x], [y], weights)
    path = tmp_path_factory.mktemp("products") / "model.onnx"
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@cache
def _memory(model: Path, devices: int) -> int:
    """Bytes of a device's memory that a model takes."""
    program = compile_model(model, replace(OPTIONS, devices=devices)).program
    return program.interface.arena_base + program.interface.arena_size


@pytest.mark.parametrize("devices", [4, 8])
def test_the_refusal_names_the_smallest_number_of_devices(
    devices: int, products: Path, tmp_path: Path
):
    """As much memory as that many take, and not as much as half of them."""
    room = _memory(products, devices)
    assert room < _memory(products, devices // 2)
    options = replace(OPTIONS, target=_small(tmp_path, room))
    with pytest.raises(CompileError, match=rf"; --devices {devices} has room; "):
        compile_model(products, options)
    compile_model(products, replace(options, devices=devices))


def test_a_report_of_a_decoder_names_the_number_too(tmp_path: Path):
    target = _small(tmp_path, _memory(ONE, 2))
    report = lpuc.inspect(ONE, target=target, max_context=32, prompt_chunk=0)
    assert isinstance(report, ModelReport)
    assert "--devices 2 has room" in str(report.refusal)


def test_devices_that_are_too_few_are_told_how_many_are_enough(products: Path, tmp_path: Path):
    options = replace(OPTIONS, target=_small(tmp_path, _memory(products, 4)), devices=2)
    with pytest.raises(CompileError, match="--devices 4 has room"):
        compile_model(products, options)


def test_where_no_number_helps_none_is_named(tmp_path: Path):
    options = replace(OPTIONS, target=_small(tmp_path, 1 << 12))
    with pytest.raises(CompileError, match="bytes of HBM") as refusal:
        compile_model(ONE, options)
    assert "--devices" not in str(refusal.value)
    assert "--max-context" not in str(refusal.value)


def test_a_bug_met_while_looking_for_a_number_leaves_the_refusal(
    products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(_pass: LpuEslPlanPass, _module: ModuleOp) -> None:
        raise AssertionError("planted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LpuEslPlanPass, "rewrite", fail)
    options = replace(OPTIONS, target=_small(tmp_path, _memory(products, 1) - 1))
    said = "bytes of HBM.*; on more devices lpuc has a bug: pass 'lpu-esl-plan': .*planted"
    with pytest.raises(CompileError, match=said):
        compile_model(products, options)


@pytest.mark.slow
def test_66_billion_parameters_fit_eight_devices_of_one_stack_and_not_four(tmp_path: Path):
    write_decoder(tmp_path / "model.onnx", SHAPES["opt-66b"], has_data=False)
    program = tmp_path / "model.lpu"
    command = [
        "compile",
        str(tmp_path / "model.onnx"),
        "-o",
        str(program),
        "--no-weights",
        "--prompt-chunk",
        "0",
    ]
    assert invoke([*command, "--target", "lpu-4nm-1stack", "--devices", "8"]) == 0
    layer = 12 * 9216**2 + 13 * 9216
    total = 2 * (64 * layer + (50272 + 2050 + 2) * 9216)
    made = Program.load(program)
    held = made.interface.params_size
    assert total / 4 > made.target.hbm_bytes
    assert total / 8 <= held <= 1.05 * total / 8
