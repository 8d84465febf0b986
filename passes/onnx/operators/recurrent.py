"""
Recurrent layers: one product for the inputs of all steps, then one for the state of each step.

Steps are written out, so their number is bounded. A decoder that keeps the state itself takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import ManySteps, unsupported
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.matrix import transposed
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, only, operator
from passes.onnx.operators.terms import constant, wide
from passes.rewriting.build import Build

STEPS = 32
"""Of more a layer is not written out."""
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""Which of the directions of a layer go backwards."""


USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def _attribute(node: Node, name: str) -> object:
    """An attribute; None where this operator or version has none."""
    return node.attr(name) if name in node.op.schema.attributes else None


def _without(name: str) -> Limit:
    return Limit(f"the attribute {name}", lambda node: _attribute(node, name) is not None)


def _is_unusual(node: Node) -> bool:
    """Whether activations are given that are none of the usual ones, for one direction or two."""
    given, usual = node.attr("activations"), USUAL[node.op.OP_TYPE]
    return given not in (None, usual, usual * 2)


LIMITS = [
    Limit("activations other than the usual ones", _is_unusual),
    *map(_without, ("activation_alpha", "activation_beta", "clip")),
    only("direction", *DIRECTIONS),
    Limit("layout other than 0", lambda node: _attribute(node, "layout") not in (0, None)),
    Limit("sequences of other lengths than all steps"),
    Limit(f"more than {STEPS} steps, or as many as a symbol says"),
]


def check_steps(node: Node, steps: Affine) -> None:
    """Refuse more steps than are written out, or none."""
    if not (steps.is_const and 0 < steps.const <= STEPS):
        what = f"{steps} steps are not supported, 1 to {STEPS} are"
        raise unsupported(node.op, what, kind=ManySteps)


def _recurrent_dims(node: Node) -> Sequence[Dims]:
    x, r = node.dims("X", 3), node.dims("R", 3)
    fixed = all(extent.is_const and extent.const > 0 for extent in (x[2], *r))
    node.require(fixed, "sizes of inputs and state must be numbers above 0")
    if _attribute(node, "linear_before_reset") is not None:
        node.flag("linear_before_reset")
    gates, hidden = GATES[node.op.OP_TYPE], r[2]
    ways = Affine(len(DIRECTIONS[str(node.attr("direction"))]))
    node.expect("hidden_size", Affine(node.integer("hidden_size")), hidden)
    node.expect("the shape of R", r, (ways, hidden * gates, hidden))
    node.expect("the shape of W", node.dims("W", 3), (ways, hidden * gates, x[2]))
    node.expect_dims("B", (ways, hidden * gates * 2))
    check_steps(node, x[0])
    node.require(x[1].lower(node.ranges) > 0, "there is no batch")
    state = (ways, x[1], hidden)
    node.expect_dims("sequence_lens", x[1:2])
    lengths = node.get("sequence_lens") and node.uniform("sequence_lens")
    node.require(lengths in (None, x[0]), "the lengths of sequences are not all steps")
    known = node.get("sequence_lens") is None or lengths is not None
    node.require(known, "the lengths of sequences depend on data")
    for name in ("initial_h", "initial_c"):
        if name in node.op.schema.input_index:
            node.expect_dims(name, state)
    if "P" in node.op.schema.input_index:
        node.expect_dims("P", (ways, hidden * 3))
    return [(x[0], ways, x[1], hidden), state, state]


class Layer(NamedTuple):
    """One direction of a layer; all values are f32."""

    b: Build
    node: Node
    way: int

    @property
    def hidden(self) -> int:
        return self.node.dims("R")[2].const

    def part(self, name: str) -> SSAValue | None:
        """What an operand has for this direction."""
        known = name in self.node.op.schema.input_index
        value = self.node.get(name) if known else None
        if value is None:
            return None
        one = self.b.slice_axis(wide(self.b, value), 0, self.way, 1)
        return self.b.reshape(one, tensor_of(one).shape[1:])

    def matrix(self, name: str) -> SSAValue:
        part = self.part(name)
        assert part is not None, f"the operand {name} is required"
        return transposed(self.b, part)

    def bias(self, of_state: bool) -> SSAValue | None:
        """Of the products with the input, or with the state."""
        part, width = self.part("B"), self.hidden * GATES[self.node.op.OP_TYPE]
        return None if part is None else self.b.slice_axis(part, 0, width * of_state, width)

    def gate(self, value: SSAValue, index: int) -> SSAValue:
        """One of the blocks along the last axis."""
        return self.b.slice_axis(value, -1, index * self.hidden, self.hidden)

    def zeros_or(self, name: str) -> SSAValue:
        part, x = self.part(name), wide(self.b, self.node.value("X"))
        dims = (tensor_of(x).shape[1], self.hidden)
        return part if part is not None else self.b.broadcast(constant(self.b, 0.0, x), dims)

    def plus(self, first: SSAValue, second: SSAValue | None) -> SSAValue:
        return first if second is None else self.b.map("add", first, second)


State = tuple[SSAValue, ...]
"""What goes from step to step; the first of it is the output."""
Step = Callable[[Layer, SSAValue, State], State]


def _rnn(layer: Layer, x: SSAValue, state: State) -> State:
    b, (h,) = layer.b, state
    own = layer.plus(b.matmul(h, layer.matrix("R")), layer.bias(True))
    return (b.map("tanh", b.map("add", x, own)),)


def _gru(layer: Layer, x: SSAValue, state: State) -> State:
    b, (h,) = layer.b, state
    weights, bias = layer.matrix("R"), layer.bias(True)
    own = layer.plus(b.matmul(h, weights), bias)
    update, reset = (
        b.map("sigmoid", b.map("add", layer.gate(x, i), layer.gate(own, i))) for i in (0, 1)
    )
    if _attribute(layer.node, "linear_before_reset") == 1:
        new = b.map("mul", reset, layer.gate(own, 2))
    else:
        new = b.matmul(b.map("mul", reset, h), layer.gate(weights, 2))
        new = layer.plus(new, None if bias is None else layer.gate(bias, 2))
    new = b.map("tanh", b.map("add", layer.gate(x, 2), new))
    kept = b.map("mul", b.map("sub", constant(b, 1.0, update), update), new)
    return (b.map("add", kept, b.map("mul", update, h)),)


def _lstm(layer: Layer, x: SSAValue, state: State) -> State:
    b, (h, cell) = layer.b, state
    own = layer.plus(b.matmul(h, layer.matrix("R")), layer.bias(True))
    total, peepholes = b.map("add", x, own), layer.part("P")

    def gate(index: int, seen: SSAValue) -> SSAValue:
        value = layer.gate(total, index)
        if peepholes is not None:
            value = b.map("add", value, b.map("mul", layer.gate(peepholes, index), seen))
        return b.map("sigmoid", value)

    new = b.map("mul", gate(0, cell), b.map("tanh", layer.gate(total, 3)))
    cell = b.map("add", b.map("mul", gate(2, cell), cell), new)
    return b.map("mul", gate(1, cell), b.map("tanh", cell)), cell


def _unrolled(layer: Layer, backwards: bool, step: Step, starts: Sequence[str]) -> list[SSAValue]:
    """The outputs of all steps, `[steps, batch, hidden]`, then the state behind the last."""
    b, x = layer.b, wide(layer.b, layer.node.value("X"))
    given = layer.plus(b.matmul(x, layer.matrix("W")), layer.bias(False))
    count, *rest = tensor_of(given).shape
    state, shown = tuple(map(layer.zeros_or, starts)), dict[int, SSAValue]()
    order = range(count.const)
    for at in reversed(order) if backwards else order:
        one = b.reshape(b.slice_axis(given, 0, at, 1), rest)
        state = step(layer, one, state)
        shown[at] = b.reshape(state[0], (1, *tensor_of(state[0]).shape))
    return [b.concat([shown[at] for at in order], 0), *state]


def _whole(b: Build, node: Node, step: Step, starts: Sequence[str]) -> list[SSAValue]:
    """The results: the outputs of both directions, then each part of the state."""
    ways = DIRECTIONS[str(node.attr("direction"))]
    found = [_unrolled(Layer(b, node, i), back, step, starts) for i, back in enumerate(ways)]
    results: list[SSAValue] = []
    for index, values in enumerate(zip(*found, strict=True)):
        axis = 1 if index == 0 else 0
        shapes = [list(tensor_of(value).shape) for value in values]
        parts = [
            b.reshape(value, (*shape[:axis], 1, *shape[axis:]))
            for value, shape in zip(values, shapes, strict=True)
        ]
        results.append(b.cast(b.concat(parts, axis), node.source.dtype))
    return results


@operator("RNN", shape=_recurrent_dims, limits=LIMITS)
def rnn(b: Build, node: Node) -> Sequence[SSAValue]:
    return _whole(b, node, _rnn, ["initial_h"])


@operator("GRU", shape=_recurrent_dims, limits=LIMITS)
def gru(b: Build, node: Node) -> Sequence[SSAValue]:
    return _whole(b, node, _gru, ["initial_h"])


@operator("LSTM", shape=_recurrent_dims, limits=[*LIMITS, only("input_forget", 0)])
def lstm(b: Build, node: Node) -> Sequence[SSAValue]:
    return _whole(b, node, _lstm, ["initial_h", "initial_c"])
