"""Every operation after every pass, and every instruction, says which ONNX nodes it came from."""

from __future__ import annotations

from dataclasses import replace

import onnx
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.passes import ModulePass

from dialects.errors import node_names
from dialects.names import unescape
from lpuc.compiler.driver import CompiledProgram, load_module
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.pipeline import pipeline_of, run_pipeline, stage_passes
from tests.e2e.committed import ONE, options


def passes(devices: int = 1) -> list[ModulePass]:
    """The default pipeline for so many devices."""
    return [one for stage in pipeline_of(devices) for one in stage_passes(stage)]


@pytest.fixture(scope="module")
def nodes() -> set[str]:
    """The names of the nodes and initialisers of the model."""
    graph = onnx.load(ONE).graph
    parts = [node.name for node in graph.node], [tensor.name for tensor in graph.initializer]
    return {name for names in parts for name in names}


def check(module: ModuleOp, nodes: set[str]) -> None:
    """Every operation but function and return names nodes, and only such as there are."""
    for op in module.walk():
        if not isinstance(op, ModuleOp | FuncOp | ReturnOp):
            names = {unescape(name) for name in node_names(op)}
            assert names, f"{op.name} has lost its location"
            assert names <= nodes, op.name


@pytest.mark.parametrize("devices", [1, 2])
def test_no_pass_loses_a_location(nodes: set[str], devices: int):
    module = load_module(ONE, replace(options(), devices=devices))
    check(module, nodes)
    for one in passes(devices):
        run_pipeline(module, (one,), Instrumentation())
        check(module, nodes)


def test_every_instruction_names_few_nodes(nodes: set[str]):
    """An attention stands for most nodes: it is a seventh of a layer."""
    module = load_module(ONE, options())
    run_pipeline(module, passes(), Instrumentation())
    program = CompiledProgram(module, ()).program
    pc = 0
    for inst in program.code:
        names = program.provenance.nodes_at(pc)
        assert names, f"pc {pc}: {inst}"
        assert len(names) <= len(nodes) // 5, f"pc {pc}: {inst} names {len(names)} nodes"
        pc += inst.WORDS
    assert set(program.provenance.names) <= nodes
