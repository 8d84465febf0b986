"""Valid models of linear attention, of convolutions with a state, and of the gates beside them."""

from __future__ import annotations

from benchmarks.fuzz.invalid.contents import fixed, floats, ints, microsoft, node, positive
from benchmarks.fuzz.invalid.node import Node

MANY = {"q_num_heads": 4, "kv_num_heads": 2}


def _attention() -> list[Node]:
    """Four heads over two states, then two heads over four, whose keys are shared."""
    q, k, v, state = floats(2, 3, 8), floats(2, 3, 4), floats(2, 3, 6), floats(2, 2, 2, 3)
    decay, each, beta = -positive(2, 3, 2), -positive(2, 3, 4), positive(2, 3, 2)
    name, later = "LinearAttention", {"results": 2, "opset": 27, **MANY}
    shared = (floats(2, 1, 4), floats(2, 1, 4), floats(2, 1, 12))
    return [
        node(name, q, k, v, state, decay, beta, **later),
        node(name, q, k, v, None, each, update_rule="gated", scale=0.5, **later),
        microsoft(name, q, k, v, state, each, positive(2, 3, 1), results=2, **MANY),
        microsoft(name, q, k, v, None, None, beta, update_rule="delta", results=2, **MANY),
        microsoft(
            *(name, *shared, floats(2, 4, 2, 3), -positive(2, 1, 4), positive(2, 1, 4)),
            results=2,
            q_num_heads=2,
            kv_num_heads=4,
        ),
    ]


def _convolution() -> list[Node]:
    x, weight, bias = floats(2, 6, 5), floats(6, 1, 3), floats(6)
    name = "CausalConvWithState"
    rows = (floats(2, 5, 2, 3), weight, None, floats(2, 4, 2, 3))
    return [
        node(name, x, weight, bias, floats(2, 6, 2), activation="silu", results=2, opset=27),
        node(name, x, fixed(weight), results=2, opset=27),
        microsoft(name, x, weight, bias, floats(2, 6, 2), activation="swish", results=2),
        microsoft(name, *rows, channels_last=1, dilation=2, results=2),
    ]


def _gates() -> list[Node]:
    wide = floats(2, 3, 4)
    scales = (fixed(floats(4)), fixed(-positive(4)))
    positions = ints(*[[[3, 0, 2], [1, 1, 0]], [[0, 1, 2], [3, 3, 3]], [[2, 2, 0], [1, 3, 1]]])
    tables = (floats(4, 4), floats(4, 4))
    return [
        microsoft("LinearAttentionGate", wide, *scales, floats(2, 3, 4), results=2),
        microsoft("LinearAttentionGate", wide, *scales),
        microsoft("GatedRMSNorm", floats(2, 3, 8), floats(4), floats(2, 3, 8), epsilon=0.1),
        microsoft("GatedRMSNorm", floats(2, 8), floats(8), floats(2, 8), activation="sigmoid"),
        microsoft("GatedAdd", floats(2, 3, 8), floats(2, 3, 8), floats(2, 3, 1)),
        microsoft(
            "MRotaryEmbedding", floats(2, 2, 3, 8), positions, *tables, mrope_section=[2, 1, 1]
        ),
        microsoft(
            *("MRotaryEmbedding", floats(2, 3, 24), positions, *tables),
            mrope_section=[2, 1, 1],
            mrope_layout=1,
            interleaved=1,
            num_heads=2,
            rotary_embedding_dim=8,
        ),
    ]


def cases() -> list[Node]:
    return [*_attention(), *_convolution(), *_gates()]
