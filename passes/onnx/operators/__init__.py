"""How each ONNX operator is made of `lpu` operations: one file for each family of operators."""

from passes.onnx.operators import (
    activations,
    attention,
    elementwise,
    grouped_query_attention,
    indexing,
    matrix,
    moves,
    normalization,
    packed_attention,
    quantised,
    reductions,
    rotary,
)
from passes.onnx.operators.registry import DECOMPOSITIONS, Results

FAMILIES = (
    activations,
    attention,
    elementwise,
    grouped_query_attention,
    indexing,
    matrix,
    moves,
    normalization,
    packed_attention,
    quantised,
    reductions,
    rotary,
)
"""The modules that fill the table when they are imported."""

__all__ = ["DECOMPOSITIONS", "FAMILIES", "Results"]
