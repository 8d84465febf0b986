"""Schemas that `onnx.defs` lacks: what ONNX Runtime's optimisers and its model builder emit."""

from __future__ import annotations

from collections.abc import Mapping

from dialects.onnx.schemas import Arity, AttributeSpec, Formal, Schema

FLOATS = frozenset({"tensor(float)", "tensor(float16)", "tensor(bfloat16)"})
F32 = frozenset({"tensor(float)"})
U8 = frozenset({"tensor(uint8)"})
I32 = frozenset({"tensor(int32)"})
I64 = frozenset({"tensor(int64)"})

INT = AttributeSpec("INT")
FLOAT = AttributeSpec("FLOAT")
NEEDED = AttributeSpec("INT", required=True)


def _int(default: int) -> AttributeSpec:
    return AttributeSpec("INT", default=default)


def _float(default: float) -> AttributeSpec:
    return AttributeSpec("FLOAT", default=default)


def _formals(text: str) -> tuple[Formal, ...]:
    """Read `"X: T, bias?: T"`; a question mark makes it optional."""
    pairs = (part.split(": ") for part in text.split(", "))
    return tuple(
        Formal(name.rstrip("?"), var, Arity.OPTIONAL if name.endswith("?") else Arity.SINGLE)
        for name, var in pairs
    )


def _required(formals: tuple[Formal, ...]) -> int:
    """The number of actuals up to the last one that must be there."""
    return max((i + 1 for i, f in enumerate(formals) if f.arity is Arity.SINGLE), default=0)


def _schema(
    name: str,
    inputs: str,
    outputs: str,
    type_vars: Mapping[str, frozenset[str]],
    attributes: Mapping[str, AttributeSpec],
    domain: str = "com.microsoft",
) -> Schema:
    takes, gives = _formals(inputs), _formals(outputs)
    return Schema(
        name, domain, 1, takes, gives, type_vars, attributes, _required(takes), _required(gives)
    )


EXTRA: tuple[Schema, ...] = (
    _schema(
        "SimplifiedLayerNormalization",
        "X: T, scale: V",
        "Y: V, inv_std_var?: U",
        {"T": FLOATS, "V": FLOATS, "U": F32},
        {"axis": _int(-1), "epsilon": _float(1e-5), "stash_type": _int(1)},
        domain="",
    ),
    _schema(
        "SkipSimplifiedLayerNormalization",
        "input: T, skip: T, gamma: T, bias?: T",
        "output: T, mean?: U, inv_std_var?: U, input_skip_bias_sum?: T",
        {"T": FLOATS, "U": F32},
        {"epsilon": _float(1e-12)},
    ),
    _schema(
        "SkipLayerNormalization",
        "input: T, skip: T, gamma: T, beta?: T, bias?: T",
        "output: T, mean?: U, inv_std_var?: U, input_skip_bias_sum?: T",
        {"T": FLOATS, "U": F32},
        {"epsilon": _float(1e-12)},
    ),
    _schema(
        "RotaryEmbedding",
        "input: T, position_ids: M, cos_cache: T, sin_cache: T",
        "output: T",
        {"T": FLOATS, "M": I64},
        {
            "interleaved": _int(0),
            "is_packed_batching": _int(0),
            "num_heads": _int(0),
            "rotary_embedding_dim": _int(0),
            "scale": _float(1.0),
        },
    ),
    _schema(
        "FusedMatMul",
        "A: T, B: T",
        "Y: T",
        {"T": FLOATS},
        {
            "alpha": _float(1.0),
            "transA": _int(0),
            "transB": _int(0),
            "transBatchA": _int(0),
            "transBatchB": _int(0),
        },
    ),
    _schema(
        "GroupQueryAttention",
        "query: T, key?: T, value?: T, past_key?: C, past_value?: C, seqlens_k: M, "
        "total_sequence_length: M, cos_cache?: T, sin_cache?: T, position_ids?: tensor(int64), "
        "attention_bias?: T, head_sink?: T, k_scale?: S, v_scale?: S, q_norm_weight?: T, "
        "k_norm_weight?: T, query_seqlens?: M",
        "output: T, present_key?: C, present_value?: C, output_qk?: T",
        {"T": FLOATS, "C": FLOATS | U8 | {"tensor(int8)"}, "S": F32, "M": I32},
        {
            "causal": _int(1),
            "do_rotary": _int(0),
            "k_norm_epsilon": FLOAT,
            "k_quant_type": AttributeSpec("STRING", default="NONE"),
            "kv_cache_bit_width": INT,
            "kv_num_heads": NEEDED,
            "local_window_size": _int(-1),
            "num_heads": NEEDED,
            "q_norm_epsilon": FLOAT,
            "qk_norm_epsilon": _float(1e-6),
            "qk_output": _int(0),
            "rotary_interleaved": _int(0),
            "scale": _float(0.0),
            "sliding_window_cache": _int(0),
            "smooth_softmax": _int(-1),
            "softcap": _float(0.0),
            "v_quant_type": AttributeSpec("STRING", default="NONE"),
        },
    ),
    _schema(
        "MatMulNBits",
        "A: T1, B: T2, scales: T1, zero_points?: T3, g_idx?: T4, bias?: T1",
        "Y: T1",
        {"T1": FLOATS, "T2": U8, "T3": FLOATS | U8, "T4": I32},
        {
            "K": NEEDED,
            "N": NEEDED,
            "accuracy_level": _int(0),
            "bits": _int(4),
            "block_size": NEEDED,
            "weight_prepacked": _int(0),
        },
    ),
    _schema(
        "GatherBlockQuantized",
        "data: T1, indices: I, scales: T2, zero_points?: T1",
        "output: T2",
        {"T1": U8, "T2": FLOATS, "I": I32 | I64},
        {
            "bits": _int(4),
            "block_size": _int(128),
            "gather_axis": _int(0),
            "quantize_axis": _int(1),
        },
    ),
    _schema("FastGelu", "X: T, bias?: T", "Y: T", {"T": FLOATS}, {}),
    _schema(
        "EmbedLayerNormalization",
        "input_ids: T1, segment_ids?: T1, word_embedding: T, position_embedding: T, "
        "segment_embedding?: T, gamma: T, beta: T, mask?: T1, position_ids?: T1",
        "output: T, mask_index?: T1, embedding_sum?: T",
        {"T": FLOATS, "T1": I32},
        {"epsilon": _float(1e-12), "mask_index_type": _int(0)},
    ),
    _schema(
        "Attention",
        "input: T, weights: T, bias?: T, mask_index?: M, past?: T, attention_bias?: T, "
        "past_sequence_length?: M",
        "output: T, present?: T",
        {"T": FLOATS, "M": I32},
        {
            "do_rotary": _int(0),
            "mask_filter_value": _float(-10000.0),
            "num_heads": NEEDED,
            "past_present_share_buffer": _int(0),
            "qkv_hidden_sizes": AttributeSpec("INTS"),
            "rotary_embedding_dim": _int(0),
            "scale": _float(0.0),
            "unidirectional": _int(0),
        },
    ),
)
