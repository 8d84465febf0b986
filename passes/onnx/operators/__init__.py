"""What the compiler knows of each ONNX operator: one record each, one file for each family."""

from passes.onnx.operators import (
    activations,
    attention,
    convolution,
    einsum,
    elementwise,
    experts,
    grouped_query_attention,
    indexing,
    integer_products,
    linear_scales,
    matrix,
    moves,
    multi_head_attention,
    normalization,
    packed_attention,
    placing,
    pooling,
    powers,
    quantised,
    reductions,
    rotary,
    sources,
    statistics,
    trigonometry,
)
from passes.onnx.operators.record import OPERATORS, Operator, record_of

FAMILIES = (
    activations,
    attention,
    convolution,
    elementwise,
    experts,
    grouped_query_attention,
    indexing,
    integer_products,
    linear_scales,
    matrix,
    moves,
    multi_head_attention,
    normalization,
    packed_attention,
    pooling,
    quantised,
    reductions,
    rotary,
    sources,
    placing,
    powers,
    trigonometry,
    statistics,
    einsum,
)
"""The modules that fill the table when they are imported."""

__all__ = ["FAMILIES", "OPERATORS", "Operator", "record_of"]
