"""What a user can choose when compiling; passes read it from the module attribute `lpu.options`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.dialects.builtin import DictionaryAttr

PRECISIONS = ("f32", "f16", "bf16")
"""Element types that weights, cache and matrix products can have."""

DEFAULT_PRECISION = "f16"

WEIGHTS = ("embed", "reference", "none")
"""Where a program has its weights; without them it can be inspected, not run."""

BUDGETS = ("file_bytes", "graph_bytes", "nodes", "name_bytes", "rank")
"""The limits on what a model may ask of the importer, by their names in its `Budgets`."""


@dataclass(frozen=True)
class CompileOptions:
    """
    The choices of one compilation.

    `shape` fixes symbolic dimensions by name, `max_context` bounds the cache (None: the default of
    the compiler), `budgets` raises limits of the importer, `pipeline` replaces the default passes.
    `weights` is one of `WEIGHTS`; without weights the files they lie in need not exist.
    """

    target: str = "lpu-4nm"
    precision: str = DEFAULT_PRECISION
    max_context: int | None = None
    shape: Mapping[str, int] = field(default_factory=dict[str, int])
    budgets: Mapping[str, int] = field(default_factory=dict[str, int])
    pipeline: str | None = None
    weights: str = WEIGHTS[0]

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision '{self.precision}' is not one of {', '.join(PRECISIONS)}")

    def attribute(self) -> DictionaryAttr:
        """The options as the attribute `lpu.options`; names of dimensions are escaped."""
        from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr, i64
        from xdsl.ir import Attribute

        from dialects.names import escape

        entries: dict[str, Attribute] = {
            "target": StringAttr(self.target),
            "precision": StringAttr(self.precision),
        }
        if self.max_context is not None:
            entries["max_context"] = IntegerAttr(self.max_context, i64)
        if self.shape:
            shape = sorted(self.shape.items())
            entries["shape"] = DictionaryAttr(
                {escape(name): IntegerAttr(value, i64) for name, value in shape}
            )
        return DictionaryAttr(entries)
