"""Families of operators that few decoders need: they fill the table when this is imported."""

from importlib import import_module

FAMILIES = (
    "attention",
    "causal_convolution",
    "codebook",
    "convolution",
    "einsum",
    "experts",
    "gates",
    "grouped_query_attention",
    "integer_convolution",
    "integer_products",
    "linear_attention",
    "linear_scales",
    "multi_head_attention",
    "packed_attention",
    "placing",
    "pooling",
    "quantised",
    "quantised_layers",
    "recurrent",
    "requantised",
    "rotary",
    "statistics",
    "trigonometry",
)
"""The modules beside this one that fill it."""

for family in FAMILIES:
    import_module(f"passes.onnx.operators.{family}")
