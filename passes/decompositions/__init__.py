"""How each ONNX operator is made of `lpu` operations: one file for each family of operators."""

from passes.decompositions import (  # noqa: F401  (imported to fill the table)
    activations,
    attention,
    elementwise,
    indexing,
    matrix,
    moves,
    normalization,
    reductions,
    rotary,
)
from passes.decompositions.registry import DECOMPOSITIONS, Results

__all__ = ["DECOMPOSITIONS", "Results"]
