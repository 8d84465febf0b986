"""Mixtral: Llama whose feed-forward parts are experts, of which each token takes two."""

from __future__ import annotations

from benchmarks.decoders import llama
from benchmarks.decoders.attention import Call
from benchmarks.decoders.graph import Graph
from benchmarks.decoders.shape import Shape

CHOSEN = 2


def write(graph: Graph, shape: Shape) -> None:
    """Write a model of this family."""
    llama.write_with(graph, shape, _mixed)


def _mixed(graph: Graph, shape: Shape, call: Call, layer: int, normed: str) -> str:
    """The weights of the chosen experts are gathered, and stand on the left of their products."""
    name, width, inner = f"m.model.layers.{layer}.mlp", shape.width, shape.hidden
    tokens = graph("Reshape", normed, graph.ints(-1, width), allowzero=1)
    router = graph.weight(f"{name}.gate.weight", shape.experts, width)
    likely = graph("Softmax", graph("Gemm", tokens, router, alpha=1.0, transB=1), axis=-1)
    shares, experts = graph.parts(
        "TopK", likely, graph.ints(CHOSEN), outputs=2, axis=-1, largest=1, sorted=1
    )
    shares = graph("Div", shares, graph("ReduceSum", shares, graph.ints(-1), keepdims=1))
    again = graph("Expand", graph("Unsqueeze", tokens, graph.ints(1)), graph.ints(1, CHOSEN, 1))
    again = graph("Reshape", again, graph.ints(-1, width), allowzero=1)
    chosen = graph("Unsqueeze", graph("Reshape", experts, graph.ints(-1)), graph.ints(-1))
    both = graph.weight(f"{name}.experts.gate_up_proj", shape.experts, 2 * inner, width)
    gate, up = graph.parts(
        "Split", _product(graph, both, chosen, again), outputs=2, axis=1, num_outputs=2
    )
    value = graph("Mul", graph("Mul", gate, graph("Sigmoid", gate)), up)
    spread = llama.narrowed(shape.layers)
    down = graph.weight(f"{name}.experts.down_proj", shape.experts, width, inner, spread=spread)
    value = _product(graph, down, chosen, value)
    weighted = graph("Reshape", shares, graph.ints(-1, 1), allowzero=0)
    value = graph("Reshape", graph("Mul", value, weighted), graph.ints(-1, CHOSEN, width))
    mixed = graph("ReduceSum", value, graph.ints(1), keepdims=0)
    target = graph.target(call.batch, call.new, graph.ints(width))
    return graph("Reshape", mixed, target, allowzero=1)


def _product(graph: Graph, table: str, chosen: str, value: str) -> str:
    """Each row of a value with the matrix of its expert."""
    weights = graph("GatherND", table, chosen, batch_dims=0)
    product = graph("MatMul", weights, graph("Unsqueeze", value, graph.ints(-1)))
    return graph("Squeeze", product, graph.ints(-1))
