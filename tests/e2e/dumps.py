"""Ways to feed a dump back, and what they are tried on: the program must have the same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from xdsl.xdsl_opt_main import xDSLOptMain

from lpuc.cli import invoke
from lpuc.compiler.dumping.reading import standing_of
from lpuc.compiler.located import parse_module
from tests.e2e.committed import ROOT

MODEL = ROOT / "samples/exports/gpt2.onnx"
TARGETS = ROOT / "runtime/targets"


def run(*command: str | Path) -> None:
    """One command that must succeed; what it prints is dropped."""
    with redirect_stdout(StringIO()):
        assert invoke([str(part) for part in command]) == 0, command


@dataclass(frozen=True)
class Dumped:
    """A folder with a model, the program made of it, and `dump`, what was dumped on the way."""

    folder: Path

    @property
    def program(self) -> bytes:
        return (self.folder / "model.lpu").read_bytes()

    @property
    def files(self) -> list[Path]:
        return sorted((self.folder / "dump").glob("*.mlir"))

    def passes(self) -> list[dict[str, object]]:
        """What the index says."""
        return json.loads((self.folder / "dump/index.json").read_text())["passes"]


def dumped(folder: Path, *options: str) -> Dumped:
    """
    Compile a copy of the model, in its folder, and forget what else the options name.

    Without any options prompts are taken in chunks, which is in the IR of all levels.
    """
    shutil.copy(MODEL, folder / "model.onnx")
    shutil.copy(TARGETS / "lpu-u55c.toml", folder / "mine.toml")
    compile = ("compile", "model.onnx", "-o", "model.lpu", "--max-context", "24")
    if options:
        compile = (*compile, "--prompt-chunk", "0")
    with chdir(folder):
        if "--plan" in options:
            run(*compile, "--devices", "2", "--whole-budget", "60", "--plan-out", "plan.json")
        run(*compile, "--dump-ir", "dump", *options)
    for name in ("mine.toml", "plan.json"):
        (folder / name).unlink(missing_ok=True)
    return Dumped(folder)


VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (),
    "target, role and reference": (
        "--target", "mine.toml", "--input-role", "position_ids=data", "--weights", "reference",
    ),
    "plan": ("--devices", "2", "--plan", "plan.json"),
    "shape and none": ("--shape", "seq=3", "--shape", "batch=2", "--no-weights"),
    "f32": ("--precision", "f32"),
}  # fmt: skip
"""Options of a compilation, by what they try."""


def in_place(file: Path, out: Path) -> None:
    """Where it was dumped, from the folder above."""
    with chdir(file.parent.parent):
        run("compile", "--from", Path("dump") / file.name, "-o", out)


def from_elsewhere(file: Path, out: Path) -> None:
    """From a working directory that has nothing to do with it."""
    with Elsewhere(out) as folder, chdir(folder):
        run("compile", "--from", file, "-o", out)


def copied(file: Path, out: Path) -> None:
    """The folder is somewhere else, and not any more where it was; the model stays."""
    with Elsewhere(out) as folder:
        moved = shutil.move(file.parent, folder / "moved")
        try:
            with chdir(folder):
                run("compile", "--from", Path("moved") / file.name, "-o", out)
        finally:
            shutil.move(moved, file.parent)


def by_xdsl(file: Path, out: Path) -> None:
    """xDSL's own tool goes half of the way, from elsewhere."""
    rest = _rest(file)
    half = ",".join(rest[: len(rest) // 2 + 1])
    with Elsewhere(out) as folder, chdir(folder):
        text = _xdsl_opt(file, half)
        (folder / "half.mlir").write_text(text)
        run("compile", "--from", "half.mlir", "-o", out)


def by_opt(file: Path, out: Path) -> None:
    """`lpuc opt` goes all of the way."""
    with Elsewhere(out) as folder, chdir(folder):
        command = ("opt", file, "-p", ",".join(_rest(file)), "--print-debuginfo")
        run(*command, "-o", "end.mlir")
        run("compile", "--from", "end.mlir", "-o", out)


def by_emit(file: Path, out: Path) -> None:
    """In two steps, the first of which ends with a level."""
    rest = _rest(file)
    with Elsewhere(out) as folder, chdir(folder):
        if "lpu-mem-allocate" not in rest:
            run("compile", "--from", file, "-o", out)
            return
        run("compile", "--from", file, "--emit", "mem", "-o", "mem.mlir")
        run("compile", "--from", "mem.mlir", "-o", out)


WAYS: dict[str, Callable[[Path, Path], None]] = {
    way.__name__: way for way in (in_place, from_elsewhere, copied, by_xdsl, by_opt, by_emit)
}


class Elsewhere:
    """An empty folder that is gone behind it."""

    def __init__(self, out: Path) -> None:
        self.folder = out.parent / "elsewhere"

    def __enter__(self) -> Path:
        self.folder.mkdir()
        return self.folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)


def _rest(file: Path) -> tuple[str, ...]:
    standing = standing_of(parse_module(file.read_text(), file.name))
    assert standing is not None
    return standing.rest


def _xdsl_opt(file: Path, passes: str) -> str:
    out = StringIO()
    with redirect_stdout(out):
        xDSLOptMain(args=[str(file), "-p", passes, "--print-debuginfo"]).run()
    return out.getvalue()


def judged(made: Dumped, file: Path, way: str) -> bool:
    """Whether a way leads to the same bytes; the program lies where the other one does."""
    out = made.folder / "again.lpu"
    try:
        WAYS[way](file, out)
        return out.read_bytes() == made.program
    finally:
        out.unlink(missing_ok=True)
