"""What it takes to prove a program for several devices, when it is compiled and when it is loaded.

Part `prove`: 64 layers in a loop and written out, and a mixture of experts, on eight devices, each
check alone, both in turn; the best of some rounds, CPU time. A program of layers that are written
out takes more than a minute to compile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES, Shape
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
]
ROLL = "lpu-roll-layers"


def program_of(path: Path, is_rolled: bool, out: Path) -> None:
    """Compile a model for the ring, its layers in a loop or written out."""
    import lpuc
    from lpuc.compiler.pipeline import pipeline_of

    names = [name for stage in pipeline_of(DEVICES) for name in stage.passes]
    wanted = [name for name in names if is_rolled or name != ROLL]
    assert is_rolled or len(wanted) < len(names)
    lpuc.compile(path, devices=DEVICES, weights="none", pipeline=",".join(wanted)).save(out)


def milliseconds(path: Path, repeat: int) -> dict[str, float]:
    """CPU time of each check of a program, the best of some."""
    from runtime.program.program import Program
    from runtime.ring.checks.compile import prove

    program = Program.load(path)
    checks: dict[str, Callable[[], object]] = {
        "at compile": lambda: prove(program),
        "at load": program.check_ring,
    }
    best = dict.fromkeys(checks, float("inf"))
    for _ in range(repeat):
        for name, check in checks.items():
            started = time.process_time()
            check()
            best[name] = min(best[name], (time.process_time() - started) * 1e3)
    return best


def prove_part(folder: Path, repeat: int) -> None:
    """Compile, then time; programs stay in the folder, under the models."""
    limit_threads(1)
    print(f"proofs for {DEVICES} devices, CPU time, best of {repeat} (goal {GOAL} ms)")
    for name, shape, is_rolled in SETTINGS:
        place = folder / "proofs" / name.replace(" ", "-").replace(",", "")
        write_decoder(place / "model.onnx", shape)
        program_of(place / "model.onnx", is_rolled, place / "program.lpu")
        found = milliseconds(place / "program.lpu", repeat)
        shown = ", ".join(f"{check} {taken:6.1f} ms" for check, taken in found.items())
        print(f"  {name:24} {shown}, load {os.getloadavg()[0]:.1f}", flush=True)
