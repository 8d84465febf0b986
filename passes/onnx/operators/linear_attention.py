"""
Linear attention: a state of each head, which every token decays, corrects and adds to.

```
S = exp(g) S + k^T (beta (v - k S))        y = scale q S
```

Of these `linear` has neither `g` nor `beta`, `gated` and `delta` have one. Steps are written out,
so their number is bounded. A decoder that keeps the state takes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.attention import grouped_matmul
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator
from passes.onnx.operators.recurrent import STEPS, check_steps
from passes.onnx.operators.rotary import head_size, join_heads, split_heads
from passes.onnx.operators.terms import constant, repeated, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

ONE = Affine(1)
RULES = ("linear", "gated", "delta", "gated_delta")
RULES_WITH = {"decay": ("gated", "gated_delta"), "beta": ("delta", "gated_delta")}
"""What takes these operands."""
MANY_STEPS = Limit(f"more than {STEPS} steps, or as many as a symbol says")


def _heads(node: Node) -> tuple[int, int]:
    """Heads of the query, and of key, value and state; those of the standard may only share."""
    queries, states = node.integer("q_num_heads"), node.integer("kv_num_heads")
    fits = queries > 0 and states > 0
    spread = node.op.DOMAIN == MICROSOFT and fits and states % queries == 0
    shared = fits and queries % states == 0
    node.require(shared or spread, f"q_num_heads {queries} is no multiple of kv_num_heads {states}")
    return queries, states


def _key_heads(node: Node) -> list[int]:
    """How many heads keys may have: those of ONNX Runtime's operator may be shared, too."""
    _, states = _heads(node)
    least = states if not node.op.DOMAIN else 1
    return [count for count in range(states, least - 1, -1) if states % count == 0]


def _attention_dims(node: Node) -> Sequence[Dims]:
    (batch, length, width), (queries, states) = node.dims("query", 3), _heads(node)
    size = head_size(node, width, queries, "q_num_heads")
    depth = head_size(node, node.dims("value", 3)[2], states, "kv_num_heads")
    node.require(Affine() not in (batch, size, depth), "there are no elements")
    check_steps(node, length)
    node.expect_dims("key", *((batch, length, size * count) for count in _key_heads(node)))
    node.expect_dims("value", (batch, length, depth * states))
    state = (batch, Affine(states), size, depth)
    node.expect_dims("past_state", state)
    gates = (batch, length, Affine(states))
    for name, rules in RULES_WITH.items():
        _check_gate(node, name, rules)
    node.expect_dims("decay", (batch, length, size * states), gates)
    node.expect_dims("beta", gates, (batch, length, ONE))
    return [(batch, length, depth * max(queries, states)), state]


def _check_gate(node: Node, name: str, rules: Sequence[str]) -> None:
    """An operand that the rule needs; the standard's operator has no others."""
    rule, given = node.attr("update_rule"), node.get(name) is not None
    node.require(given or rule not in rules, f"the rule {rule} needs '{name}'")
    spare = given and rule not in rules and not node.op.DOMAIN
    node.require(not spare, f"the rule {rule} takes no '{name}'")


class Tokens(NamedTuple):
    """What comes in, in f32: `[B, H, T, D]`, gates with one element or one for each channel."""

    b: Build
    query: SSAValue
    key: SSAValue
    value: SSAValue
    decay: SSAValue | None
    beta: SSAValue | None

    def at(self, part: SSAValue, step: int) -> SSAValue:
        return self.b.slice_axis(part, 2, step, 1)

    def column(self, part: SSAValue, step: int) -> SSAValue:
        """`[B, H, D, 1]`"""
        return self.b.transpose(self.at(part, step), (0, 1, 3, 2))

    def updated(self, state: SSAValue, step: int) -> SSAValue:
        """The state behind a step."""
        b, value = self.b, self.at(self.value, step)
        if self.decay is not None:
            state = b.map("mul", state, b.map("exp", self.column(self.decay, step)))
        if self.beta is not None:
            known = b.matmul(self.at(self.key, step), state)
            value = b.map("mul", self.at(self.beta, step), b.map("sub", value, known))
        return b.map("add", state, b.map("mul", self.column(self.key, step), value))


def _tokens(b: Build, node: Node) -> Tokens:
    queries, states = _heads(node)
    query = split_heads(b, wide(b, node.value("query")), queries)
    if queries < states:
        query = repeated(b, query, 1, states // queries, Affine(states))
    size = tensor_of(query).shape[-1].const
    count = node.dims("key")[2].const // size
    key = split_heads(b, wide(b, node.value("key")), count)
    if count < states:
        key = repeated(b, key, 1, states // count, Affine(states))
    value = split_heads(b, wide(b, node.value("value")), states)
    decay, beta = (_gate(b, node, name, rules) for name, rules in RULES_WITH.items())
    return Tokens(b, query, key, value, decay, beta)


def _gate(b: Build, node: Node, name: str, rules: Sequence[str]) -> SSAValue | None:
    """`[B, H or 1, T, 1 or D]`; None where the rule has none."""
    value = node.get(name)
    if value is None or node.attr("update_rule") not in rules:
        return None
    _, states = _heads(node)
    heads = 1 if tensor_of(value).shape[2] == ONE else states
    return split_heads(b, wide(b, value), heads)


def _result_types(node: Node) -> list[ElementType]:
    return [node.tensor("query").dtype, tensor_of(node.op.results[-1]).dtype]


@operator(
    "LinearAttention",
    shape=_attention_dims,
    limits=[only("update_rule", *RULES), MANY_STEPS],
)
@operator(
    "LinearAttention",
    domains=[MICROSOFT],
    shape=_attention_dims,
    limits=[only("update_rule", *RULES), only("state_window", 0), MANY_STEPS],
)
def linear_attention(b: Build, node: Node) -> Sequence[SSAValue]:
    tokens, past = _tokens(b, node), node.get("past_state")
    dims, kinds = tensor_of(node.op.results[-1]).shape, _result_types(node)
    state = b.fill(0.0, dims, ElementType.F32) if past is None else wide(b, past)
    given = node.number("scale")
    scale = given or tensor_of(tokens.query).shape[-1].const ** -0.5
    shown: list[SSAValue] = []
    for step in range(tensor_of(tokens.key).shape[2].const):
        state = tokens.updated(state, step)
        read = grouped_matmul(b, tokens.at(tokens.query, step), state)
        shown.append(b.map("mul", read, constant(b, scale, read)))
    output = join_heads(b, b.concat(shown, 2))
    return b.cast(output, kinds[0]), b.cast(state, kinds[1])
