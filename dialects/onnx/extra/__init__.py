"""
Operators that `onnx.defs` lacks: what ONNX Runtime's optimisers and its model builder emit.

One file for each family; schema and meaning of an operator stand together, and nothing else of this
level names it.
"""

from dialects.onnx.extra import (
    activations,
    attention,
    codebook,
    experts,
    gates,
    grouped_query_attention,
    indexing,
    integer_products,
    linear_attention,
    linear_scales,
    matrix,
    normalization,
    quantised,
    quantised_layers,
    requantised,
    rotary,
)
from dialects.onnx.extra.definition import SCHEMAS, SEMANTICS

FAMILIES = (
    activations,
    attention,
    codebook,
    experts,
    gates,
    grouped_query_attention,
    indexing,
    integer_products,
    linear_attention,
    linear_scales,
    matrix,
    normalization,
    quantised,
    quantised_layers,
    requantised,
    rotary,
)
"""The modules that fill the tables when they are imported."""

__all__ = ["FAMILIES", "SCHEMAS", "SEMANTICS"]
