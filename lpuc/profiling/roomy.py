"""Models without weights, compiled for a machine even if its memory has no room for them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions, target_of
from runtime.program.program import Program
from runtime.target import Target

ROOMY = 1 << 60
"""Bytes of HBM that no model exceeds."""


def compiled(model: Path, options: CompileOptions) -> Program:
    """The program of a model, to be timed whether it fits or not."""
    target = target_of(options.target)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "roomy.toml"
        path.write_text(_text(roomy(target)), encoding="utf-8")
        without = replace(options, target=path, weights="none")
        return replace(compile_model(model, without).program, target=target)


def roomy(target: Target) -> dict[str, dict[str, Any]]:
    """The entries of the same machine with room for any model."""
    entries = target.to_json()
    return entries | {"hbm_bytes": entries["hbm_bytes"] | {"value": ROOMY}}


def _text(entries: dict[str, dict[str, Any]]) -> str:
    """The entries as a file has them."""
    lines = list[str]()
    for key, entry in entries.items():
        cells = ", ".join(f"{name} = {json.dumps(value)}" for name, value in entry.items())
        lines.append(f"{key} = {{ {cells} }}\n")
    return "".join(lines)
