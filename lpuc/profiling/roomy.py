"""Models without weights, compiled for a machine even if its memory has no room for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions, target_of
from runtime.program.program import Program
from runtime.target import Target

ROOMY = 1 << 60
"""Bytes of HBM that no model exceeds."""


def compiled(model: Path, options: CompileOptions) -> Program:
    """The program of a model, to be timed whether it fits or not."""
    target = target_of(options.target)
    without = replace(options, target=roomy(target), weights="none")
    return replace(compile_model(model, without).program, target=target)


def roomy(target: Target) -> Target:
    """The same machine with room for any model."""
    entries = target.to_json()
    entries["hbm_bytes"]["value"] = ROOMY
    return Target.from_json(target.name, entries)
