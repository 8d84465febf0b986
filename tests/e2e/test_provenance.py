"""Every operation after every pass, and every instruction, says which ONNX nodes it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest
from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from dialects.errors import location_names, location_of, node_names
from dialects.lpu_isa.ops import IsaOp
from dialects.names import unescape
from lpuc.compiler.driver import CompiledProgram, load_module
from lpuc.compiler.pipeline import make_context, pipeline_of, stage_passes
from passes.lpu.bufferise.bufferiser import Bufferiser
from passes.lpu.rolling import body
from passes.lpu_isa import allocate_registers
from passes.lpu_mem import tile
from passes.lpu_mem.convert_to_lpu_isa import Lowering
from passes.rewriting.build import Build
from passes.rewriting.fused_build import FusedBuild
from runtime.program.provenance import Provenance
from tests.e2e.committed import EXPORTS, ONE, grouped, model_id, options
from tests.e2e.provenance import RULES, Names, Rule, faults, made_from, named

MOVERS = frozenset(
    ("Cast", "Concat", "Constant", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice",
     "Split", "Squeeze", "Transpose", "Unsqueeze")
)  # fmt: skip
"""Operators that only say where elements lie, or of which type they are."""

FEW = ("llama", "gpt2", "opt_torchscript")
"""Two makes, and one of the other exporter; the rest are slow tests."""
CASES = pytest.mark.parametrize(
    ("model", "devices"),
    [
        *(grouped(model, 1, slow=model_id(model) not in FEW) for model in EXPORTS),
        grouped(ONE, 2, id=f"{model_id(ONE)} on two devices"),
    ],
)


def passes(devices: int = 1) -> list[ModulePass]:
    """The default pipeline for so many devices."""
    return [one for stage in pipeline_of(devices) for one in stage_passes(stage)]


def judged(names: Names, one: ModulePass, module: ModuleOp) -> list[str]:
    """Run a pass and say what it did to locations."""
    one.apply(make_context(), module)
    return [f"{one.name}: {fault}" for fault in faults(names, module, RULES.get(one.name, Rule()))]


@cache
def compiled(model: Path, devices: int) -> tuple[ModuleOp, list[str], list[tuple[str, ...]]]:
    """
    A model at level `isa`, what was wrong on the way, and nodes that are one in different layers.
    """
    module = load_module(model, replace(options(), devices=devices))
    wrong: list[str] = []
    twins: list[tuple[str, ...]] = []
    for one in passes(devices):
        names = Names(module)
        wrong += judged(names, one, module)
        if one.name == "lpu-roll-layers":
            twins = list(_twins(names, module))
        names.restore(named(module))
    return module, wrong, twins


def _twins(names: Names, module: ModuleOp) -> Iterator[tuple[str, ...]]:
    """The nodes of each operation of a rolled body, a layer behind the other."""
    for op in named(module):
        if op not in names.number:
            layers = [location_names(names.locations[number]) for number in made_from(op)]
            if len(set(layers)) == len(layers):
                yield from zip(*layers, strict=False)


@CASES
def test_no_pass_loses_or_blurs_a_location(model: Path, devices: int):
    _, wrong, _ = compiled(model, devices)
    assert not wrong


def _graph(model: Path) -> onnx.GraphProto:
    return onnx.shape_inference.infer_shapes(onnx.load(model)).graph


def _is_one(constant: onnx.NodeProto) -> bool:
    value = onnx.numpy_helper.to_array(constant.attribute[0].t)
    return value.size == 1 and bool((value == 1).all())


def _computing(graph: onnx.GraphProto) -> set[str]:
    """The nodes that compute floats which reach an output from floats of a model."""
    floats = {v.name for v in (*graph.value_info, *graph.output, *graph.input)
              if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}  # fmt: skip
    weights = {t.name for t in graph.initializer}
    data = {v.name for v in graph.input if v.name in floats} | weights
    for node in graph.node:
        if data.intersection(node.input):
            data.update(name for name in node.output if name in floats)
    constants = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    ones = {name for name, node in constants.items() if _is_one(node)}
    wanted = {output.name for output in graph.output}
    found: set[str] = set()
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            is_computed = floats.intersection(node.output) and data.intersection(node.input)
            is_void = node.op_type == "Mul" and ones.intersection(node.input)
            if is_computed and not is_void and node.op_type not in MOVERS:
                found.add(node.name)
    return found


@CASES
def test_every_node_that_computes_is_named_by_an_instruction(model: Path, devices: int):
    graph = _graph(model)
    named_here = set(CompiledProgram(compiled(model, devices)[0], ()).program.provenance.names)
    computing = _computing(graph)
    assert len(computing) > 30
    assert not computing - named_here
    parts = [node.name for node in graph.node], [tensor.name for tensor in graph.initializer]
    assert not named_here - {name for names in parts for name in names}


def misplaced(module: ModuleOp) -> list[int]:
    """The pcs of instructions that name other nodes than their operations."""
    program = CompiledProgram(module, ()).program
    found: list[int] = []
    pc = 0
    for op in module.walk():
        if isinstance(op, IsaOp):
            if program.provenance.nodes_at(pc) != tuple(map(unescape, node_names(op))):
                found.append(pc)
            pc += op.INST.WORDS
    return found


def test_instructions_name_the_nodes_of_their_operations():
    assert not misplaced(compiled(ONE, 1)[0])


def apart(module: ModuleOp, twins: Sequence[tuple[str, ...]]) -> list[str]:
    """Operations that name a node of a rolled layer and not that of every layer, in order."""
    of = {name: names for names in twins for name in names}
    found: list[str] = []
    for op in named(module):
        names = node_names(op)
        for name in names:
            expected = of.get(name, (name,))
            if [n for n in names if n in expected] != list(expected):
                found.append(f"{op.name}: {names}")
    return found


@CASES
def test_layers_are_told_apart(model: Path, devices: int):
    """An instruction of a rolled body names one node of each layer, in the order of the layers."""
    module, _, twins = compiled(model, devices)
    assert len(twins) > 10
    assert not apart(module, twins)


@CASES
def test_every_instruction_names_few_nodes(model: Path, devices: int):
    """An attention stands for most nodes: it is a seventh of a layer."""
    graph = _graph(model)
    count = len(graph.node) + len(graph.initializer)
    for op in named(compiled(model, devices)[0]):
        assert 0 < len(node_names(op)) <= count // 5, op.name


Plant = Callable[[pytest.MonkeyPatch], None]


@cache
def before(name: str, devices: int) -> tuple[ModuleOp, ModulePass]:
    """A model as a pass finds it, and the pass; nobody changes it."""
    module = load_module(ONE, replace(options(), devices=devices))
    for one in passes(devices):
        if one.name == name:
            return module, one
        one.apply(make_context(), module)
    raise AssertionError(f"no pass {name}")


def _neighbour(op: Operation) -> LocationAttr:
    other = op.next_op or op.prev_op
    return op.location if other is None else other.location


def _build_takes_the_next(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Build, "location", property(lambda self: _neighbour(self.anchor)))


def _whole_function(self: FusedBuild) -> LocationAttr:
    block = self.anchor.parent_block()
    assert block is not None
    return location_of(name for op in block.ops for name in node_names(op))


def _fused_names_the_whole_function(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FusedBuild, "location", property(_whole_function))


def _fused_names_the_last_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FusedBuild, "location", property(lambda self: self.replaced[-1].location))


def _fused_names_half(patch: pytest.MonkeyPatch) -> None:
    def half(self: FusedBuild) -> LocationAttr:
        names = [name for op in self.replaced for name in node_names(op)]
        return location_of(names[::2])

    patch.setattr(FusedBuild, "location", property(half))


def _first_layer_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(body, "fused", lambda operations: operations[0].location)


def _layers_in_another_order(patch: pytest.MonkeyPatch) -> None:
    real, calls = body.fused, [0]

    def fused(operations: Sequence[Operation]) -> LocationAttr:
        calls[0] += 1
        return real(operations[::-1] if calls[0] % 5 == 0 else operations)

    patch.setattr(body, "fused", fused)


def _buffers_take_the_last(patch: pytest.MonkeyPatch) -> None:
    real = Bufferiser.visit

    def visit(self: Bufferiser, op: Any) -> None:
        previous = op.prev_op
        if previous is not None:
            op.location = previous.location
        real(self, op)

    patch.setattr(Bufferiser, "visit", visit)


def _tiles_name_the_first(patch: pytest.MonkeyPatch) -> None:
    real = tile.MemBuilder
    first: list[LocationAttr] = []

    def builder(block: Any, ranges: Any, location: LocationAttr) -> Any:
        first.append(location)
        return real(block, ranges, first[0])

    patch.setattr(tile, "MemBuilder", builder)


def _selection_keeps_a_location(patch: pytest.MonkeyPatch) -> None:
    """Every third operation is lowered in the name of the one before."""
    real, calls = Lowering.operation, [0]

    def operation(self: Lowering, op: Operation) -> None:
        calls[0] += 1
        if calls[0] % 3 == 0:
            op.location = self.scopes.location
        real(self, op)

    patch.setattr(Lowering, "operation", operation)


def _registers_shift_locations(patch: pytest.MonkeyPatch) -> None:
    real = allocate_registers.Allocation.run

    def run(self: Any) -> Any:
        items = real(self)
        return [(item, at) for (item, _), (_, at) in zip(items, items[1:] + items[:1], strict=True)]

    patch.setattr(allocate_registers.Allocation, "run", run)


PLANTS: list[tuple[Plant, str, int]] = [
    (_build_takes_the_next, "convert-onnx-to-lpu", 1),
    (_build_takes_the_next, "lpu-cache-to-state", 1),
    (_build_takes_the_next, "lpu-esl-insert-sync", 2),
    (_fused_names_the_whole_function, "lpu-raise-norm", 1),
    (_fused_names_the_whole_function, "lpu-raise-attention", 1),
    (_fused_names_the_whole_function, "lpu-merge-matmuls", 1),
    (_fused_names_the_last_only, "lpu-raise-rotary", 1),
    (_fused_names_half, "lpu-raise-softmax", 1),
    (_first_layer_only, "lpu-roll-layers", 1),
    (_layers_in_another_order, "lpu-roll-layers", 1),
    (_buffers_take_the_last, "convert-lpu-to-lpu-mem", 1),
    (_tiles_name_the_first, "lpu-mem-tile", 1),
    (_selection_keeps_a_location, "convert-lpu-mem-to-lpu-isa", 1),
    (_registers_shift_locations, "lpu-isa-allocate-registers", 1),
]


@pytest.mark.parametrize(
    ("plant", "name", "devices"), PLANTS, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_a_planted_fault_is_found(
    plant: Plant, name: str, devices: int, monkeypatch: pytest.MonkeyPatch
):
    module, one = before(name, devices)
    module = module.clone()
    names = Names(module)
    plant(monkeypatch)
    assert judged(names, one, module)


def test_a_fault_of_the_encoder_is_found(monkeypatch: pytest.MonkeyPatch):
    """Instructions get the nodes of the next."""
    real = Provenance.of
    shifted = staticmethod(lambda code, nodes: real(code, [*nodes[1:], nodes[0]]))
    monkeypatch.setattr(Provenance, "of", shifted)
    assert misplaced(compiled(ONE, 1)[0])


def test_a_layer_that_is_dropped_is_found():
    """By any pass behind the roll."""
    module, _, twins = compiled(ONE, 1)
    module = module.clone()
    for op in named(module)[::7]:
        op.location = location_of(node_names(op)[:-1] or node_names(op))
    assert apart(module, twins)
