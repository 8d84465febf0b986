"""
What the compiler knows of each ONNX operator: one record each, one file for each family.

The families here serve most decoders; those in `others` are loaded when an operator is asked for
that these lack.
"""

from passes.onnx.operators import (
    activations,
    elementwise,
    indexing,
    matrix,
    moves,
    normalization,
    powers,
    reductions,
    sources,
)
from passes.onnx.operators.record import Operator, operators, record_at, record_of

FAMILIES = (
    activations,
    elementwise,
    indexing,
    matrix,
    moves,
    normalization,
    powers,
    reductions,
    sources,
)
"""The modules that fill the table when they are imported."""

__all__ = ["FAMILIES", "Operator", "operators", "record_at", "record_of"]
