"""Limits on what a model file may ask of the importer; a refusal names the flag that raises one."""

from __future__ import annotations

from typing import NamedTuple

from dialects.errors import CompileError


class Budgets(NamedTuple):
    """Each limit is inclusive; `flag` turns a field name into its command line flag."""

    file_bytes: int = 1 << 40
    graph_bytes: int = 1 << 26
    nodes: int = 100_000
    name_bytes: int = 4096
    rank: int = 8

    def check(self, field: str, value: int, what: str) -> None:
        """Refuse `value` of `what` if it is over the limit `field`."""
        limit: int = getattr(self, field)
        if value > limit:
            flag = f"--max-{field.replace('_', '-')}"
            raise CompileError(f"{what}: {value} is over the limit of {limit}", hint=f"see {flag}")
