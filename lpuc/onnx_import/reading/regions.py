"""Nodes that hold graphs: the branches of an If, the steps of a Loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from onnx import AttributeProto, GraphProto, NodeProto
from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Block, Region, SSAValue

from dialects.errors import CompileError, location_of
from dialects.lpu.types import Tensor, TensorType, tensor_type
from dialects.names import escape
from dialects.onnx.branches import IfOp, YieldOp
from dialects.onnx.loops import OWN, LoopOp
from passes.rewriting.kernel import append, locate
from runtime.numerics.elements import ElementType

BRANCHES = ("then_branch", "else_branch")
Inputs = Sequence[SSAValue | None]


class Inner(Protocol):
    """What reads the nodes of a graph into a block of its own."""

    @property
    def block(self) -> Block: ...

    def define(self, name: str, value: SSAValue | None, what: str) -> None: ...

    def read(self, graph: GraphProto) -> list[SSAValue]: ...


Opened = Callable[[Block], Inner]
"""What reads into a block, and sees what is defined around it."""


def if_of(node: NodeProto, name: str, inputs: Inputs, opened: Opened) -> IfOp:
    """Both branches as regions, which see what is defined around them."""
    graphs = _graphs(node)
    if sorted(graphs) != sorted(BRANCHES) or len(node.attribute) != len(BRANCHES):
        raise CompileError("an If has the attributes then_branch and else_branch")
    if len(inputs) != 1 or inputs[0] is None:
        raise CompileError(f"takes 1 inputs, not {len(inputs)}")
    location = location_of([name])
    regions = [_branch(graphs[n], len(node.output), opened, location) for n in BRANCHES]
    return IfOp.of(inputs[0], regions, location)


def loop_of(node: NodeProto, name: str, inputs: Inputs, opened: Opened) -> LoopOp:
    """The steps as a region, whose arguments are the number, the condition and the states."""
    graphs = _graphs(node)
    if list(graphs) != ["body"] or len(node.attribute) != 1:
        raise CompileError("a Loop has the attribute body")
    bounds, body = [*inputs[:OWN], *[None] * (OWN - len(inputs))], graphs["body"]
    states = [value for value in inputs[OWN:] if value is not None]
    if len(states) < len(inputs) - OWN:
        raise CompileError("a state of the loop is left out")
    if len(body.input) != OWN + len(states) or len(body.output) <= len(node.output):
        takes = f"{len(body.input)} inputs and gives {len(body.output)} outputs"
        raise CompileError(f"the body takes {takes}, for {len(states)} states")
    scalars = [Tensor.of((), dtype) for dtype in (ElementType.I64, ElementType.BOOL)]
    kinds = [*map(tensor_type, scalars), *(_unshaped(value) for value in states)]
    inner, location = opened(Block(arg_types=kinds)), location_of([name])
    for formal, argument in zip(body.input, inner.block.args, strict=True):
        locate(argument, location)
        inner.define(formal.name, argument, f"the input '{escape(formal.name)}' of the body")
    region = _closed(inner, body, location)
    return LoopOp.of(bounds, states, region, location)


def _graphs(node: NodeProto) -> dict[str, GraphProto]:
    return {a.name: a.g for a in node.attribute if a.type == AttributeProto.GRAPH}


def _unshaped(value: SSAValue) -> TensorType:
    """The type of a state, whose extents a step may change."""
    assert isinstance(value.type, TensorType)
    return TensorType(Tensor(None, value.type.data.dtype))


def _branch(graph: GraphProto, results: int, opened: Opened, location: LocationAttr) -> Region:
    if graph.input or len(graph.output) != results:
        raise CompileError(f"a branch takes no inputs and gives {results} outputs")
    return _closed(opened(Block()), graph, location)


def _closed(inner: Inner, graph: GraphProto, location: LocationAttr) -> Region:
    """The region of a graph, which ends with its outputs."""
    yielded = YieldOp.create(operands=inner.read(graph))
    locate(yielded, location)
    append(yielded, inner.block)
    return Region(inner.block)
