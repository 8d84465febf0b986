"""Code of published shapes as it was once, kept as compressed assembly."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from benchmarks.published.points import BOUND, POINTS, Point, compiled
from lpuc.profiling.roomy import roomy
from runtime.isa.encoding import encode
from runtime.program.assembly import assemble, disassemble
from runtime.program.program import Program
from runtime.target import Target

FROZEN = Path(__file__).parent / "frozen"
DIGESTS = FROZEN / "code.sha256.json"
"""Of the encoded words of each program."""


def text_of(program: Program, target: str) -> str:
    """A program as assembly that names its machine: entries of machines come and go."""
    first, rest = disassemble(program).split("\n", 1)
    assert first.startswith(".target ")
    return f'.target "{target}"\n{rest}'


def frozen_text(point: Point) -> str:
    """The assembly of a point."""
    return lzma.decompress((FROZEN / f"{point.name}.lpuasm.xz").read_bytes()).decode()


def frozen(point: Point, target: Target | None = None) -> Program:
    """The program of a point, on its machine or another one."""
    code = frozen_text(point).split("\n", 1)[1]
    own = target or Target.load(point.target)
    program = assemble(f".target {json.dumps(roomy(own).to_json())}\n{code}", point.name)
    return replace(program, target=own)


CODES = ("today", "frozen")
"""What the compiler makes now, and what it made once."""


def code_of(point: Point, code: str, folder: Path) -> Program:
    """The program of a point, of one of `CODES`; models are written to a folder."""
    return frozen(point) if code == "frozen" else compiled(point, BOUND, folder)


def digest(program: Program) -> str:
    """Of its words."""
    return sha256(encode(program.code)).hexdigest()


def freeze(folder: Path, models: Path) -> None:
    """Write what the compiler makes of all points today."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = dict[str, str]()
    for point in POINTS:
        program = compiled(point, BOUND, models)
        text = text_of(program, point.target).encode()
        packed = lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)
        (folder / f"{point.name}.lpuasm.xz").write_bytes(packed)
        digests[point.name] = digest(program)
    (folder / DIGESTS.name).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
