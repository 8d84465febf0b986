"""Recurrences of com.microsoft that decoders have in place of attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.attention import number_of
from dialects.onnx.extra.definition import (
    FLOATS,
    NEEDED,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    number,
    optional,
    string,
)
from dialects.onnx.ops import OnnxOp


@defined(
    "LinearAttention",
    "query: T, key: T, value: T, past_state?: S, decay?: T, beta?: T",
    "output: T, present_state: S",
    {"T": FLOATS, "S": FLOATS},
    {
        "chunk_size": integer(64),
        "kv_num_heads": NEEDED,
        "q_num_heads": NEEDED,
        "scale": number(0.0),
        "state_window": integer(0),
        "update_rule": string("gated_delta"),
    },
)
def linear_attention(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """One token after the other: `S = exp(g) S + k^T (beta (v - k S))`, `y = scale q S`."""
    if op.attr("state_window"):
        raise unsupported(op, "states of several tokens are not supported")
    queries, states = (integer_of(op, f"{name}_num_heads") for name in ("q", "kv"))
    q, v = _heads(given(inputs, 0), queries), _heads(given(inputs, 2), states)
    k = _heads(given(inputs, 1), given(inputs, 1).shape[2] // q.shape[-1])
    q, k = (x.repeat(max(1, states // x.shape[1]), axis=1) for x in (q, k))
    past, decay, beta = (optional(inputs, i) for i in (3, 4, 5))
    shape = (len(v), states, k.shape[-1], v.shape[-1])
    state = np.zeros(shape, np.float32) if past is None else past
    rule, shown = str(op.attr("update_rule")), list[Array]()
    for step in range(q.shape[2]):
        key, value = k[:, :, step], v[:, :, step]
        if decay is not None and "gated" in rule:
            state = state * np.exp(decay[:, step].reshape(*shape[:2], -1, 1))
        if beta is not None and "delta" in rule:
            value = beta[:, step, :, None] * (value - _read(key, state))
        state = state + key[..., None] * value[..., None, :]
        found = _read(q[:, :, step], state.repeat(q.shape[1] // states, axis=1))
        shown.append(found.reshape(len(found), -1))
    scale = number_of(op, "scale") or 1 / np.sqrt(shape[2])
    return np.stack(shown, axis=1) * np.float32(scale), state


def _read(rows: Array, state: Array) -> Array:
    """Of each head a row times its state."""
    return np.matmul(rows[..., None, :], state)[..., 0, :]


def _heads(x: Array, count: int) -> Array:
    """[batch, seq, heads * size] as [batch, heads, seq, size]."""
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


@defined(
    "CausalConvWithState",
    "input: T, weight: T, bias?: T, past_state?: T",
    "output: T, present_state: T, state_update?: T",
    {"T": FLOATS},
    {
        "activation": string("none"),
        "channels_last": integer(0),
        "dilation": integer(1),
        "input_channel_offset": integer(0),
        "input_channels": integer(0),
        "ndim": integer(1),
        "state_channels_last": integer(-1),
        "state_length": integer(0),
        "state_update_capacity": integer(0),
        "state_window": integer(0),
    },
)
def causal_convolution(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Each channel with the values of the last steps, those before the first from the state."""
    x, weight = given(inputs, 0), given(inputs, 1)
    bias, past = optional(inputs, 2), optional(inputs, 3)
    last, dilation, taps = (
        op.attr("channels_last") == 1,
        integer_of(op, "dilation"),
        weight.shape[2],
    )
    kept, axis = (taps - 1) * dilation, 1 if last else 2
    if past is None:
        past = np.zeros((*x.shape[:axis], kept, *x.shape[axis + 1 :]), np.float32)
    whole = np.concatenate([past, x], axis)
    rows = whole.reshape(*whole.shape[:2], -1).swapaxes(1, 2) if last else whole
    steps = rows.shape[2] - kept
    parts = [rows[:, :, i * dilation : i * dilation + steps] for i in range(taps)]
    y = np.zeros_like(parts[0])
    for i, part in enumerate(parts):
        y = y + weight[:, 0, i, None] * part
    y = y if bias is None else y + bias[:, None]
    y = y / (np.float32(1) + np.exp(-y)) if op.attr("activation") != "none" else y
    _, state = np.split(whole, [steps], axis)
    return y.swapaxes(1, 2).reshape(x.shape) if last else y, state
