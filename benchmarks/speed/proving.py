"""What it takes to prove a program for several devices, when it is compiled and when it is loaded.

Part `prove`: 64 layers in a loop and written out, a mixture of experts and GPT-2-small, on eight
devices; the best of some rounds, CPU time. Each check runs in a process of its own that is set up
as `lpuc` is, for checks remember what they found. A program of layers that are written out takes
more than a minute to compile.

    python -m benchmarks.speed.proving PROGRAM --check load     times one check once
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES, Shape
from benchmarks.speed.processes import answer
from lpuc.cli import NEW_OBJECTS
from lpuc.cli.threads import limit_threads

DEVICES, GOAL = 8, 100
"""Devices of the ring, and the milliseconds that each check may take."""
DEEP = {
    "gpt2": replace(SHAPES["gpt2-tiny"], layers=64, width=128, heads=8, hidden=512),
    "llama": replace(SHAPES["llama-tiny"], layers=64, width=128, heads=8, hidden=256),
}
SETTINGS: list[tuple[str, Shape, bool]] = [
    *((f"{name} x 64", shape, True) for name, shape in DEEP.items()),
    *((f"{name} x 64, written out", shape, False) for name, shape in DEEP.items()),
    ("mixtral", SHAPES["mixtral"], True),
    ("gpt2", SHAPES["gpt2"], True),
]
CHECKS = ("compile", "load")
ROLL = "lpu-roll-layers"


def program_of(path: Path, is_rolled: bool, out: Path) -> None:
    """Compile a model for the ring, its layers in a loop or written out."""
    import lpuc
    from lpuc.compiler.pipeline import pipeline_of

    names = [name for stage in pipeline_of(DEVICES) for name in stage.passes]
    wanted = [name for name in names if is_rolled or name != ROLL]
    assert is_rolled or len(wanted) < len(names)
    lpuc.compile(path, devices=DEVICES, weights="none", pipeline=",".join(wanted)).save(out)


def milliseconds(path: Path, check: str) -> float:
    """CPU time of one check of a program, of which nothing is known yet, without its import."""
    from runtime.program import program as module
    from runtime.ring.checks.compile import prove

    import_module("runtime.ring.checks.load")
    taken = [0.0]
    timed = partial(_timed, module.check_ring, taken)
    with patch.object(module, "check_ring", timed):
        program = module.Program.load(path)
    if check == "compile":
        _timed(prove, taken, program)
    return taken[-1] * 1e3


def _timed(check: Callable[..., object], taken: list[float], *arguments: object) -> None:
    """Check, and note the CPU time."""
    started = time.process_time()
    check(*arguments)
    taken.append(time.process_time() - started)


def best_of(path: Path, check: str, repeat: int) -> float:
    """The best of some processes."""
    command = "benchmarks.speed.proving", [str(path), "--check", check]
    return min(answer(*command) for _ in range(repeat))


def prove_part(folder: Path, repeat: int) -> None:
    """Compile, then time; programs stay in the folder, under the models."""
    limit_threads(1)
    print(f"proofs for {DEVICES} devices, CPU time, best of {repeat} (goal {GOAL} ms)")
    for name, shape, is_rolled in SETTINGS:
        place = folder / "proofs" / name.replace(" ", "-").replace(",", "")
        write_decoder(place / "model.onnx", shape)
        program_of(place / "model.onnx", is_rolled, place / "program.lpu")
        found = {check: best_of(place / "program.lpu", check, repeat) for check in CHECKS}
        shown = ", ".join(f"at {check} {taken:6.1f} ms" for check, taken in found.items())
        print(f"  {name:24} {shown}, load {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    """Time one check."""
    parser = argparse.ArgumentParser(description="Time a proof of a program.")
    parser.add_argument("program", type=Path)
    parser.add_argument("--check", choices=CHECKS, required=True)
    arguments = parser.parse_args()
    limit_threads(1)
    gc.set_threshold(NEW_OBJECTS)
    print(json.dumps(milliseconds(arguments.program, arguments.check)))


if __name__ == "__main__":
    main()
