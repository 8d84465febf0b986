"""Part `dump`: what `--dump-ir` costs, with and without in turn, and its largest file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median

from benchmarks.speed.models import model
from benchmarks.speed.processes import once

STORIES = Path("samples/stories/model.onnx")
DEEP = 48
LARGEST_MB = 2


def dump_part(folder: Path, repeat: int) -> None:
    """The sample of stories, with its weights, and a Llama shape with 48 layers, without."""
    print(f"compile with --dump-ir, time of processors, whole command, medians of {repeat} in turn")
    _compare("stories", STORIES, (), repeat, 1.5)
    _compare(f"{DEEP} layers", model(folder, "llama", DEEP), ("--no-weights",), repeat, 3.0)


def _compare(name: str, path: Path, options: tuple[str, ...], repeat: int, goal: float) -> None:
    folder = Path("build/speed-dump")
    program, dump = folder / "speed.lpu", folder / "dump"
    folder.mkdir(parents=True, exist_ok=True)
    plain = (sys.executable, "-m", "lpuc", "compile", str(path), "-o", str(program), *options)
    dumping = (*plain, "--dump-ir", str(dump))
    try:
        for command in (plain, dumping):
            once(command)
        pairs = [(once(plain).busy, once(dumping).busy) for _ in range(repeat)]
        largest = max(file.stat().st_size for file in dump.iterdir())
    finally:
        shutil.rmtree(folder)
    before, after = (median(column) for column in zip(*pairs, strict=True))
    print(f"  {name:10} {before:6.2f} s, {after:6.2f} s with: {after / before:.2f} (goal {goal})")
    print(f"  {name:10} largest file {largest / 1e6:.2f} MB (goal {LARGEST_MB})")
