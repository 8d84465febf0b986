"""The operators that the compiler takes: those of the schemas that have a record."""

from __future__ import annotations

from dialects.onnx.ops import classes
from passes.onnx.operators import operators


def taken() -> set[str]:
    """Their names, `com.microsoft.NAME` for those of that domain."""
    return {
        f"{domain}.{name}" if domain else name for domain, name in operators().keys() & classes()
    }
