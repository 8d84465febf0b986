"""Models without weights, compiled for a machine even if its memory has no room for them."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from json import dumps
from pathlib import Path

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions, target_of
from runtime.program.program import Program
from runtime.target import Target

ROOMY = 1 << 60
"""Bytes of HBM that no model exceeds."""


class Roomy(CompileOptions):
    """The same choices for the same machine, but for its memory."""

    @property
    def described(self) -> tuple[str, str | None]:
        name, _ = super().described
        return name, _file_of(roomy(target_of(self.target)))


def compiled(model: Path, options: CompileOptions) -> Program:
    """The program of a model, to be timed whether it fits or not."""
    given = {field.name: getattr(options, field.name) for field in fields(options)}
    program = compile_model(model, replace(Roomy(**given), weights="none")).program
    return replace(program, target=target_of(options.target))


def roomy(target: Target) -> Target:
    """The same machine with room for any model."""
    entries = target.to_json()
    entries["hbm_bytes"]["value"] = ROOMY
    return Target.from_json(target.name, entries)


def _file_of(target: Target) -> str:
    """What a file would say of a machine."""
    lines = list[str]()
    for key, entry in target.entries.items():
        cells = [f"{name} = {dumps(v, ensure_ascii=False)}" for name, v in asdict(entry).items()]
        lines.append(f"{key} = {{ {', '.join(cells)} }}\n".replace("\x7f", "\\u007f"))
    return "".join(lines)
